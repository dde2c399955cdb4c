/** What models cost where the server does not say: an OpenAI-compatible endpoint that lists names and no prices. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { GodotyClient } from '../../crate/wasm/pkg/godoty_core.js';
import { startLocalStack } from '../../local/server/start.ts';
import type { LocalStack } from '../../local/server/start.ts';
import { MemoryStore, OPTIONS, ask, openWindow, signUp } from './support.ts';
import type { WindowOptions } from './support.ts';

const USAGE = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 };
const NAMES = ['gpt-4.1-nano', 'gpt-4o', 'nobody-knows-it'];
const ANSWER = [
  { choices: [{ index: 0, delta: { content: 'Hello' } }] },
  { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
  { choices: [], usage: USAGE },
];
let stack: LocalStack;
let endpoint: Server;
let url: string;
/** The body of `/v1/model/info`, for a server that has it. */
let info: string | undefined;
let key: string;

beforeAll(async () => {
  stack = await startLocalStack({ data: { kind: 'memory' } });
  const store = new MemoryStore();
  const { client } = openWindow({ ...stack, store });
  await signUp({ client }, `${crypto.randomUUID()}@example.org`, 'correct horse battery');
  await client.models();
  key = store.text ?? '';
  endpoint = createServer((request, response) => {
    if (request.url === '/v1/models') {
      response.end(JSON.stringify({ object: 'list', data: NAMES.map((id) => ({ id, object: 'model' })) }));
    } else if (request.url === '/v1/model/info' && info !== undefined) {
      response.end(info);
    } else if (request.url === '/v1/chat/completions') {
      response.setHeader('content-type', 'text/event-stream');
      response.end(
        [...ANSWER.map((chunk) => JSON.stringify(chunk)), '[DONE]'].map((data) => `data: ${data}\n\n`).join(''),
      );
    } else {
      response.statusCode = 404;
      response.end('{"detail":"Not Found"}');
    }
  });
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}`;
});

afterAll(async () => {
  endpoint.closeAllConnections();
  endpoint.close();
  await stack.close();
});

/** Somebody with a key for that endpoint. */
async function opened(loadPriceMap?: WindowOptions['loadPriceMap']): Promise<GodotyClient> {
  const store = new MemoryStore();
  store.text = key.replaceAll(stack.litellmUrl, url);
  const { client } = openWindow({ ...stack, litellmUrl: url, store, ...(loadPriceMap && { loadPriceMap }) });
  await client.restore();
  return client;
}

async function costOf(client: GodotyClient, model: string): Promise<unknown> {
  const answer = await client.chat(crypto.randomUUID(), ask(model, 'hi'), OPTIONS, () => undefined);
  expect(answer.outcome.kind).toBe('done');
  return answer.cost;
}

describe('an endpoint without prices', () => {
  it('has those of the price map, marked as an estimate', async () => {
    const client = await opened();
    const models = await client.models();
    expect(models.find(({ id }) => id === 'gpt-4.1-nano')).toMatchObject({
      chat: true,
      provider: 'openai',
      maxInputTokens: 1_047_576,
      maxOutputTokens: 32_768,
      vision: true,
      tools: true,
      inputPerMillion: '$0.10',
      outputPerMillion: '$0.40',
    });
    // 1000 × $0.10 and 100 × $0.40, a million each.
    expect(await costOf(client, 'gpt-4.1-nano')).toEqual({
      picoUsd: '140000000',
      text: '≈ $0.00014',
      source: 'catalog',
    });
    expect(client.usage(true).window).toMatchObject({ costText: '≈ $0.00014', estimated: true, unknownCosts: 0 });
  });

  it('has a model that nobody knows, whose cost is not known', async () => {
    const client = await opened();
    expect((await client.models()).find(({ id }) => id === 'nobody-knows-it')).toEqual({
      id: 'nobody-knows-it',
      chat: true,
    });
    expect(await costOf(client, 'nobody-knows-it')).toEqual({ text: '–', source: 'unknown' });
  });

  it.each([
    ['can not be read', () => Promise.reject(new Error('no such file'))],
    [
      'throws',
      () => {
        throw new Error('no such function');
      },
    ],
    ['is something else', () => Promise.resolve('<html>')],
  ])('falls back on the built-in entries when the map %s', async (_, loadPriceMap) => {
    const client = await opened(loadPriceMap);
    expect(await costOf(client, 'gpt-4o')).toMatchObject({ picoUsd: '6500000000', source: 'catalog' });
    expect(await costOf(client, 'gpt-4.1-nano')).toEqual({ text: '–', source: 'unknown' });
  });
});

describe('an endpoint that says all', () => {
  it('is not completed: the map is not even read', async () => {
    let reads = 0;
    const model_info = {
      mode: 'chat',
      input_cost_per_token: 1e-6,
      output_cost_per_token: 2e-6,
      max_input_tokens: 10,
      max_output_tokens: 20,
    };
    info = JSON.stringify({ data: [{ model_name: 'gpt-4.1-nano', model_info }] });
    const client = await opened(() => {
      reads += 1;
      return Promise.resolve('');
    });
    expect(await costOf(client, 'gpt-4.1-nano')).toMatchObject({ picoUsd: '1200000000', source: 'proxy_price' });
    expect(await client.models()).toMatchObject([{ maxInputTokens: 10, maxOutputTokens: 20 }]);
    expect(reads).toBe(0);
    info = undefined;
  });
});
