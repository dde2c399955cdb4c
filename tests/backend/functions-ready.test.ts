import { readdir, readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LocalStack } from '../../local/server/start.ts';
import { createEnv } from '../../supabase/functions/_shared/env.ts';
import type { Env } from '../../supabase/functions/_shared/env.ts';
import { REFUSALS } from '../../supabase/functions/_shared/errors.ts';
import { handler as ready } from '../../supabase/functions/ready/handler.ts';
import { call, read, startTestStack, TestClock } from './support.ts';
import type { Answer } from './support.ts';

let stack: LocalStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack.close());

const ask = async (env: Env): Promise<Answer> => read(await ready(new Request('http://functions.invalid/ready'), env));

/** The stack's environment; calls of addresses that begin so fail. */
function without(address: string, settings: Readonly<Record<string, string | undefined>> = {}): Env {
  return createEnv((name) => (Object.hasOwn(settings, name) ? settings[name] : stack.functionsEnv.get(name)), {
    log: () => undefined,
    fetch: (input, init) =>
      address !== '' && String(input instanceof Request ? input.url : input).startsWith(address)
        ? Promise.reject(new TypeError('connection refused'))
        : fetch(input, init),
  });
}

describe('ready', () => {
  it('answers anybody that the database and the models are there, and which migration is the newest', async () => {
    const answer = await call(stack, '/functions/v1/ready', { apikey: null });
    const files = (await readdir('supabase/migrations')).filter((name) => name.endsWith('.sql')).sort();
    const migration = files.at(-1)?.split('_')[0];
    expect([answer.status, answer.body]).toEqual([200, { status: 'ready', database: 'ok', models: 'ok', migration }]);
  });

  it('says which of the two is gone', async () => {
    const noDatabase = await ask(without(stack.supabaseUrl));
    expect([noDatabase.status, noDatabase.body]).toEqual([
      503,
      { status: 'not_ready', database: 'unreachable', models: 'ok', migration: null },
    ]);
    expect((await ask(without(stack.litellmUrl))).body).toMatchObject({ database: 'ok', models: 'unreachable' });
  });

  it('takes a proxy without its database for gone', async () => {
    const env = createEnv(stack.functionsEnv.get, {
      log: () => undefined,
      fetch: (input, init) =>
        String(input instanceof Request ? input.url : input).endsWith('/health/readiness')
          ? Promise.resolve(Response.json({ status: 'healthy', db: 'Not connected' }))
          : fetch(input, init),
    });
    expect((await ask(env)).body).toMatchObject({ models: 'unreachable' });
  });

  it('says that something is not set, and tells the operator alone what', async () => {
    const lines: string[] = [];
    const env = { ...without('', { LITELLM_MASTER_KEY: undefined }), log: (line: string) => lines.push(line) };
    const answer = await ask(env);
    expect(answer.body).toMatchObject({ status: 'not_ready', database: 'ok', models: 'misconfigured' });
    expect(lines.join('\n')).toContain('LITELLM_MASTER_KEY');
  });

  it('says that row level security is off somewhere, and tells the operator alone that it is that', async () => {
    const lines: string[] = [];
    await stack.db.exec('alter table public.usage_records disable row level security');
    try {
      const answer = await ask({ ...without(''), log: (line: string) => lines.push(line) });
      expect([answer.status, answer.body]).toMatchObject([
        503,
        { status: 'not_ready', database: 'misconfigured', models: 'ok' },
      ]);
    } finally {
      await stack.db.exec('alter table public.usage_records enable row level security');
    }
    expect(lines).toEqual(['ready: row level security is off on a table that has policies']);
    expect((await ask(without(''))).status).toBe(200);
  });

  it('holds no secret, address or name in its answer', async () => {
    for (const env of [without(''), without(stack.supabaseUrl), without(stack.litellmUrl)]) {
      const { text } = await ask(env);
      for (const secret of [stack.secretKey, stack.masterKey, stack.supabaseUrl, stack.litellmUrl]) {
        expect(text).not.toContain(secret);
      }
    }
  });

  it('asks the servers behind once in five seconds, however often it is asked', async () => {
    const clock = new TestClock();
    let calls = 0;
    const env = createEnv(stack.functionsEnv.get, {
      now: clock.now,
      fetch: (input, init) => {
        calls += 1;
        return fetch(input, init);
      },
    });
    await Promise.all(Array.from({ length: 20 }, () => ask(env)));
    expect(calls).toBe(2);
    clock.advance(5_000);
    await ask(env);
    expect(calls).toBe(4);
  });
});

describe('the codes of the functions', () => {
  it('are explained in the functions’ README, each on a line of its own', async () => {
    const readme = await readFile('supabase/functions/README.md', 'utf8');
    const explained = [...readme.matchAll(/^\| `(\w+)` +\| (\d{3}) /gm)].map(([, code, status]) => [
      code,
      Number(status),
    ]);
    expect(explained).toEqual(Object.entries(REFUSALS));
  });
});
