import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { LocalStack } from '../../local/server/start.ts';
import { createEnv } from '../../supabase/functions/_shared/env.ts';
import type { Env } from '../../supabase/functions/_shared/env.ts';
import { handler as vscodeConfig } from '../../supabase/functions/vscode-config/handler.ts';
import { newMint } from './functions-tokens.ts';
import type { Mint } from './functions-tokens.ts';
import { read, startTestStack, TestClock } from './support.ts';
import type { Answer } from './support.ts';

/** What can be wrong with a token. */
const FORGED = Object.keys((await newMint('', () => 0)).forged);

const clock = new TestClock();
let stack: LocalStack;
let mint: Mint;
/** The stack's environment, with the mint's published keys. */
let env: Env;

beforeAll(async () => {
  stack = await startTestStack({ clock });
  mint = await newMint(`${stack.supabaseUrl}/auth/v1`, clock.now);
  env = publishing(() => mint.published);
});
afterAll(() => stack.close());

/** What an environment fetched, by address. */
const fetched = new WeakMap<Env, string[]>();

/** The stack's environment with other published keys and settings. */
function publishing(keys: () => readonly object[], settings: Readonly<Record<string, string>> = {}): Env {
  const addresses: string[] = [];
  const made = createEnv((name) => settings[name] ?? stack.functionsEnv.get(name), {
    now: clock.now,
    log: () => undefined,
    fetch: (input, init) => {
      const address = input instanceof Request ? input.url : String(input);
      addresses.push(address);
      return address.endsWith('/jwks.json') ? Promise.resolve(Response.json({ keys: keys() })) : fetch(input, init);
    },
  });
  fetched.set(made, addresses);
  return made;
}

const keyFetches = (of: Env): number =>
  fetched.get(of)?.filter((address) => address.endsWith('/jwks.json')).length ?? 0;

async function ask(token: string | undefined, environment = env): Promise<[number, unknown]> {
  const request = new Request(`${stack.supabaseUrl}/functions/v1/vscode-config`, {
    method: 'POST',
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    body: JSON.stringify({ device_id: crypto.randomUUID(), device_name: 'laptop' }),
  });
  const answer: Answer = await read(await vscodeConfig(request, environment));
  return [answer.status, answer.body['code']];
}

/** Past the token's check, the unknown account is what stops the request. */
const ACCEPTED = [403, 'account_not_found'];
const INVALID = [401, 'invalid_token'];

describe('the access token', () => {
  it.each(['ES256', 'RS256'] as const)('is accepted when a published %s key signed it', async (alg) => {
    expect(await ask(await mint.good[alg]())).toEqual(ACCEPTED);
  });

  it('is accepted with HS256 when the operator set the secret, and only then', async () => {
    const token = await mint.good.HS256();
    expect(
      await ask(
        token,
        publishing(() => [], { GODOTY_JWT_SECRET: mint.secret }),
      ),
    ).toEqual(ACCEPTED);
    expect(await ask(token)).toEqual(INVALID);
  });

  it('is held to the project’s issuer and keys also where a setting for others is empty', async () => {
    const empty = publishing(() => mint.published, { GODOTY_JWT_ISSUER: '', GODOTY_JWT_SECRET: '' });
    expect(await ask(await mint.good.ES256(), empty)).toEqual(ACCEPTED);
    for (const name of ['is of another issuer', 'is of no issuer', 'takes nothing for a secret']) {
      expect(await ask(await mint.forged[name]?.(), empty), name).toEqual(INVALID);
    }
  });

  it('is not checked by a shared secret that can be guessed', async () => {
    const guessable = publishing(() => mint.published, { GODOTY_JWT_SECRET: 'secret' });
    expect(await ask(await mint.good.ES256(), guessable)).toEqual([500, 'misconfigured']);
  });

  it.each(FORGED)('is refused when it %s', async (name) => {
    expect(await ask(await mint.forged[name]?.())).toEqual(INVALID);
  });

  it.each(FORGED)('is refused when it %s, also where HS256 is on', async (name) => {
    const legacy = publishing(() => mint.published, { GODOTY_JWT_SECRET: mint.secret });
    expect(await ask(await mint.forged[name]?.(), legacy)).toEqual(INVALID);
  });

  it('leads to no other address for keys than the project’s own', async () => {
    const watched = publishing(() => mint.published);
    for (const make of Object.values(mint.forged)) {
      await ask(await make(), watched);
    }
    const own = `${stack.supabaseUrl}/auth/v1/.well-known/jwks.json`;
    expect([...new Set(fetched.get(watched))]).toEqual([own]);
  });

  it('is refused when it has expired, with a code of its own', async () => {
    const expired = await mint.sign({ ...mint.claims(), exp: Math.floor(clock.now() / 1000) - 6 });
    expect(await ask(expired)).toEqual([401, 'token_expired']);
  });

  it('must be there, and of a sane length', async () => {
    expect(await ask(undefined)).toEqual([401, 'not_authenticated']);
    const huge = await mint.sign({ ...mint.claims(), padding: 'x'.repeat(20_000) });
    expect(await ask(huge)).toEqual([401, 'not_authenticated']);
  });

  it('is not called invalid when the published keys cannot be had', async () => {
    const dead = createEnv(stack.functionsEnv.get, {
      now: clock.now,
      log: () => undefined,
      fetch: () => Promise.resolve(new Response('bad gateway', { status: 502 })),
    });
    expect(await ask(await mint.good.ES256(), dead)).toEqual([503, 'authentication_unavailable']);
  });
});

describe('the published keys', () => {
  // jose goes by the system's clock for how long it keeps them.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('are fetched once for many tokens', async () => {
    const counting = publishing(() => mint.published);
    for (let round = 0; round < 3; round++) {
      expect(await ask(await mint.good.ES256(), counting)).toEqual(ACCEPTED);
    }
    expect(keyFetches(counting)).toBe(1);
  });

  it('are fetched anew for a token of a newer key, and the former key is dropped', async () => {
    const newer = await newMint(`${stack.supabaseUrl}/auth/v1`, clock.now);
    let current = mint;
    const rotating = publishing(() =>
      current.published.map((key) => ({ ...key, kid: `${String(key.kid)}-${current === mint ? 1 : 2}` })),
    );
    const former = await mint.sign(mint.claims(), { kid: 'es-1' });
    expect(await ask(former, rotating)).toEqual(ACCEPTED);
    current = newer;
    vi.setSystemTime(Date.now() + 31_000);
    expect(await ask(await newer.sign(newer.claims(), { kid: 'es-2' }), rotating)).toEqual(ACCEPTED);
    expect(await ask(former, rotating)).toEqual(INVALID);
  });

  it('are dropped after ten minutes, whatever tokens come', async () => {
    let current = mint.published;
    const rotating = publishing(() => current);
    const former = await mint.good.ES256();
    expect(await ask(former, rotating)).toEqual(ACCEPTED);
    current = [];
    vi.setSystemTime(Date.now() + 11 * 60_000);
    expect(await ask(former, rotating)).toEqual(INVALID);
  });

  it('are not fetched for each of many tokens with made-up keys', async () => {
    const counting = publishing(() => mint.published);
    expect(await ask(await mint.good.ES256(), counting)).toEqual(ACCEPTED);
    vi.setSystemTime(Date.now() + 31_000);
    for (let round = 0; round < 5; round++) {
      expect(await ask(await mint.sign(mint.claims(), { kid: crypto.randomUUID() }), counting)).toEqual(INVALID);
    }
    expect(keyFetches(counting)).toBe(2);
  });
});
