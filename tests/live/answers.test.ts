/** The built client's answers from the real LiteLLM proxy with its database. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { chat, keyOf, signedUp, spendOf, startWorld } from './support.ts';
import type { User, World } from './support.ts';
import { ANSWER, PARTIAL, REASONING } from './upstream.ts';

/** The proxy writes its spend log every other second. */
const SOON = { timeout: 30_000, interval: 250 };

let world: World;
let user: User;

beforeAll(async () => {
  world = await startWorld();
});

afterAll(async () => {
  await world.close();
});

beforeEach(async () => {
  user = await signedUp(world);
});

/** What the account has recorded of a call. */
async function recorded(callId: string) {
  const rows = await world.stack.db.query<{
    pico: string | null;
    cost_source: string;
    outcome: string;
    prompt_tokens: number;
    completion_tokens: number;
  }>(
    `select (cost_estimated * 1e12)::numeric(40, 0)::text as pico, cost_source, outcome, prompt_tokens, completion_tokens
     from public.usage_records where call_id = $1`,
    [callId],
  );
  return rows;
}

describe('an answer', () => {
  it('streams with its usage, costs what the integer sum says, and is in the account as in the spend log', async () => {
    const seen = await chat(user, 'gpt-4o-mini');
    expect(seen.text).toBe(ANSWER);
    // 8 new tokens at 0.15, 4 cached ones at 0.075 and 5 written ones at 0.60 USD a million.
    const pico = 8n * 150_000n + 4n * 75_000n + 5n * 600_000n;
    expect(seen.answer).toMatchObject({
      outcome: { kind: 'done' },
      usage: { promptTokens: 12, completionTokens: 5, totalTokens: 17, cachedTokens: 4, reasoningTokens: 2 },
      cost: { picoUsd: pico.toString(), source: 'reported' },
    });

    const again = await chat(user, 'gpt-4o');
    const dearer = 8n * 2_500_000n + 4n * 1_250_000n + 5n * 10_000_000n;
    expect(again.answer.cost.picoUsd).toBe(dearer.toString());
    expect(user.client.usage(true).window).toMatchObject({
      requests: 2,
      costPicoUsd: (pico + dearer).toString(),
      estimated: false,
    });

    const { hash } = keyOf(user);
    for (const [{ callId }, cost] of [
      [seen, pico],
      [again, dearer],
    ] as const) {
      await vi.waitFor(async () => {
        const [row, ...more] = await recorded(callId);
        expect(row).toEqual({
          pico: cost.toString(),
          cost_source: 'reported',
          outcome: 'done',
          prompt_tokens: 12,
          completion_tokens: 5,
        });
        expect(more).toEqual([]);
        const [spend, ...rest] = await spendOf(world, callId);
        expect(spend).toMatchObject({ api_key: hash, prompt_tokens: 12, completion_tokens: 5 });
        expect(spend?.user).toBe(user.client.account()?.userId);
        expect(BigInt(Math.round((spend?.spend ?? 0) * 1e12))).toBe(cost);
        expect(rest).toEqual([]);
      }, SOON);
    }
  });

  it('asks for tools, in parallel', async () => {
    const { answer } = await chat(user, 'tools');
    expect(answer.outcome).toEqual({ kind: 'tool_calls' });
    expect(answer.toolCalls).toEqual([
      { id: 'call_a', name: 'read_file', arguments: '{"path":"a.txt"}' },
      { id: 'call_b', name: 'list_folder', arguments: '{"folder":"src"}' },
    ]);
  });

  it('shows its reasoning apart from its text, and no cost where nobody knows a price', async () => {
    const { answer, text, reasoning } = await chat(user, 'reason');
    expect({ text, reasoning, outcome: answer.outcome }).toEqual({
      text: ANSWER,
      reasoning: REASONING,
      outcome: { kind: 'done' },
    });
    expect(answer.cost).toEqual({ text: '–', source: 'unknown' });
  });

  it('stops at the upstream too when the user stops it, and keeps what came', async () => {
    const abort = new AbortController();
    const { answer, text, callId } = await chat(user, 'slow', { maxRetries: 3 }, abort.signal, (sofar) => {
      if (sofar.length > 40) abort.abort();
    });
    expect(answer.outcome).toEqual({ kind: 'cancelled' });
    expect(text.length).toBeGreaterThan(40);
    await vi.waitFor(() => {
      expect(world.upstream.callsOf('slow')).toMatchObject([{ aborted: true }]);
    }, SOON);
    await vi.waitFor(async () => {
      expect(await recorded(callId)).toMatchObject([{ outcome: 'cancelled', pico: null, cost_source: 'unknown' }]);
    }, SOON);
  });
});

describe('an answer that breaks', () => {
  it.each([
    ['with an error of the upstream in mid-stream', 'midstream-error'],
    ['because the connection to the upstream broke', 'cut'],
  ])('%s keeps what came, and is not asked for again', async (_, model) => {
    const { answer, text, callId } = await chat(user, model, { maxRetries: 3 }, undefined, () => {
      world.upstream.breakStreams();
    });
    expect(text).toBe(PARTIAL);
    expect(answer.outcome).toMatchObject({
      kind: 'error',
      error: { code: 'SERVER_ERROR', status: 500, server: 'models' },
    });
    expect(world.upstream.callsOf(model)).toHaveLength(1);
    await vi.waitFor(async () => {
      expect(await recorded(callId)).toMatchObject([{ outcome: 'error', pico: null }]);
    }, SOON);
  });

  it('is truncated when the stream ends between proxy and client, as if it were complete', async () => {
    const before = world.front.chats();
    const { answer, text } = await chat(user, 'unfinished', { maxRetries: 3 }, undefined, () => {
      world.front.endAnswers();
    });
    expect(answer.outcome).toEqual({ kind: 'truncated' });
    expect(text).toBe(PARTIAL);
    expect(world.front.chats() - before).toBe(1);
  });

  it('is a network error when the connection to the proxy breaks', async () => {
    const before = world.front.chats();
    const { answer, text } = await chat(user, 'unfinished', { maxRetries: 3 }, undefined, () => {
      world.front.dropAnswers();
    });
    expect(answer.outcome).toMatchObject({ kind: 'error', error: { code: 'NETWORK_ERROR', network: 'lost' } });
    expect(text).toBe(PARTIAL);
    expect(world.front.chats() - before).toBe(1);
  });
});

describe('a request that is refused', () => {
  it.each([
    ['a dead upstream', 'dead', 2, { code: 'SERVER_ERROR', status: 500, retryable: true }, 3],
    ['an upstream that fails', 'status-500', 2, { code: 'SERVER_ERROR', status: 500, retryAfterMs: 1000 }, 3],
    ['a busy upstream', 'status-429', 1, { code: 'RATE_LIMITED', status: 429, retryAfterMs: 1000 }, 2],
    ['an upstream that does not understand', 'status-400', 3, { code: 'BAD_REQUEST', status: 400 }, 1],
    ['an unknown model', 'no-such-model', 3, { code: 'MODEL_NOT_FOUND', status: 400 }, 1],
  ])('for %s is what it is', async (_, model, maxRetries, error, attempts) => {
    const before = world.front.chats();
    const { key } = keyOf(user);
    const { answer, text } = await chat(user, model, { maxRetries });
    expect(answer.outcome).toMatchObject({ kind: 'error', error: { ...error, server: 'models' } });
    expect(text).toBe('');
    expect(world.front.chats() - before).toBe(attempts);
    expect(keyOf(user).key).toBe(key);
  });
});
