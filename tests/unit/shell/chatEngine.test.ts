/** What the panel gets of the core: models with what to know of them, and how an answer ended, in words. */
import { beforeEach, describe, expect, it } from 'vitest';

import type { ChatAnswer, ChatCall, ChatPiece, ErrorDetail, ModelInfo } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService } from '../../../extension/src/account.ts';
import type { ChatDelta, ChatEnd } from '../../../extension/src/chat/engine.ts';
import { CoreChatEngine } from '../../../extension/src/chatEngine.ts';
import { host } from './vscode.ts';

const COST = { text: '≈ $0.01', source: 'catalog' } as const;
const ended = (outcome: ChatAnswer['outcome']): ChatAnswer => ({ outcome, toolCalls: [], cost: COST });

let models: readonly ModelInfo[];
let answer: () => Promise<ChatAnswer>;
let call: ChatCall | undefined;
let log: string[];
let engine: CoreChatEngine;

beforeEach(() => {
  host.reset();
  models = [];
  call = undefined;
  answer = () => Promise.resolve(ended({ kind: 'done' }));
  log = [];
  const client = {
    chat: (_id: string, asked: ChatCall, _options: unknown, onPiece: (piece: ChatPiece) => void) => {
      call = asked;
      onPiece({ text: 'Hel' });
      return answer();
    },
  };
  engine = new CoreChatEngine({
    account: { client: () => Promise.resolve(client) } as unknown as AccountService,
    models: { read: () => Promise.resolve(models) },
    settings: () => ({
      backend: { supabaseUrl: '', supabaseKey: '', litellmUrl: '' },
      autoSignIn: true,
      showCostEstimates: true,
      defaultModel: 'm',
      network: { timeoutSeconds: 7, maxRetries: 2 },
    }),
    report: (what) => log.push(what),
    note: (line) => log.push(line),
  });
});

async function ask(): Promise<{ readonly end: ChatEnd; readonly deltas: ChatDelta[] }> {
  const deltas: ChatDelta[] = [];
  const messages = [
    { role: 'user', content: 'Look', images: ['data:image/png;base64,AA=='] },
    { role: 'assistant', content: 'I see.' },
  ] as const;
  const request = { callId: 'c1', model: 'm', messages };
  const end = await engine.stream(request, (delta) => deltas.push(delta), new AbortController().signal);
  return { end, deltas };
}

const fault = (detail: ErrorDetail): Error => Object.assign(new Error(detail.code), { name: 'GodotyError', detail });

describe('the models to choose from', () => {
  it('say what they cost and whether they see images', async () => {
    models = [
      { id: 'a', chat: true, inputPerMillion: '$0.15', outputPerMillion: '$0.60', vision: true },
      { id: 'b', chat: true, inputPerMillion: '$0.15', vision: false },
    ];
    expect(await engine.models()).toEqual([
      { id: 'a', label: 'a', detail: '$0.15 in, $0.60 out per million tokens · sees images', vision: true },
      { id: 'b', label: 'b', detail: 'price not known', vision: false },
    ]);
  });
});

describe('an answer', () => {
  it('is asked for with the images of each question, and comes piece by piece with its cost', async () => {
    const { end, deltas } = await ask();
    expect(call).toEqual({
      model: 'm',
      messages: [
        {
          role: 'user',
          parts: [
            { type: 'text', text: 'Look' },
            { type: 'image_url', imageUrl: { url: 'data:image/png;base64,AA==' } },
          ],
        },
        { role: 'assistant', text: 'I see.' },
      ],
    });
    expect(deltas).toEqual([{ text: 'Hel' }]);
    expect(end).toEqual({ outcome: 'done', cost: { text: '≈ $0.01', detail: 'estimated from catalog prices' } });
  });

  it.each(['length', 'filtered', 'tool_calls', 'cancelled', 'truncated'] as const)('that ends as %s', async (kind) => {
    answer = () => Promise.resolve(ended({ kind }));
    expect((await ask()).end.outcome).toBe(kind);
  });

  it.each([
    [{ code: 'NETWORK_ERROR', network: 'offline', retryable: true }, true],
    [{ code: 'NETWORK_ERROR', network: 'refused', retryable: true }, false],
  ] as const)(
    'that fails has words, and next steps but Retry, which the panel has itself: %j',
    async (error, offline) => {
      answer = () => Promise.resolve(ended({ kind: 'error', error }));
      const { end } = await ask();
      expect(end).toMatchObject({ outcome: 'error', error: { code: 'NETWORK_ERROR', offline } });
      const actions = end.outcome === 'error' ? end.error.actions.map(({ id }) => id) : [];
      expect(actions).not.toContain('retry');
      expect(actions).not.toHaveLength(0);
      expect(log).toEqual(['an answer failed: NETWORK_ERROR']);
    },
  );

  it('that was never asked for costs nothing and says why, unless it was stopped before', async () => {
    answer = () => Promise.reject(fault({ code: 'ORIGIN_MISMATCH', retryable: false }));
    expect((await ask()).end).toMatchObject({
      outcome: 'error',
      error: { code: 'ORIGIN_MISMATCH' },
      cost: { text: '' },
    });
    answer = () => Promise.reject(fault({ code: 'CANCELLED', retryable: false }));
    expect((await ask()).end).toEqual({ outcome: 'cancelled', cost: { text: '', detail: '' } });
  });

  it('is told of while it is on its way, with its model', async () => {
    const seen: (readonly string[])[] = [];
    engine.onDidChangeStreaming(() => seen.push([...engine.answering]));
    await ask();
    expect(seen).toEqual([['m'], []]);
    expect(engine.streaming).toBe(false);
  });
});
