import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LocalStack } from '../../local/server/start.ts';
import { checkBackend } from '../../supabase/check/check.ts';
import { readExpected } from '../../supabase/check/expected.ts';
import type { Expected } from '../../supabase/check/expected.ts';
import type { Finding } from '../../supabase/check/finding.ts';
import { startTestStack, TestClock } from './support.ts';

const clock = new TestClock();
let stack: LocalStack;
let expected: Expected;

beforeAll(async () => {
  stack = await startTestStack({ autoConfirm: false, clock });
  expected = await readExpected();
});
afterAll(() => stack.close());

/** What a fault makes of an answer: status, body and headers that take the place of the real ones. */
interface Spoilt {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server in front of the stack: it passes everything on, but for the answers of one path. */
async function inFront<T>(target: string, path: string, spoilt: Spoilt, use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((request, response) => {
    void (async () => {
      const body = request.method === 'POST' ? await text(request) : undefined;
      // What belongs to this connection alone is not passed on.
      const headers = Object.entries(request.headers).filter(
        ([name]) => !['host', 'connection', 'content-length'].includes(name),
      );
      const real = await fetch(target + (request.url ?? ''), {
        method: request.method ?? 'GET',
        headers: Object.fromEntries(headers) as Record<string, string>,
        redirect: 'manual',
        ...(body === undefined ? {} : { body }),
      });
      const mine = (request.url ?? '').startsWith(path) ? spoilt : {};
      const answer = mine.body === undefined ? await real.text() : JSON.stringify(mine.body);
      const kept = Object.fromEntries(
        ['content-type', 'location', 'access-control-allow-origin', 'date'].flatMap((name) => {
          const value = real.headers.get(name);
          return value === null ? [] : [[name, value]];
        }),
      );
      response.writeHead(mine.status ?? real.status, { ...kept, ...mine.headers }).end(answer);
    })();
  });
  try {
    return await use(await listening(server));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
}

const check = (url = stack.supabaseUrl, litellm = stack.litellmUrl): Promise<readonly Finding[]> =>
  checkBackend({ url, key: stack.publishableKey, litellm }, () => Promise.resolve(expected));

const wrong = (findings: readonly Finding[]): readonly string[] =>
  findings.filter(({ status }) => status !== 'pass').map(({ status, subject }) => `${status} ${subject}`);

/** What is wrong once the functions have forgotten what they said before. */
async function wrongNow(): Promise<readonly string[]> {
  clock.advance(5_000);
  return wrong(await check());
}

/** Puts a fault into the database, looks, and takes it out again. */
async function withSql(fault: string, remedy: string): Promise<readonly string[]> {
  await stack.db.exec(fault);
  try {
    return await wrongNow();
  } finally {
    await stack.db.exec(remedy);
    expect(await wrongNow()).toEqual([]);
  }
}

describe('a healthy backend', () => {
  it('passes every check, and every table, function and editor is looked at', async () => {
    const findings = await check();
    expect(wrong(findings)).toEqual([]);
    const details = Object.fromEntries(findings.map(({ subject, detail }) => [subject, detail]));
    expect(details['database: tables']).toContain(`${expected.tables.length} are there`);
    expect(details['database: functions']).toContain(`${expected.functions.length} are there`);
    expect(details['database: migrations']).toBe(`up to ${expected.migration}`);
    expect(expected.tables).toEqual(expect.arrayContaining(['user_profiles', 'usage_records', 'audit_log']));
    expect(expected.functions.map(({ name }) => name)).toEqual(expect.arrayContaining(['profile', 'record_usage']));
    expect(Object.keys(details).filter((subject) => /^redirect: \w.*:\/\//.test(subject))).toHaveLength(7);
  });

  it('is left as it was', async () => {
    const count = async (): Promise<unknown> =>
      stack.db
        .query(`select (select count(*) from auth.users) as users, (select count(*) from auth.sessions) as sessions,
        (select count(*) from local_stack.mails) as mails, (select count(*) from public.usage_records) as records`);
    const before = await count();
    await check();
    expect(await count()).toEqual(before);
  });
});

describe('a fault in the database', () => {
  it.each([
    [
      'rows that anybody reads',
      'grant select on public.plans to anon; create policy open on public.plans for select to anon using (true)',
      'drop policy open on public.plans; revoke all on public.plans from anon',
      'fail database: plans',
    ],
    [
      'a table without row security',
      'alter table public.plans disable row level security; grant select on public.plans to anon',
      'alter table public.plans enable row level security; revoke all on public.plans from anon',
      'fail database: plans',
    ],
    [
      'rows that everybody who is signed in reads',
      'alter table public.usage_records disable row level security',
      'alter table public.usage_records enable row level security',
      'fail reached: database',
    ],
    [
      'a grant that row security makes harmless',
      'grant select on public.audit_log to anon',
      'revoke all on public.audit_log from anon',
      'warn database: audit_log',
    ],
    [
      'a table that is missing',
      'alter table public.plans rename to plans_away',
      'alter table public.plans_away rename to plans',
      'fail database: plans',
    ],
    [
      'a function that is missing',
      'alter function public.quota() rename to quota_away',
      'alter function public.quota_away() rename to quota',
      'fail database: quota()',
    ],
    [
      'a function that anybody may call',
      'grant execute on function public.profile() to anon',
      'revoke execute on function public.profile() from anon',
      'fail database: profile()',
    ],
  ])('%s is found', async (_case, fault, remedy, finding) => {
    expect(await withSql(fault, remedy)).toEqual([finding]);
  });
});

describe('a fault in the project', () => {
  const settings = { disable_signup: false, mailer_autoconfirm: false, external: { email: true, github: true } };
  it.each<[string, string, Spoilt, readonly string[]]>([
    ['no answer that is a project’s', '/auth/v1/settings', { body: 'hello' }, ['fail project']],
    ['a project that is paused', '/auth/v1/settings', { status: 540, body: {} }, ['fail project']],
    [
      'e-mail switched off',
      '/auth/v1/settings',
      { body: { ...settings, external: { email: false, github: true } } },
      ['fail sign-in: e-mail'],
    ],
    [
      'no sign-ups',
      '/auth/v1/settings',
      { body: { ...settings, disable_signup: true } },
      ['warn sign-in: new accounts'],
    ],
    [
      'addresses that nobody confirms',
      '/auth/v1/settings',
      { body: { ...settings, mailer_autoconfirm: true } },
      ['warn sign-in: confirmation'],
    ],
    [
      'no provider',
      '/auth/v1/settings',
      { body: { ...settings, external: { email: true } } },
      ['warn sign-in: providers'],
    ],
    [
      'a provider without its client id',
      '/auth/v1/authorize?provider=github',
      { status: 400, body: { error_code: 'validation_failed' }, headers: { location: '' } },
      ['fail sign-in: github'],
    ],
    ['shared-secret tokens', '/auth/v1/.well-known/', { body: { keys: [] } }, ['warn sign-in: token keys']],
    [
      'a private key in public',
      '/auth/v1/.well-known/',
      { body: { keys: [{ alg: 'ES256', d: 'secret' }] } },
      ['fail sign-in: token keys'],
    ],
    [
      'passwords that are too short',
      '/auth/v1/signup',
      { body: { code: 'weak_password', message: 'Password should be at least 6 characters.' } },
      ['warn sign-in: passwords'],
    ],
    [
      'a clock that is wrong',
      '/auth/v1/settings',
      { headers: { date: 'Sat, 01 Jan 2000 00:00:00 GMT' } },
      ['warn clock'],
    ],
    [
      'a list that takes any address',
      `/auth/v1/verify?token=backend-check&type=signup&redirect_to=${encodeURIComponent('https://backend-check.example/')}`,
      { headers: { location: 'https://backend-check.example/elsewhere#error=access_denied' } },
      ['fail redirect: elsewhere'],
    ],
    [
      'an editor that is not on the list',
      `/auth/v1/verify?token=backend-check&type=signup&redirect_to=${encodeURIComponent('cursor://')}`,
      { headers: { location: 'https://site.example/#error=access_denied' } },
      ['fail redirect: cursor://'],
    ],
    [
      'a list that cannot be asked',
      '/auth/v1/verify',
      { status: 429, body: { error_code: 'over_request_rate_limit' }, headers: { location: '' } },
      ['vscode', 'vscode-insiders', 'vscodium', 'code-oss', 'cursor', 'windsurf']
        .map((scheme) => `warn redirect: ${scheme}://`)
        .concat('warn redirect: http://127.0.0.1', 'warn redirect: elsewhere'),
    ],
    [
      'no function at all',
      '/functions/v1/',
      { status: 404, body: { code: 'NOT_FOUND', message: 'Requested function was not found' } },
      ['fail function: health', 'fail function: ready'],
    ],
    [
      'an older version',
      '/functions/v1/health',
      { body: { status: 'ok', version: '0.0.1' } },
      ['warn function: health'],
    ],
    [
      'a database out of reach',
      '/functions/v1/ready',
      { status: 503, body: { status: 'not_ready', database: 'unreachable', models: 'ok' } },
      ['fail reached: database'],
    ],
    [
      'LiteLLM out of reach',
      '/functions/v1/ready',
      { status: 503, body: { status: 'not_ready', database: 'ok', models: 'unreachable' } },
      ['fail reached: LiteLLM'],
    ],
    [
      'a secret that is not set',
      '/functions/v1/vscode-config',
      { status: 500, body: { code: 'misconfigured', message: 'its operator has to set LITELLM_URL.' } },
      ['fail function: vscode-config'],
    ],
    [
      'a migration that is missing',
      '/functions/v1/ready',
      { body: { status: 'ready', database: 'ok', models: 'ok', migration: '20261121000840' } },
      ['fail database: migrations'],
    ],
    [
      'the platform’s own token check',
      '/functions/v1/vscode-config',
      { status: 401, body: { code: 'UNAUTHORIZED_NO_AUTH_HEADER', message: 'Missing authorization header' } },
      ['fail function: vscode-config'],
    ],
    [
      'a function that lets strangers in',
      '/functions/v1/vscode-config',
      { status: 200, body: {} },
      ['fail function: vscode-config'],
    ],
    [
      'a function that a browser may not call',
      '/functions/v1/vscode-config',
      { headers: { 'access-control-allow-origin': 'https://elsewhere.example' } },
      ['warn function: vscode-config'],
    ],
  ])('%s is found', async (_case, path, spoilt, findings) => {
    const found = wrong(await inFront(stack.supabaseUrl, path, spoilt, (url) => check(url)));
    const all = [...findings, ...closedFunctions(_case)];
    expect([...found].sort()).toEqual([...all].sort());
  });

  /** Without any function deployed, each closed one is missing too. */
  function closedFunctions(name: string): readonly string[] {
    return name === 'no function at all'
      ? expected.edgeFunctions
          .filter((deployed) => !['health', 'ready'].includes(deployed))
          .map((deployed) => `fail function: ${deployed}`)
      : [];
  }

  it('a backend that is reached without https is found, and a site that is each visitor’s own machine', async () => {
    // Another name of this machine, which nobody can take for a loopback address.
    const open = (url: string): string => url.replace('127.0.0.1', '0.0.0.0');
    const found = await inFront(stack.supabaseUrl, '/nothing', {}, (url) =>
      inFront(stack.litellmUrl, '/nothing', {}, (litellm) => check(open(url), open(litellm))),
    );
    expect(wrong(found)).toEqual(['fail project: encrypted', 'warn redirect: elsewhere', 'fail LiteLLM: encrypted']);
  });

  it('a key of another project is found, and nothing else is asked', async () => {
    const findings = await checkBackend({ url: stack.supabaseUrl, key: 'sb_publishable_x', litellm: undefined }, () =>
      Promise.reject(new Error('nothing more was to be read')),
    );
    expect(wrong(findings)).toEqual(['fail project']);
  });

  it('a project that nobody reaches is found', async () => {
    const server = createServer();
    const url = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await check(url)).toMatchObject([{ status: 'fail', detail: `${url}: nothing listens there` }]);
  });
});

describe('a fault in LiteLLM', () => {
  it.each<[string, string, Spoilt, readonly string[]]>([
    ['a proxy that is down', '/health', { status: 502, body: {} }, ['fail LiteLLM: reachable']],
    ['a proxy without keys', '/v1/models', { status: 200, body: { data: [] } }, ['fail LiteLLM: closed']],
    [
      'a proxy that browsers may not call',
      '/v1/chat',
      { headers: { 'access-control-allow-origin': '' } },
      ['warn LiteLLM: browsers'],
    ],
  ])('%s is found', async (_case, path, spoilt, findings) => {
    const found = await inFront(stack.litellmUrl, path, spoilt, (url) => check(stack.supabaseUrl, url));
    expect(wrong(found)).toEqual(findings);
  });
});

describe('the command', () => {
  interface Ended {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }

  async function run(...args: readonly string[]): Promise<Ended> {
    const child = spawn(process.execPath, ['--import', 'tsx', 'supabase/check/main.ts', ...args]);
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { code, stdout, stderr };
  }

  it('prints a table, and ends with 0 when nothing failed', async () => {
    const { code, stdout } = await run('--url', `${stack.supabaseUrl}/`, '--key', stack.publishableKey);
    expect(stdout).toMatch(/pass {2}database: tables +\d+ are there/);
    expect(stdout).toContain('0 failed.');
    expect([code, stdout.includes(stack.publishableKey)]).toEqual([0, false]);
  });

  it('prints JSON with a remedy for each fault, ends with 1, and shows no key, even one that a server quotes', async () => {
    const quoted = { status: 500, body: { code: 'misconfigured', message: `your key is ${stack.publishableKey}` } };
    const { code, stdout } = await inFront(stack.supabaseUrl, '/functions/v1/vscode-config', quoted, (url) =>
      run('--url', url, '--key', stack.publishableKey, '--json'),
    );
    const report = JSON.parse(stdout) as { fail: number; findings: Finding[] };
    expect([code, report.fail]).toEqual([1, 1]);
    expect(report.findings.filter(({ status }) => status !== 'pass')).toEqual([
      {
        status: 'fail',
        subject: 'function: vscode-config',
        detail: 'your key is [key]',
        remedy: expect.stringContaining('supabase secrets set') as string,
      },
    ]);
  });

  const serviceRole = `eyJhbGciOiJIUzI1NiJ9.${Buffer.from('{"role":"service_role"}').toString('base64url')}.x`;
  it.each([
    ['no address', ['--key', 'k']],
    ['no key', ['--url', 'http://127.0.0.1']],
    ['an address that is none', ['--url', 'example', '--key', 'k']],
    ['the secret key', ['--url', 'http://127.0.0.1', '--key', 'sb_secret_abc']],
    ['the legacy service key', ['--url', 'http://127.0.0.1', '--key', serviceRole]],
    ['an unknown option', ['--colour']],
  ])('ends with 2 when it is given %s, and quotes none of it', async (_case, args) => {
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Usage: npm run backend:check');
    expect(stderr).not.toMatch(/sb_secret_abc|eyJ/);
  });
});
