import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { estimateMessageTokens, estimateTokens } from '../../../extension/src/lm/tokens.ts';

describe('the estimate of tokens', () => {
  it.each([
    ['', 0],
    ['a', 1],
    ['four', 1],
    ['five5', 2],
    ['<|endoftext|>', 4],
    ['\ud800', 1],
    ['Привет', 3],
    ['你好世界', 3],
    ['👋🏽', 2],
  ])('of %j is %i', (text, expected) => {
    expect(estimateTokens(text)).toBe(expected);
  });

  it('counts UTF-8 as the encoder does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(estimateTokens(text)).toBe(Math.ceil(new TextEncoder().encode(text).length / 4));
      }),
    );
  });

  it('of a message has all that is sent, and nothing for what is not', () => {
    const of = (...parts: Parameters<typeof estimateMessageTokens>[0]['parts']): number =>
      estimateMessageTokens({ role: 'user', parts });
    const empty = of();
    expect(of({ kind: 'text', text: '12345678' })).toBe(empty + 2);
    expect(of({ kind: 'other', what: 'cache_control' }, { kind: 'file', mimeType: 'application/pdf' })).toBe(empty);
    expect(of({ kind: 'image', mimeType: 'image/png', bytes: new Uint8Array(9) })).toBe(empty + 1000);
    expect(of({ kind: 'toolCall', id: 'c1', name: 'read', input: { a: 1 } })).toBe(empty + 4);
    expect(of({ kind: 'toolCall', id: 'c1', name: 'read', input: undefined })).toBe(empty + 2);
    expect(of({ kind: 'toolResult', callId: 'call', content: [{ kind: 'text', text: '1234' }] })).toBe(empty + 2);
  });
});
