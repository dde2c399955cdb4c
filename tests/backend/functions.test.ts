import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LocalStack } from '../../local/server/start.ts';
import { createEnv } from '../../supabase/functions/_shared/env.ts';
import type { Env } from '../../supabase/functions/_shared/env.ts';
import { handler as health } from '../../supabase/functions/health/handler.ts';
import { handler as vscodeConfig } from '../../supabase/functions/vscode-config/handler.ts';
import { call, callModel, read, signUp, startTestStack, TestClock } from './support.ts';
import type { Account, Answer } from './support.ts';

const clock = new TestClock();
let stack: LocalStack;

beforeAll(async () => {
  stack = await startTestStack({ clock, accessTokenTtlSeconds: 600 });
});
afterAll(() => stack.close());

const device = (): { device_id: string; device_name: string } => ({
  device_id: crypto.randomUUID(),
  device_name: 'Ada’s laptop',
});
const configure = (token: string | undefined, body: unknown): Promise<Answer> =>
  call(stack, '/functions/v1/vscode-config', { token, body, method: 'POST' });
const keyIn = (answer: Answer): string => (answer.body['model_access'] as { key: string }).key;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const models = (key: string): Promise<Answer> => callModel(stack, '/v1/models', key);

interface KeyRow {
  status: string;
  key_hash: string;
  preview: string;
  device_name: string;
  removed: boolean;
}
const keysOf = (account: Account): Promise<KeyRow[]> =>
  stack.db.query<KeyRow>(
    `select status, key_hash, preview, device_name, removed_at is not null as removed
     from public.user_api_keys where user_id = $1 order by attempt`,
    [account.id],
  );

describe('health', () => {
  it('answers anybody with the project’s version', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    const answer = await call(stack, '/functions/v1/health', { apikey: null });
    expect([answer.status, answer.body]).toEqual([200, { status: 'ok', version, now: clock.now() }]);
  });

  it('says the same in a stream of four events, whose last one has the time since the first', async () => {
    const began = clock.now();
    const answer = await call(stack, '/functions/v1/health?stream=1', { apikey: null });
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const events = answer.text.trimEnd().split('\n\n');
    const read = events.map((event) => JSON.parse(event.replace(/^data: /, '')) as Record<string, unknown>);
    expect(read.map(({ status, now, took }) => [status, Number(now) - began, took])).toEqual([
      ['ok', 0, undefined],
      ['ok', 250, undefined],
      ['ok', 500, undefined],
      ['ok', 750, 750],
    ]);
  });

  it('keeps no more than twenty streams open, and has room again when one ends or is left', async () => {
    // Each stream waits for ever before its second event.
    const waits: (() => void)[] = [];
    const env = createEnv(() => undefined, { now: () => 0, wait: () => new Promise((next) => waits.push(next)) });
    const ask = () => health(new Request('http://functions.invalid/?stream=1'), env);
    const kind = (response: Response): string => response.headers.get('content-type')?.split(';')[0] ?? '';
    const streams = await Promise.all(Array.from({ length: 20 }, ask));
    expect(new Set(streams.map(kind))).toEqual(new Set(['text/event-stream']));
    const late = await ask();
    expect([kind(late), await late.json()]).toMatchObject(['application/json', { status: 'ok', now: 0 }]);
    await streams[0]?.body?.cancel();
    expect(kind(await ask())).toBe('text/event-stream');
    expect(kind(await ask())).toBe('application/json');
    const text = streams[1]?.text();
    while (waits.length > 0) {
      waits.shift()?.();
      await new Promise(setImmediate);
    }
    expect(await text).toContain('"took":0');
    expect(kind(await ask())).toBe('text/event-stream');
  });

  it('takes GET only', async () => {
    const answer = await call(stack, '/functions/v1/health', { method: 'POST', body: {} });
    expect([answer.status, answer.body['code'], answer.headers.get('allow')]).toEqual([
      405,
      'method_not_allowed',
      'GET, OPTIONS',
    ]);
  });
});

describe('vscode-config', () => {
  it('gives the account, the plan, a working key and the preferences', async () => {
    const account = await signUp(stack);
    const answer = await configure(account.accessToken, device());
    expect(answer.status).toBe(200);
    const key = keyIn(answer);
    expect(key).toMatch(/^sk-[\w-]{43}$/);
    expect(answer.body).toEqual({
      user: { id: account.id, email: account.email, display_name: account.email.split('@')[0] },
      plan: {
        name: 'enterprise',
        limits: {
          max_budget_usd: '1000',
          budget_duration: '1mo',
          rpm_limit: 60,
          tpm_limit: 100_000,
          models: null,
          max_devices: 50,
          output_tokens_per_request: 8_000,
        },
      },
      model_access: {
        endpoint: stack.litellmUrl,
        key,
        key_id: sha256(key),
        preview: `sk-…${key.slice(-4)}`,
        expires_at: null,
      },
      quota: (await call(stack, '/rest/v1/rpc/quota', { token: account.accessToken, body: {} })).body,
      preferences: { default_model: 'gpt-4o-mini' },
    });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect((await models(key)).status).toBe(200);
  });

  it('keeps the hash and a preview of the key, and the key nowhere', async () => {
    const account = await signUp(stack);
    const key = keyIn(await configure(account.accessToken, device()));
    expect(await keysOf(account)).toEqual([
      {
        status: 'active',
        key_hash: sha256(key),
        preview: `sk-…${key.slice(-4)}`,
        device_name: 'Ada’s laptop',
        removed: false,
      },
    ]);
    const tables = ['public.user_api_keys', 'local_stack.model_keys', 'local_stack.settings'];
    for (const table of tables) {
      const rows = await stack.db.query(`select t::text as line from ${table} t where strpos(t::text, $1) > 0`, [key]);
      expect(rows, table).toEqual([]);
    }
  });

  it('rotates the device’s key when asked again, and leaves other devices alone', async () => {
    const account = await signUp(stack);
    const laptop = device();
    const first = keyIn(await configure(account.accessToken, laptop));
    const other = keyIn(await configure(account.accessToken, device()));
    const second = keyIn(await configure(account.accessToken, laptop));
    expect((await models(first)).body).toMatchObject({ error: { type: 'token_not_found_in_db' } });
    expect([(await models(second)).status, (await models(other)).status]).toEqual([200, 200]);
    expect((await keysOf(account)).map(({ status, removed }) => [status, removed])).toEqual([
      ['revoked', true],
      ['active', false],
      ['active', false],
    ]);
  });

  it('leaves one working key of a device when ten windows ask at once', async () => {
    const account = await signUp(stack);
    const laptop = device();
    const answers = await Promise.all(Array.from({ length: 10 }, () => configure(account.accessToken, laptop)));
    for (const answer of answers) {
      expect([200, 409]).toContain(answer.status);
    }
    const issued = answers.filter(({ status }) => status === 200).map(keyIn);
    const working: string[] = [];
    for (const key of issued) {
      if ((await models(key)).status === 200) {
        working.push(sha256(key));
      }
    }
    const rows = await keysOf(account);
    expect(rows.filter(({ status }) => status === 'active').map(({ key_hash }) => key_hash)).toEqual(working);
    expect(working).toHaveLength(1);
    const left = await stack.db.query<{ token: string }>(
      'select token from local_stack.model_keys where user_id = $1',
      [account.id],
    );
    expect(left.map(({ token }) => token)).toEqual(working);
  });

  it.each([
    ['no device', {}],
    ['a device id that is no UUID', { device_id: 'laptop', device_name: 'x' }],
    ['no name', { ...device(), device_name: '  ' }],
    ['a long name', { ...device(), device_name: 'x'.repeat(101) }],
    ['a name with a control character', { ...device(), device_name: 'a\u0007b' }],
    ['a field too many', { ...device(), user_id: crypto.randomUUID() }],
    ['an array', []],
    ['broken JSON', '{'],
    ['nothing', ''],
  ])('refuses %s', async (_case, body) => {
    const account = await signUp(stack);
    const answer = await configure(account.accessToken, body);
    expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_request']);
    expect(await keysOf(account)).toEqual([]);
  });

  it('refuses a body beyond the limit', async () => {
    const account = await signUp(stack);
    const answer = await configure(account.accessToken, { ...device(), device_name: 'x'.repeat(5_000) });
    expect([answer.status, answer.body['code']]).toEqual([413, 'request_too_large']);
  });

  it('refuses one device more than the plan allows, and says how many there are', async () => {
    const account = await signUp(stack);
    await call(stack, '/rest/v1/rpc/set_plan', {
      apikey: stack.secretKey,
      body: { p_account: account.id, p_plan: 'free' },
    });
    for (let number = 0; number < 5; number++) {
      expect((await configure(account.accessToken, device())).status).toBe(200);
    }
    const answer = await configure(account.accessToken, device());
    expect([answer.status, answer.body['code']]).toEqual([409, 'device_limit_reached']);
    expect(answer.body['message']).toContain('5 devices');
    expect(await keysOf(account)).toHaveLength(5);
  });

  it('refuses an account that was deleted while its token lives', async () => {
    const account = await signUp(stack);
    await stack.db.query('delete from auth.users where id = $1', [account.id]);
    const answer = await configure(account.accessToken, device());
    expect([answer.status, answer.body['code']]).toEqual([403, 'account_not_found']);
  });
});

describe('CORS of the functions', () => {
  it.each(['health', 'ready', 'keys', 'usage-sync', 'vscode-config'])(
    '%s lets any origin in, without credentials',
    async (name) => {
      const preflight = await call(stack, `/functions/v1/${name}`, {
        method: 'OPTIONS',
        apikey: null,
        headers: { origin: 'https://vscode.dev', 'access-control-request-method': 'POST' },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
      expect(preflight.headers.get('access-control-allow-headers')).toMatch(/authorization.*apikey.*content-type/);
      expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
      const refused = await call(stack, `/functions/v1/${name}`, { method: 'PUT' });
      expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([405, '*']);
    },
  );
});

describe('issuing that breaks between its steps', () => {
  type Break = 'before' | 'after';

  /** The stack's environment, where the calls of one address fail before or after the server did its work. */
  function breaking(path: string, when: Break, logged: string[] = []): Env {
    return createEnv(stack.functionsEnv.get, {
      now: clock.now,
      log: (line) => logged.push(line),
      fetch: async (input, init) => {
        const broken = String(input instanceof Request ? input.url : input).endsWith(path);
        if (broken && when === 'before') {
          throw new TypeError('connection refused');
        }
        const response = await fetch(input, init);
        if (broken) {
          throw new TypeError('connection reset');
        }
        return response;
      },
    });
  }

  async function askWith(env: Env, account: Account, body: object): Promise<Answer> {
    const request = new Request('http://functions.invalid/', {
      method: 'POST',
      headers: { authorization: `Bearer ${account.accessToken}` },
      body: JSON.stringify(body),
    });
    return read(await vscodeConfig(request, env));
  }

  const litellmKeys = async (account: Account): Promise<string[]> =>
    (
      await stack.db.query<{ token: string }>('select token from local_stack.model_keys where user_id = $1', [
        account.id,
      ])
    ).map(({ token }) => token);

  it.each<[string, Break, number, string]>([
    ['/rpc/device_key_begin', 'before', 503, 'database_unavailable'],
    ['/rpc/device_key_begin', 'after', 503, 'database_unavailable'],
    ['/key/generate', 'before', 502, 'model_gateway_unavailable'],
    ['/key/generate', 'after', 502, 'model_gateway_unavailable'],
    ['/rpc/device_key_activate', 'before', 503, 'database_unavailable'],
    ['/rpc/device_key_activate', 'after', 503, 'database_unavailable'],
  ])(
    'at %s, %s the work: no active key of the attempt, none in LiteLLM, and the next call heals',
    async (path, when, status, code) => {
      const account = await signUp(stack);
      const laptop = device();
      const answer = await askWith(breaking(path, when), account, laptop);
      expect([answer.status, answer.body['code']]).toEqual([status, code]);
      expect((await keysOf(account)).filter((row) => row.status === 'active')).toEqual([]);
      expect(await litellmKeys(account)).toEqual([]);

      const key = keyIn(await configure(account.accessToken, laptop));
      expect(await litellmKeys(account)).toEqual([sha256(key)]);
    },
  );

  it.each(['/rpc/device_key_begin', '/key/generate', '/rpc/device_key_activate'])(
    'killed right after %s: at most one key counts, and the next call leaves just its own',
    async (path) => {
      const account = await signUp(stack);
      const laptop = device();
      let reached = (): void => undefined;
      const killed = new Promise<void>((resolve) => {
        reached = resolve;
      });
      const env = createEnv(stack.functionsEnv.get, {
        now: clock.now,
        fetch: async (input, init) => {
          const response = await fetch(input, init);
          if (!String(input instanceof Request ? input.url : input).endsWith(path)) {
            return response;
          }
          reached();
          // A process that is gone never goes on.
          return new Promise<Response>(() => undefined);
        },
      });
      void askWith(env, account, laptop);
      await killed;

      const key = keyIn(await configure(account.accessToken, laptop));
      expect(await litellmKeys(account)).toEqual([sha256(key)]);
      expect((await keysOf(account)).map(({ status }) => status)).toEqual(['revoked', 'active']);
    },
  );

  it('does not fail the caller when the former key cannot be deleted, and owes the deletion', async () => {
    const account = await signUp(stack);
    const laptop = device();
    const first = keyIn(await configure(account.accessToken, laptop));
    const logged: string[] = [];
    const second = await askWith(breaking('/key/delete', 'before', logged), account, laptop);
    expect(second.status).toBe(200);
    expect((await keysOf(account)).map(({ status, removed }) => [status, removed])).toEqual([
      ['revoked', false],
      ['active', false],
    ]);
    expect(logged.join()).toContain('owed');
    expect((await models(first)).status).toBe(200);

    await configure(account.accessToken, laptop);
    expect((await models(first)).status).toBe(401);
    expect((await keysOf(account)).map(({ removed }) => removed)).toEqual([true, true, false]);
  });

  it('writes no key and no token into the log', async () => {
    const account = await signUp(stack);
    const logged: string[] = [];
    for (const path of [
      '/rpc/device_key_begin',
      '/key/generate',
      '/rpc/device_key_activate',
      '/rpc/device_key_abandon',
    ]) {
      await askWith(breaking(path, 'after', logged), account, device());
    }
    expect(logged.length).toBeGreaterThan(0);
    expect(logged.join('\n')).not.toMatch(/sk-|eyJ|sb_secret/);
  });
});

describe('a server that is not set up', () => {
  it.each(['SUPABASE_URL', 'SUPABASE_SECRET_KEYS', 'LITELLM_URL', 'LITELLM_MASTER_KEY'])(
    'names %s',
    async (missing) => {
      const env = createEnv((name) => (name === missing ? undefined : stack.functionsEnv.get(name)), {
        log: () => undefined,
      });
      const answer = await read(await vscodeConfig(new Request('http://functions.invalid/', { method: 'POST' }), env));
      expect([answer.status, answer.body['code']]).toEqual([500, 'misconfigured']);
      // Projects of the older kind have the legacy name instead.
      expect(answer.body['message']).toContain(
        missing === 'SUPABASE_SECRET_KEYS' ? 'SUPABASE_SERVICE_ROLE_KEY' : missing,
      );
    },
  );

  it('is still healthy', async () => {
    const env = createEnv(() => undefined);
    expect((await health(new Request('http://functions.invalid/'), env)).status).toBe(200);
  });
});
