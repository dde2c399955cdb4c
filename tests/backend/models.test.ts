import { createHash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { EXPOSED_HEADERS } from '../../local/server/models/routes.ts';
import type { LocalStack } from '../../local/server/start.ts';
import { callModel, startTestStack, TestClock } from './support.ts';
import type { Answer } from './support.ts';

const clock = new TestClock();
let stack: LocalStack;

beforeAll(async () => {
  stack = await startTestStack({ clock });
});
afterAll(() => stack.close());

const manage = (action: string, body: unknown): Promise<Answer> =>
  callModel(stack, `/key/${action}`, stack.masterKey, body);
async function newKey(options: object = {}): Promise<string> {
  return String((await manage('generate', options)).body['key']);
}
const ask = (key: string | undefined, overrides: object = {}): Promise<Answer> =>
  callModel(stack, '/v1/chat/completions', key, {
    model: 'gpt-4o-mini',
    messages: [{ role: 'user', content: 'Hello there' }],
    ...overrides,
  });
const errorOf = (answer: Answer): unknown[] => {
  const error = answer.body['error'] as { type: string; code: string } | undefined;
  return [answer.status, error?.type, error?.code];
};
async function spendOf(key: string): Promise<number> {
  const answer = await callModel(stack, `/key/info?key=${key}`, stack.masterKey);
  return (answer.body['info'] as { spend: number }).spend;
}

interface Chunk {
  id: string;
  model: string;
  choices: { delta: { content?: string; role?: string }; finish_reason?: string }[];
  usage?: { prompt_tokens: number; completion_tokens: number; total_tokens: number; cost: number };
}
/** The events of a stream, the last being [DONE]. */
function events(answer: Answer): Chunk[] {
  const lines = answer.text.split('\n\n').filter((line) => line !== '');
  expect(lines.at(-1)).toBe('data: [DONE]');
  return lines.slice(0, -1).map((line) => JSON.parse(line.slice('data: '.length)) as Chunk);
}
const textOf = (chunks: readonly Chunk[]): string =>
  chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');

describe('a stream', () => {
  it('has text in pieces, one finish, and the usage when it was asked for', async () => {
    const answer = await ask(await newKey(), { stream: true, stream_options: { include_usage: true } });
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(answer.headers.get('x-litellm-response-cost')).toBeNull();
    const chunks = events(answer);
    expect(new Set(chunks.map(({ id, model }) => `${id} ${model}`)).size).toBe(1);
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
    expect(chunks.filter((chunk) => chunk.choices[0]?.finish_reason !== undefined)).toHaveLength(1);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
    const text = textOf(chunks);
    expect(text).toContain('not a language model');
    expect(text).toMatch(/^## [^]*\n- [^]*```sh\n/);
    // Four tokens for the message's marks, and one for each four bytes of its text.
    const [prompt, completion] = [4 + 3, Math.ceil(Buffer.byteLength(text) / 4)];
    expect(chunks.at(-1)?.usage).toEqual({
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: prompt + completion,
      completion_tokens_details: { reasoning_tokens: 0 },
      prompt_tokens_details: { cached_tokens: 0 },
      cost: (prompt * 150_000 + completion * 600_000) / 1e12,
    });
  });

  it('has no usage when nobody asked', async () => {
    const chunks = events(await ask(await newKey(), { stream: true }));
    expect(chunks.every(({ usage }) => usage === undefined)).toBe(true);
  });

  it('is the same text for the same question', async () => {
    const key = await newKey();
    const [first, second] = [await ask(key, { stream: true }), await ask(key, { stream: true })];
    expect(textOf(events(first))).toBe(textOf(events(second)));
  });

  it('counts as far as it is told', async () => {
    const answer = await ask(await newKey(), {
      stream: true,
      messages: [{ role: 'user', content: 'Please count to 300.' }],
    });
    expect(textOf(events(answer))).toContain('298, 299, 300.');
  });

  it('ends at the limit of tokens and says so', async () => {
    const answer = await ask(await newKey(), { stream: true, max_tokens: 20, stream_options: { include_usage: true } });
    const chunks = events(answer);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('length');
    expect(chunks.at(-1)?.usage?.completion_tokens).toBeLessThanOrEqual(20);
  });

  it('stops at the server when the client goes, and only what was written is paid', async () => {
    const paced = await startTestStack({ models: { kind: 'built-in', chunksPerSecond: 200 } });
    try {
      const generated = await callModel(paced, '/key/generate', paced.masterKey, {});
      const key = String(generated.body['key']);
      const token = String(generated.body['token']);
      const client = new AbortController();
      const response = await fetch(`${paced.litellmUrl}/v1/chat/completions`, {
        method: 'POST',
        signal: client.signal,
        headers: { authorization: `Bearer ${key}` },
        body: JSON.stringify({
          model: 'gpt-4o',
          stream: true,
          messages: [{ role: 'user', content: 'Tell a long story' }],
        }),
      });
      const reader = response.body?.getReader();
      await reader?.read();
      client.abort();
      const spend = async (): Promise<number> => {
        const [row] = await paced.db.query<{ spend: string }>(
          'select spend from local_stack.model_keys where token = $1',
          [token],
        );
        return Number(row?.spend);
      };
      // The spend is written when the server has stopped, so its appearance is the sign that it has.
      await expect.poll(spend, { timeout: 10_000, interval: 20 }).toBeGreaterThan(0);
      // The whole story costs more than two cents.
      expect(await spend()).toBeLessThan(0.01);
    } finally {
      await paced.close();
    }
  });
});

describe('an answer in one piece', () => {
  it('has the usage and the cost, also as a header', async () => {
    const answer = await ask(await newKey(), { model: 'gpt-4o' });
    const usage = answer.body['usage'] as { prompt_tokens: number; completion_tokens: number; cost: number };
    expect(usage.cost).toBe((usage.prompt_tokens * 2_500_000 + usage.completion_tokens * 10_000_000) / 1e12);
    expect(Number(answer.headers.get('x-litellm-response-cost'))).toBe(usage.cost);
    expect(answer.body).toMatchObject({ object: 'chat.completion', choices: [{ finish_reason: 'stop' }] });
  });

  it('understands content in parts', async () => {
    const content = [
      { type: 'text', text: 'count to 3' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,' } },
    ];
    const answer = await ask(await newKey(), { messages: [{ role: 'user', content }] });
    expect(answer.text).toContain('1, 2, 3.');
  });
});

describe('the call id', () => {
  it('is the client’s when it made one', async () => {
    const id = crypto.randomUUID();
    const key = await newKey();
    const send = async (value: string): Promise<string | null> =>
      (
        await fetch(`${stack.litellmUrl}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'x-litellm-call-id': value },
          body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] }),
        })
      ).headers.get('x-litellm-call-id');
    expect(await send(id)).toBe(id);
    expect(await send('a b')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('what a key has spent', () => {
  it('is the exact sum of its answers’ costs', async () => {
    const key = await newKey();
    let pico = 0;
    for (const model of ['gpt-4o', 'gpt-4o-mini', 'gpt-4o']) {
      const answer = await ask(key, { model });
      pico += Math.round((answer.body['usage'] as { cost: number }).cost * 1e12);
    }
    expect(await spendOf(key)).toBe(pico / 1e12);
  });
});

describe('keys', () => {
  it('may be of the caller’s making; only the hash is kept', async () => {
    const key = `sk-${'k'.repeat(43)}`;
    const answer = await manage('generate', {
      key,
      user_id: 'u',
      key_alias: 'one',
      metadata: { a: 1 },
      duration: '1h',
    });
    const token = createHash('sha256').update(key).digest('hex');
    expect(answer.body).toMatchObject({
      key,
      token,
      key_name: 'sk-...kkkk',
      user_id: 'u',
      metadata: { a: 1 },
      spend: 0,
    });
    expect(answer.body['expires']).toBe(new Date(clock.now() + 3_600_000).toISOString());
    const rows = await stack.db.query('select 1 from local_stack.model_keys k where strpos(k::text, $1) > 0', [key]);
    expect(rows).toEqual([]);
    expect(errorOf(await manage('generate', { key_alias: 'one' }))).toEqual([400, 'bad_request_error', '400']);
  });

  it('may ask about themselves and about nobody else', async () => {
    const [mine, other] = [await newKey(), await newKey()];
    expect((await callModel(stack, '/key/info', mine)).body).toMatchObject({ info: { spend: 0, blocked: false } });
    expect((await callModel(stack, `/key/info?key=${other}`, mine)).status).toBe(403);
  });

  it('are managed with the master key only', async () => {
    const key = await newKey();
    for (const action of ['generate', 'delete', 'block', 'unblock']) {
      expect(errorOf(await callModel(stack, `/key/${action}`, key, { key, keys: [key] }))).toEqual([
        401,
        'auth_error',
        '401',
      ]);
    }
  });

  it('are deleted by key or by hash, and what is not there is not found', async () => {
    const [first, second] = [await newKey(), await newKey()];
    expect((await manage('delete', { keys: [first] })).status).toBe(200);
    expect((await manage('delete', { keys: [createHash('sha256').update(second).digest('hex')] })).status).toBe(200);
    expect((await manage('delete', { keys: [second] })).status).toBe(404);
  });
});

describe('errors', () => {
  it.each<[string, () => Promise<Answer>, unknown[]]>([
    ['no key', () => ask(undefined), [401, 'auth_error', '401']],
    ['a key of another kind', () => ask('eyJhbGciOi'), [401, 'auth_error', '401']],
    ['an unknown key', () => ask('sk-nobody-knows-this-one'), [401, 'token_not_found_in_db', '401']],
    ['an unknown model', async () => ask(await newKey(), { model: 'nope' }), [400, 'invalid_request_error', '400']],
    ['no model', async () => ask(await newKey(), { model: undefined }), [400, 'invalid_request_error', '400']],
    ['no messages', async () => ask(await newKey(), { messages: undefined }), [400, 'invalid_request_error', '400']],
    ['empty messages', async () => ask(await newKey(), { messages: [] }), [400, 'invalid_request_error', '400']],
    [
      'broken JSON',
      async () => callModel(stack, '/v1/chat/completions', await newKey(), '{"model":'),
      [400, 'invalid_request_error', '400'],
    ],
    [
      'another model than allowed',
      async () => ask(await newKey({ models: ['gpt-4o'] })),
      [403, 'key_model_access_denied', '403'],
    ],
    ['a used-up budget', async () => ask(await newKey({ max_budget: 0 })), [422, 'budget_exceeded', '422']],
  ])('%s', async (_case, send, expected) => {
    expect(errorOf(await send())).toEqual(expected);
  });

  it('a budget that is used up by answers blocks the list of models too', async () => {
    const key = await newKey({ max_budget: 0.000001 });
    expect((await ask(key)).status).toBe(200);
    expect(errorOf(await callModel(stack, '/v1/models', key))).toEqual([422, 'budget_exceeded', '422']);
  });

  it('a blocked key works again when it is unblocked', async () => {
    const key = await newKey();
    await manage('block', { key });
    expect(errorOf(await ask(key))).toEqual([401, 'auth_error', '401']);
    await manage('unblock', { key });
    expect((await ask(key)).status).toBe(200);
  });

  it('a key expires', async () => {
    const key = await newKey({ duration: '60s' });
    expect((await ask(key)).status).toBe(200);
    clock.advance(60_000);
    expect(errorOf(await ask(key))).toEqual([401, 'expired_key', '401']);
  });
});

describe('the catalogue', () => {
  it('lists the models a key may use, with LiteLLM’s prices', async () => {
    const key = await newKey({ models: ['gpt-4o-mini'] });
    const list = await callModel(stack, '/v1/models', key);
    expect((list.body['data'] as { id: string }[]).map(({ id }) => id)).toEqual(['gpt-4o-mini']);
    const info = await callModel(stack, '/v1/model/info', key);
    expect(info.body['data']).toMatchObject([
      {
        model_name: 'gpt-4o-mini',
        model_info: {
          input_cost_per_token: 1.5e-7,
          output_cost_per_token: 6e-7,
          cache_read_input_token_cost: 7.5e-8,
          max_input_tokens: 128_000,
          max_output_tokens: 16_384,
        },
      },
    ]);
  });

  it('allows any origin, and shows it the headers that LiteLLM shows: not the cost, not when to come again', async () => {
    const response = await fetch(`${stack.litellmUrl}/v1/models`, {
      headers: { origin: 'https://vscode.dev', authorization: `Bearer ${await newKey()}` },
    });
    await response.arrayBuffer();
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const exposed = response.headers.get('access-control-expose-headers')?.split(',');
    expect(exposed).toEqual([...EXPOSED_HEADERS]);
    expect(exposed).not.toContain('x-litellm-response-cost');
    expect(exposed).not.toContain('retry-after');
  });

  it('answers the probes, and a path nobody made as LiteLLM does', async () => {
    expect((await callModel(stack, '/health/liveliness', undefined)).text).toBe('"I\'m alive!"');
    expect((await callModel(stack, '/health/readiness', undefined)).body).toMatchObject({ status: 'healthy' });
    expect((await callModel(stack, '/nothing', undefined)).text).toBe('{"detail":"Not Found"}');
  });
});
