import { createHash, randomBytes } from 'node:crypto';

import type { Clock } from '../../local/server/clock.ts';
import { startLocalStack } from '../../local/server/start.ts';
import type { LocalStack, LocalStackOptions } from '../../local/server/start.ts';

/** A clock that stands still until a test moves it; sleeping moves it and takes no time. */
export class TestClock implements Clock {
  #now: number;

  constructor(startsAt = Date.now()) {
    this.#now = startsAt;
  }

  readonly now = (): number => this.#now;

  readonly sleep = (ms: number): Promise<void> => {
    this.#now += ms;
    return Promise.resolve();
  };

  advance(ms: number): void {
    this.#now += ms;
  }
}

/** A stack in memory whose model writes as fast as it is read. */
export function startTestStack(options: LocalStackOptions = {}): Promise<LocalStack> {
  return startLocalStack({ models: { kind: 'built-in', chunksPerSecond: Infinity }, ...options });
}

export const PASSWORD = 'correct horse battery';

/** What a call answered: status, headers and the body, parsed when it is JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

export interface CallOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Left out: the publishable key. null: none at all. */
  readonly apikey?: string | null;
}

/** Calls the Supabase side as a client does. */
export async function call(stack: LocalStack, path: string, options: CallOptions = {}): Promise<Answer> {
  const headers = new Headers({ 'x-supabase-api-version': '2024-01-01', ...options.headers });
  if (options.apikey !== null) {
    headers.set('apikey', options.apikey ?? stack.publishableKey);
  }
  if (options.token !== undefined) {
    headers.set('authorization', `Bearer ${options.token}`);
  }
  const hasBody = options.body !== undefined;
  if (hasBody) {
    headers.set('content-type', 'application/json');
  }
  return read(
    await fetch(stack.supabaseUrl + path, {
      method: options.method ?? (hasBody ? 'POST' : 'GET'),
      headers,
      redirect: 'manual',
      ...(hasBody ? { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) } : {}),
    }),
  );
}

/** Calls the model endpoint. */
export async function callModel(
  stack: LocalStack,
  path: string,
  key: string | undefined,
  body?: unknown,
): Promise<Answer> {
  return read(
    await fetch(stack.litellmUrl + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }),
  );
}

export async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  let body: Record<string, unknown> = {};
  try {
    body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Not every answer is JSON; the text is there for those.
  }
  return { status: response.status, headers: response.headers, body, text };
}

/** A signed-in account. */
export interface Account {
  readonly id: string;
  readonly email: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Signs up an account of its own; the stack must confirm automatically. */
export async function signUp(stack: LocalStack, email = `${crypto.randomUUID()}@example.com`): Promise<Account> {
  return accountFrom(await call(stack, '/auth/v1/signup', { body: { email, password: PASSWORD } }));
}

export function accountFrom(answer: Answer): Account {
  const user = answer.body['user'] as { id: string; email: string } | undefined;
  if (answer.status !== 200 || user === undefined) {
    throw new Error(`no session: ${answer.status} ${answer.text}`);
  }
  return {
    id: user.id,
    email: user.email,
    accessToken: String(answer.body['access_token']),
    refreshToken: String(answer.body['refresh_token']),
  };
}

/** The newest mail to somebody. */
export async function newestMail(
  stack: LocalStack,
  email: string,
): Promise<{ subject: string; link: URL; code: string }> {
  const [mail] = await stack.db.query<{ subject: string; link: string; code: string }>(
    'select subject, link, code from local_stack.mails where recipient = $1 order by id desc limit 1',
    [email],
  );
  if (mail === undefined) {
    throw new Error(`no mail to ${email}`);
  }
  return { ...mail, link: new URL(mail.link) };
}

/** Opens an address as a browser does, but does not follow where it leads; answers that. */
export async function leadsTo(address: URL | string, form?: Readonly<Record<string, string>>): Promise<URL> {
  const response = await fetch(address, {
    redirect: 'manual',
    ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
  });
  const location = response.headers.get('location');
  if (location === null) {
    throw new Error(`no redirect: ${response.status} ${await response.text()}`);
  }
  return new URL(location);
}

/** The parameters in an address's fragment. */
export function fragmentOf(url: URL): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(url.hash.slice(1)));
}

/** A verifier of PKCE and its challenge. */
export function newPkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** A usage record as the extension sends it. */
export function usageRecord(overrides: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    call_id: crypto.randomUUID(),
    response_id: 'chatcmpl-1',
    model: 'gpt-4o-mini',
    prompt_tokens: 12,
    completion_tokens: 5,
    total_tokens: 17,
    cached_tokens: 4,
    cache_write_tokens: 0,
    reasoning_tokens: 2,
    cost_usd: '0.000012345678',
    cost_source: 'reported',
    outcome: 'done',
    occurred_at: new Date().toISOString(),
    ...overrides,
  };
}
