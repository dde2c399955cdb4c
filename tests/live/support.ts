/** The built client, the local stack, the real LiteLLM proxy with its database, and an upstream of our own. */
import { createHash } from 'node:crypto';

import type { ChatAnswer, ChatOptions } from '../../crate/wasm/pkg/godoty_core.js';
import { litellmNeeds, startLiteLLM } from '../../local/litellm/start.mjs';
import type { LiteLLM } from '../../local/litellm/start.mjs';
import { startLocalStack } from '../../local/server/start.ts';
import type { LocalStack } from '../../local/server/start.ts';
import { ensure } from '../../local/setup/main.mjs';
import { MemoryStore, OPTIONS, ask, openWindow, signUp } from '../boundary/support.ts';
import type { Window } from '../boundary/support.ts';
import { openFront } from './front.ts';
import type { Front } from './front.ts';
import { startUpstream } from './upstream.ts';
import type { Upstream } from './upstream.ts';

/** Nobody listens there: the discard service is as good as extinct. */
const NOBODY = 'http://127.0.0.1:9/v1';

export interface World {
  readonly stack: LocalStack;
  readonly proxy: LiteLLM;
  /** What clients take for the proxy. */
  readonly front: Front;
  readonly upstream: Upstream;
  close(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const { paths } = await ensure(...litellmNeeds);
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const upstream = await startUpstream();
    closing.push(() => upstream.close());
    const names = ['gpt-4o-mini', 'gpt-4o', 'tools', 'reason', 'midstream-error', 'cut', 'unfinished', 'slow'];
    const models = [...names, 'status-429', 'status-500', 'status-400'].map((name) => ({
      name,
      target: `openai/${name}`,
      url: upstream.url,
    }));
    const proxy = await startLiteLLM({
      paths,
      models: [
        ...models,
        { name: 'dead', target: 'openai/dead', url: NOBODY },
        {
          name: 'priced-midstream-error',
          target: 'openai/midstream-error',
          url: upstream.url,
          limits: { input_cost_per_token: 0.000_001, output_cost_per_token: 0.000_002 },
        },
        // As operators have it who run the model themselves.
        {
          name: 'free',
          target: 'openai/free',
          url: upstream.url,
          limits: { input_cost_per_token: 0, output_cost_per_token: 0 },
        },
      ],
    });
    closing.push(() => proxy.close());
    const front = await openFront(proxy.url);
    closing.push(() => front.close());
    const stack = await startLocalStack({ models: { kind: 'litellm', url: front.url, masterKey: proxy.masterKey } });
    closing.push(() => stack.close());
    return { stack, proxy, front, upstream, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A window with an account and the key that `vscode-config` issued to its device. */
export interface User extends Window {
  readonly store: MemoryStore;
}

export async function signedUp({ stack }: Pick<World, 'stack'>): Promise<User> {
  const store = new MemoryStore();
  const window = openWindow({ ...stack, store });
  await signUp(window, `${crypto.randomUUID()}@example.org`, 'correct horse battery');
  await window.client.models();
  return { ...window, store };
}

/** The key that the client uses now. */
export function keyOf({ store }: User): { readonly key: string; readonly hash: string } {
  const { model_access: access } = JSON.parse(store.text ?? '{}') as { model_access?: { key: string } };
  if (access === undefined) {
    throw new Error('the client has no model key');
  }
  return { key: access.key, hash: createHash('sha256').update(access.key).digest('hex') };
}

/** What the user saw of an answer. */
export interface Seen {
  readonly answer: ChatAnswer;
  readonly text: string;
  readonly reasoning: string;
  readonly callId: string;
}

/** Asks a model; `onText` is told the text so far. */
export async function chat(
  { client }: Window,
  model: string,
  options: Partial<ChatOptions> = {},
  signal?: AbortSignal,
  onText: (text: string) => void = () => undefined,
): Promise<Seen> {
  const callId = crypto.randomUUID();
  let text = '';
  let reasoning = '';
  const answer = await client.chat(
    callId,
    ask(model, 'hello'),
    { ...OPTIONS, ...options },
    (piece) => {
      text += piece.text ?? '';
      reasoning += piece.reasoning ?? '';
      onText(text);
    },
    signal,
  );
  return { answer, text, reasoning, callId };
}

/** Calls the proxy's management with the master key. */
export async function manage(
  { proxy }: Pick<World, 'proxy'>,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const response = await fetch(proxy.url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${proxy.masterKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${path}: ${response.status} ${text}`);
  }
  return JSON.parse(text) as Record<string, unknown>;
}

/** What LiteLLM's spend log says of a call. */
export interface Spend {
  readonly spend: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly api_key: string;
  readonly user: string;
  readonly metadata: { readonly litellm_call_id?: string };
}

/** The rows of the spend log under a call id that the client made. They are written some seconds later. */
export async function spendOf(world: World, callId: string): Promise<readonly Spend[]> {
  const day = 86_400_000;
  const at = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
  const query = new URLSearchParams({
    start_date: at(Date.now() - day),
    end_date: at(Date.now() + day),
    page_size: '100',
  });
  const { data } = (await manage(world, `/spend/logs/v2?${query.toString()}`)) as unknown as { data: readonly Spend[] };
  return data.filter(({ metadata }) => metadata.litellm_call_id === callId);
}
