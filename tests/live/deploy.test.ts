/** The real proxy with the very configuration that operators deploy: fallbacks, cache, prices. */
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import { litellmNeeds, startLiteLLM } from '../../local/litellm/start.mjs';
import type { LiteLLM } from '../../local/litellm/start.mjs';
import { startLocalStack } from '../../local/server/start.ts';
import type { LocalStack } from '../../local/server/start.ts';
import { ensure } from '../../local/setup/main.mjs';
import { checkBackend } from '../../supabase/check/check.ts';
import { readExpected } from '../../supabase/check/expected.ts';
import { chat, keyOf, manage, signedUp } from './support.ts';
import { ANSWER, startUpstream } from './upstream.ts';
import type { Upstream } from './upstream.ts';

const CONFIG = fileURLToPath(new URL('../../supabase/deploy/litellm/config.yaml', import.meta.url));
/** Nobody listens there: the discard service is as good as extinct. */
const DEAD = 'http://127.0.0.1:9';
const SECRETS = {
  OPENAI_API_KEY: 'sk-openai-secret',
  AZURE_API_KEY: 'azure-secret',
  ANTHROPIC_API_KEY: 'sk-ant-secret',
};

let upstream: Upstream;
let proxy: LiteLLM;
let stack: LocalStack;

beforeAll(async () => {
  const { paths } = await ensure(...litellmNeeds);
  upstream = await startUpstream();
  proxy = await startLiteLLM({
    paths,
    config: {
      file: CONFIG,
      env: {
        ...SECRETS,
        LITELLM_CACHE: 'local',
        OPENAI_API_BASE: `${DEAD}/v1`,
        AZURE_API_BASE: new URL('/', upstream.url).href,
        AZURE_API_VERSION: '2024-10-21',
        ANTHROPIC_API_BASE: DEAD,
        AZURE_AI_API_KEY: 'azure-ai-secret',
        AZURE_AI_API_BASE: DEAD,
        GEMINI_API_KEY: 'gemini-secret',
      },
    },
  });
  stack = await startLocalStack({ models: { kind: 'litellm', url: proxy.url, masterKey: proxy.masterKey } });
});
afterAll(async () => {
  await stack.close();
  await proxy.close();
  await upstream.close();
});

it('answers through the second provider when the first is dead, and bills it', async () => {
  const user = await signedUp({ stack });
  const seen = await chat(user, 'gpt-4o-mini', { maxRetries: 0 });
  expect([seen.answer.outcome, seen.text]).toEqual([{ kind: 'done' }, ANSWER]);
  expect(upstream.callsOf('gpt-4o-mini')).toHaveLength(1);
  expect(seen.answer.cost).toMatchObject({ picoUsd: '4500000', source: 'reported' });
});

it('says so when all providers of a model are dead', async () => {
  const response = await ask('claude-sonnet-4-5');
  expect(response.status).toBeGreaterThanOrEqual(500);
  expect(await response.text()).not.toMatch(/secret/);
});

it('has a price for every deployment: none is answered for nothing', async () => {
  const { data } = (await manage({ proxy }, '/v1/model/info')) as unknown as {
    data: { model_name: string; litellm_params: { model: string }; model_info: { input_cost_per_token: number } }[];
  };
  expect(data).toHaveLength(7);
  for (const { litellm_params: params, model_info: info } of data) {
    expect(info.input_cost_per_token, params.model).toBeGreaterThan(0);
  }
});

it('passes the operator’s check, and so does what the functions say of it', async () => {
  const backend = { url: stack.supabaseUrl, key: stack.publishableKey, litellm: proxy.url };
  const findings = await checkBackend(backend, readExpected);
  expect(findings.filter(({ status }) => status === 'fail')).toEqual([]);
  expect(findings.filter(({ subject }) => subject.includes('LiteLLM')).map(({ status }) => status)).toEqual(
    Array(4).fill('pass'),
  );
});

it('lists each model once, by the name that clients use', async () => {
  const { data } = (await manage({ proxy }, '/v1/models')) as unknown as { data: { id: string }[] };
  expect(data.map(({ id }) => id).sort()).toEqual(['claude-sonnet-4-5', 'gemini-2.5-flash', 'gpt-4o', 'gpt-4o-mini']);
  const models = await (await signedUp({ stack })).client.models();
  expect(models.map(({ id }) => id).sort()).toEqual(data.map(({ id }) => id).sort());
});

it('keeps an answer for whoever asks for that, and for nobody else', async () => {
  const before = upstream.calls.length;
  for (let round = 0; round < 2; round++) {
    await (await ask('gpt-4o-mini')).text();
  }
  expect(upstream.calls.length - before).toBe(2);
  await (await ask('gpt-4o', { cache: { 'use-cache': true } })).text();
  await vi.waitFor(async () => {
    const asked = upstream.calls.length;
    await (await ask('gpt-4o', { cache: { 'use-cache': true } })).text();
    expect(upstream.calls.length).toBe(asked);
  });
});

it('tells no client a provider’s key', async () => {
  const { key } = keyOf(await signedUp({ stack }));
  for (const path of ['/v1/models', '/v1/model/info', '/model/info', '/health/readiness']) {
    const text = await (await fetch(proxy.url + path, { headers: { authorization: `Bearer ${key}` } })).text();
    expect(text).not.toMatch(/secret/);
  }
  expect(proxy.output()).not.toMatch(/-secret/);
});

function ask(model: string, more: object = {}): Promise<Response> {
  return fetch(`${proxy.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${proxy.masterKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'hello' }], ...more }),
  });
}
