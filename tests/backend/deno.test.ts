import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LocalStack } from '../../local/server/start.ts';
import { newMint } from './functions-tokens.ts';
import { callModel, read, signUp, startTestStack } from './support.ts';

const run = promisify(execFile);
const FUNCTIONS = 'supabase/functions';
const DENO = join(dirname(createRequire(import.meta.url).resolve('deno/package.json')), 'bin.cjs');
/** The packages come from node_modules, so that nothing is downloaded. */
const OFFLINE = ['--no-remote', '--cached-only', '--node-modules-dir=manual'];

let stack: LocalStack;
let cache: string;

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'godoty-deno-'));
  stack = await startTestStack();
});
afterAll(async () => {
  await stack.close();
  await rm(cache, { recursive: true, force: true });
});

async function functionNames(): Promise<string[]> {
  const entries = await readdir(FUNCTIONS, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('_')).map(({ name }) => name);
}

/** Runs `work` while a function's index.ts is served by a real Deno with the stack's settings, or others. */
async function served(
  name: string,
  work: (url: string) => Promise<void>,
  others: Readonly<Record<string, string>> = {},
): Promise<void> {
  const settings = [
    ...['SUPABASE_URL', 'SUPABASE_SECRET_KEYS', 'LITELLM_URL', 'LITELLM_MASTER_KEY', 'GODOTY_SYNC_SECRET'],
  ];
  const child = spawn(
    process.execPath,
    [
      DENO,
      'run',
      ...OFFLINE,
      '--allow-net=127.0.0.1',
      '--allow-env',
      '--config',
      `${FUNCTIONS}/${name}/deno.json`,
      `${FUNCTIONS}/${name}/index.ts`,
    ],
    {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        NO_COLOR: '1',
        DENO_DIR: cache,
        DENO_NO_UPDATE_CHECK: '1',
        DENO_SERVE_ADDRESS: 'tcp:127.0.0.1:0',
        ...Object.fromEntries(settings.map((setting) => [setting, stack.functionsEnv.get(setting)])),
        ...others,
      },
    },
  );
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let said = '';
      for (const stream of [child.stdout, child.stderr]) {
        createInterface(stream).on('line', (line) => {
          said += `${line}\n`;
          const address = /Listening on (http:\S+?)\/? *$/.exec(line)?.[1];
          if (address !== undefined) {
            resolve(address);
          }
        });
      }
      child.once('exit', (code) => reject(new Error(`deno ended with ${code ?? 'a signal'}: ${said}`)));
    });
    await work(url);
  } finally {
    // npm's launcher starts the real program as a child of its own; the group is both.
    if (child.pid !== undefined && child.exitCode === null) {
      process.kill(-child.pid, 'SIGTERM');
    }
    await exited;
  }
}

describe('in a real Deno', () => {
  const NAMES = ['health', 'keys', 'ready', 'usage-sync', 'vscode-config'];

  it('knows every function', async () => {
    expect((await functionNames()).sort()).toEqual(NAMES);
  });

  it.each(NAMES)('%s passes the type check', async (name) => {
    const place = `${FUNCTIONS}/${name}`;
    await run(
      process.execPath,
      [
        ...[DENO, 'check', '--no-remote', '--node-modules-dir=manual'],
        ...['--config', `${place}/deno.json`, `${place}/index.ts`],
      ],
      { env: { PATH: process.env['PATH'], DENO_DIR: cache, DENO_NO_UPDATE_CHECK: '1' } },
    );
  });

  it('every function pins the very versions that the other tests use', async () => {
    const { dependencies, devDependencies } = JSON.parse(await readFile('package.json', 'utf8')) as Record<
      'dependencies' | 'devDependencies',
      Record<string, string>
    >;
    const installed = { ...devDependencies, ...dependencies };
    for (const name of await functionNames()) {
      const { imports } = JSON.parse(await readFile(`${FUNCTIONS}/${name}/deno.json`, 'utf8')) as {
        imports: Record<string, string>;
      };
      for (const [bare, target] of Object.entries(imports)) {
        expect(target, name).toBe(`npm:${bare}@${installed[bare] ?? 'not in package.json'}`);
      }
    }
  });

  it('health answers', () =>
    served('health', async (url) => {
      expect((await read(await fetch(url))).body).toMatchObject({ status: 'ok' });
      const events = (await read(await fetch(`${url}?stream=1`))).text.trimEnd().split('\n\n');
      expect(events).toHaveLength(4);
      expect(events.at(-1)).toMatch(/^data: \{"status":"ok","version":".+","now":\d+,"took":\d+\}$/);
    }));

  it('vscode-config issues a key that works, and refuses a stranger', () =>
    served('vscode-config', async (url) => {
      const account = await signUp(stack);
      const ask = async (token: string): Promise<{ status: number; body: Record<string, unknown> }> =>
        read(
          await fetch(url, {
            method: 'POST',
            headers: { authorization: `Bearer ${token}` },
            body: JSON.stringify({ device_id: crypto.randomUUID(), device_name: 'laptop' }),
          }),
        );
      const answer = await ask(account.accessToken);
      expect([answer.status, answer.body['user']]).toMatchObject([200, { id: account.id }]);
      const { key } = answer.body['model_access'] as { key: string };
      expect((await callModel(stack, '/v1/models', key)).status).toBe(200);
      expect((await ask(`${account.accessToken.slice(0, -4)}AAAA`)).body['code']).toBe('invalid_token');
    }));

  it('ready says that the servers behind answer', () =>
    served('ready', async (url) => {
      expect((await read(await fetch(url))).body).toMatchObject({ status: 'ready', database: 'ok', models: 'ok' });
    }));

  it('usage-sync runs for the operator and for nobody else', () =>
    served('usage-sync', async (url) => {
      const ask = async (secret: string): Promise<unknown> =>
        (await read(await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${secret}` } }))).body;
      expect(await ask(stack.functionsEnv.get('GODOTY_SYNC_SECRET') ?? '')).toMatchObject({ status: 'done' });
      expect(await ask(stack.secretKey)).toMatchObject({ code: 'not_authorized' });
    }));

  it('keys issues, lists, rotates and revokes', () =>
    served('keys', async (url) => {
      const account = await signUp(stack);
      const ask = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> =>
        (
          await read(
            await fetch(`${url}/keys${path}`, {
              method,
              headers: { authorization: `Bearer ${account.accessToken}` },
              ...(body === undefined ? {} : { body: JSON.stringify(body) }),
            }),
          )
        ).body;
      const list = async (): Promise<{ id: string }[]> => (await ask('GET', ''))['keys'] as { id: string }[];
      await ask('POST', '', { device_id: crypto.randomUUID(), device_name: 'laptop' });
      const [first] = await list();
      await ask('POST', `/${first?.id ?? ''}/rotate`);
      const [second] = await list();
      expect(second?.id).not.toBe(first?.id);
      expect(await ask('DELETE', `/${second?.id ?? ''}`)).toEqual({ revoked: 1 });
      expect(await list()).toEqual([]);
    }));

  it('vscode-config takes the genuine tokens and none of the forged ones', async () => {
    // Deno has no other way to keys than the network, so they are published on a server.
    let published: readonly object[] = [];
    const project = createServer((request, response) => {
      const isKeys = request.url === '/auth/v1/.well-known/jwks.json';
      response.writeHead(isKeys ? 200 : 404, { 'content-type': 'application/json' });
      // Past the token's check, the missing database stops the request.
      response.end(JSON.stringify(isKeys ? { keys: published } : {}));
    });
    await new Promise<void>((resolve) => project.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(project.address() as AddressInfo).port}`;
    const mint = await newMint(`${address}/auth/v1`, Date.now);
    published = mint.published;
    try {
      await served(
        'vscode-config',
        async (url) => {
          const ask = async (token: string): Promise<unknown> =>
            (
              await read(
                await fetch(url, {
                  method: 'POST',
                  headers: { authorization: `Bearer ${token}` },
                  body: JSON.stringify({ device_id: crypto.randomUUID(), device_name: 'laptop' }),
                }),
              )
            ).body['code'];
          for (const [alg, make] of Object.entries(mint.good)) {
            expect(await ask(await make()), alg).toBe('database_unavailable');
          }
          for (const [flaw, make] of Object.entries(mint.forged)) {
            expect(await ask(await make()), flaw).toBe('invalid_token');
          }
        },
        { SUPABASE_URL: address, GODOTY_JWT_SECRET: mint.secret },
      );
    } finally {
      project.close();
    }
  });
});
