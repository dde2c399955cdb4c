import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { estimateMessageTokens, estimateTokens } from '../../../extension/src/lm/tokens.ts';

describe('the estimate of tokens', () => {
  // In brackets: what o200k_base, the tokenizer of GPT-4o and later, makes of it.
  it.each([
    ['', 0],
    ['a', 1],
    ['The client reads the answer as it arrives.', 10], // [9]
    ['const total = prices.map(({ base }) => base * 1000);', 19], // [15]
    ['{"id":"call_1","arguments":{"path":"src/main.ts"}}', 21], // [15]
    ['Der Zähler läuft weiter.', 6], // [6]
    ['Клиент читает ответ', 6], // [6]
    ['用户可以继续。', 5], // [4]
    ['👋🏽', 4], // [4]
    ['        \n', 1], // [1]
    ['<|endoftext|>', 5], // [7]
  ])('of %j is %i', (text, expected) => {
    expect(estimateTokens(text)).toBe(expected);
  });

  it('takes whatever text there is, and never falls when a text goes on', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, more) => {
        const [before, after] = [estimateTokens(text), estimateTokens(text + more)];
        expect(Number.isSafeInteger(before)).toBe(true);
        expect(after).toBeGreaterThanOrEqual(before);
        expect(after).toBeLessThanOrEqual(before + estimateTokens(more));
      }),
    );
  });

  it('of a message has all that is sent, and nothing for what is not', () => {
    const of = (...parts: Parameters<typeof estimateMessageTokens>[0]['parts']): number =>
      estimateMessageTokens({ role: 'user', parts });
    const empty = of();
    expect(of({ kind: 'text', text: 'Why is it so?' })).toBe(empty + estimateTokens('Why is it so?'));
    expect(of({ kind: 'other', what: 'cache_control' }, { kind: 'file', mimeType: 'application/pdf' })).toBe(empty);
    expect(of({ kind: 'image', mimeType: 'image/png', bytes: new Uint8Array(9) })).toBe(empty + 1000);
    expect(of({ kind: 'toolCall', id: 'c1', name: 'read', input: { a: 1 } })).toBe(
      empty + estimateTokens('c1read{"a":1}'),
    );
    expect(of({ kind: 'toolCall', id: 'c1', name: 'read', input: undefined })).toBe(empty + estimateTokens('c1read{}'));
    expect(of({ kind: 'toolResult', callId: 'call', content: [{ kind: 'text', text: 'found' }] })).toBe(
      empty + estimateTokens('call') + estimateTokens('found'),
    );
  });
});
