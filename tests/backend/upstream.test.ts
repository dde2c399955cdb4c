import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LocalStack } from '../../local/server/start.ts';
import { callModel, startTestStack } from './support.ts';
import type { Answer } from './support.ts';

type Handler = (request: IncomingMessage, body: string, response: ServerResponse) => void;

/** An OpenAI-compatible server of the test's own, on a free port. */
async function startUpstream(): Promise<{
  url: string;
  answer: (handler: Handler) => void;
  close: () => Promise<void>;
}> {
  let chat: Handler = (_request, _body, response) => response.writeHead(500).end();
  const server = createServer((request, response) => {
    if (request.url === '/v1/models') {
      const known = request.headers.authorization === 'Bearer upstream-key';
      response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ data: [{ id: 'gpt-4o-mini' }, { id: 'llama3.2' }] }));
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => chat(request, body, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}/v1`,
    answer: (handler) => {
      chat = handler;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

let upstream: Awaited<ReturnType<typeof startUpstream>>;
let stack: LocalStack;

beforeAll(async () => {
  upstream = await startUpstream();
  stack = await startTestStack({ models: { kind: 'upstream', url: `${upstream.url}/`, key: 'upstream-key' } });
});
afterAll(async () => {
  await stack.close();
  await upstream.close();
});

async function newKey(): Promise<{ key: string; token: string }> {
  const { body } = await callModel(stack, '/key/generate', stack.masterKey, {});
  return { key: String(body['key']), token: String(body['token']) };
}
async function spendOf(token: string): Promise<string> {
  const [row] = await stack.db.query<{ spend: string }>(
    'select spend::text from local_stack.model_keys where token = $1',
    [token],
  );
  return String(row?.spend);
}
const question = (model: string, stream = true): object => ({
  model,
  stream,
  messages: [{ role: 'user', content: 'hi' }],
  temperature: 0.25,
  stream_options: { include_usage: true },
});
const ask = (key: string, model = 'gpt-4o-mini', stream = true): Promise<Answer> =>
  callModel(stack, '/v1/chat/completions', key, question(model, stream));

describe('an upstream', () => {
  it('gives the stack its models; a price is known only where the name is', async () => {
    expect(stack.models).toEqual(['gpt-4o-mini', 'llama3.2']);
    const { key } = await newKey();
    const { body } = await callModel(stack, '/v1/model/info', key);
    expect(body['data']).toMatchObject([
      { model_name: 'gpt-4o-mini', model_info: { input_cost_per_token: 1.5e-7 } },
      { model_name: 'llama3.2', model_info: { input_cost_per_token: null, output_cost_per_token: null } },
    ]);
  });

  it('gets the request whole, with its own key, and its bytes come back untouched', async () => {
    const bytes =
      'data: {"id":"x","choices":[{"index":0,"delta":{"content":"wörld 🌍"}}]}\r\n\r\n: keep-alive\n\n' +
      'data: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4}}}\n\n' +
      'data: [DONE]\n\n';
    let seen: unknown;
    upstream.answer((request, body, response) => {
      seen = [request.url, request.headers.authorization, JSON.parse(body)];
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const byte of Buffer.from(bytes)) {
        response.write(Buffer.of(byte));
      }
      response.end();
    });
    const { key, token } = await newKey();
    const answer = await ask(key);
    expect(answer.text).toBe(bytes);
    expect(seen).toEqual(['/v1/chat/completions', 'Bearer upstream-key', question('gpt-4o-mini')]);
    // 8 × 150 000 + 4 × 75 000 + 5 × 600 000 pico-dollars.
    expect(await spendOf(token)).toBe('0.000004500000');
  });

  it('answers in one piece as well', async () => {
    const body = JSON.stringify({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 1 } });
    upstream.answer((_request, _body, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(body),
    );
    const { key, token } = await newKey();
    expect((await ask(key, 'gpt-4o-mini', false)).text).toBe(body);
    expect(await spendOf(token)).toBe('0.000002100000');
    expect((await ask(key, 'llama3.2', false)).status).toBe(200);
    expect(await spendOf(token)).toBe('0.000002100000');
  });

  it('sees the end when the client goes', async () => {
    const closed = new Promise<void>((resolve) => {
      upstream.answer((_request, _body, response) => {
        response.on('close', () => resolve());
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n');
      });
    });
    const client = new AbortController();
    const response = await fetch(`${stack.litellmUrl}/v1/chat/completions`, {
      method: 'POST',
      signal: client.signal,
      headers: { authorization: `Bearer ${(await newKey()).key}` },
      body: JSON.stringify(question('gpt-4o-mini')),
    });
    await response.body?.getReader().read();
    client.abort();
    await closed;
  });

  it('sees the end also when the client goes before the first byte', async () => {
    let arrived = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const closed = new Promise<void>((resolve) => {
      upstream.answer((_request, _body, response) => {
        response.on('close', () => resolve());
        arrived();
      });
    });
    const client = new AbortController();
    const pending = fetch(`${stack.litellmUrl}/v1/chat/completions`, {
      method: 'POST',
      signal: client.signal,
      headers: { authorization: `Bearer ${(await newKey()).key}` },
      body: JSON.stringify(question('gpt-4o-mini')),
    });
    await asked;
    client.abort();
    await expect(pending).rejects.toThrow();
    await closed;
  });

  it('that breaks in mid-stream is an error inside the stream, and there is no [DONE]', async () => {
    upstream.answer((_request, _body, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"choices":[{"index":0,"delta":{"content":"par"}}]}\n\n', () => response.destroy());
    });
    const answer = await ask((await newKey()).key);
    const last = answer.text.trimEnd().split('\n\n').at(-1) ?? '';
    expect(JSON.parse(last.replace('data: ', ''))).toMatchObject({ error: { type: null, code: '500' } });
    expect(answer.text).toContain('"par"');
    expect(answer.text).not.toContain('[DONE]');
  });

  it.each([
    [400, 400, 'upstream_error'],
    [401, 500, 'internal_server_error'],
    [404, 400, 'upstream_error'],
    [429, 429, 'throttling_error'],
    [500, 500, 'internal_server_error'],
    [503, 500, 'internal_server_error'],
  ])('that says %i becomes LiteLLM’s %i %s', async (said, status, type) => {
    upstream.answer((_request, _body, response) =>
      response
        .writeHead(said, { 'content-type': 'application/json' })
        .end(JSON.stringify({ error: { message: 'upstream says no' } })),
    );
    const answer = await ask((await newKey()).key);
    expect([answer.status, answer.body['error']]).toEqual([
      status,
      expect.objectContaining({
        type,
        code: String(status),
        message: expect.stringContaining('upstream says no') as string,
      }) as object,
    ]);
  });

  it('that is dead is an error of the server’s, and does not keep the stack from starting', async () => {
    const dead = await startTestStack({ models: { kind: 'upstream', url: 'http://127.0.0.1:9/v1', key: undefined } });
    try {
      expect(dead.models).toEqual([]);
      const { body } = await callModel(dead, '/key/generate', dead.masterKey, {});
      const answer = await callModel(dead, '/v1/chat/completions', String(body['key']), question('x'));
      expect([answer.status, answer.body['error']]).toMatchObject([500, { type: 'internal_server_error' }]);
    } finally {
      await dead.close();
    }
  });
});
