import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { realPostgres, withRealPostgres } from './databases.ts';
import { PASSWORD, read } from './support.ts';
import type { Answer } from './support.ts';

const MAIN = 'local/server/main.ts';
/** Settings of the machine's own must not reach the program under test. */
const STACK_SETTINGS = [
  'DATABASE_URL',
  'LITELLM_URL',
  'LITELLM_MASTER_KEY',
  'GODOTY_UPSTREAM_URL',
  'GODOTY_UPSTREAM_KEY',
];
const FREE_PORTS = ['--port', '0', '--model-port', '0'];

interface Ready {
  readonly event: 'ready';
  readonly supabaseUrl: string;
  readonly publishableKey: string;
  readonly litellmUrl: string;
  readonly dataDir: string | null;
  readonly models: readonly string[];
  readonly bootMs: number;
}

interface Program {
  /** The first line on stdout. */
  readonly firstLine: Promise<string>;
  readonly exited: Promise<{ code: number | null; stderr: string; stdout: string }>;
  stop(signal: NodeJS.Signals): void;
}

const running: Program[] = [];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'godoty-stack-'));
});
afterEach(async () => {
  for (const program of running.splice(0)) {
    program.stop('SIGKILL');
    await program.exited;
  }
  await rm(folder, { recursive: true, force: true });
});

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !STACK_SETTINGS.includes(name)));
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const program: Program = {
    firstLine: new Promise((resolve, reject) => {
      createInterface(child.stdout).once('line', resolve);
      child.once('exit', (code) => reject(new Error(`exited with ${code ?? 'a signal'}: ${stderr}`)));
    }),
    exited: new Promise((resolve) => {
      child.once('close', (code) => resolve({ code, stderr, stdout }));
    }),
    stop: (signal) => child.kill(signal),
  };
  program.firstLine.catch(() => undefined);
  running.push(program);
  return program;
}

const ready = async (program: Program): Promise<Ready> => JSON.parse(await program.firstLine) as Ready;
const portOf = (url: string): string => new URL(url).port;

async function post(stack: Ready, path: string, body: object, token?: string): Promise<Answer> {
  return read(
    await fetch(stack.supabaseUrl + path, {
      method: 'POST',
      headers: { apikey: stack.publishableKey, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    }),
  );
}

describe('the program', () => {
  it('says in one line where it is, and stops on a signal', async () => {
    const program = start([...FREE_PORTS, '--ephemeral', '--json-ready']);
    const stack = await ready(program);
    expect(stack).toEqual({
      event: 'ready',
      supabaseUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
      publishableKey: expect.stringMatching(/^sb_publishable_/) as string,
      litellmUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
      dataDir: null,
      models: ['gpt-4o-mini', 'gpt-4o'],
      bootMs: expect.any(Number) as number,
    });
    expect((await fetch(`${stack.supabaseUrl}/functions/v1/health`)).status).toBe(200);
    program.stop('SIGTERM');
    const { code, stdout, stderr } = await program.exited;
    expect([code, stdout.trim().split('\n').length, stderr]).toEqual([0, 1, '']);
    await expect(fetch(stack.supabaseUrl)).rejects.toThrow();
  });

  it('is up within five seconds', { timeout: 240_000 }, async () => {
    const boots: number[] = [];
    // A machine that is busy for a moment says nothing; one that is slow each time does.
    while (boots.length < 8 && boots.every((ms) => ms > 5_000)) {
      const program = start([...FREE_PORTS, '--ephemeral', '--json-ready']);
      boots.push((await ready(program)).bootMs);
      program.stop('SIGKILL');
      await program.exited;
    }
    expect(Math.min(...boots)).toBeLessThanOrEqual(5_000);
  });

  it('listens on the loopback address and on no other of this machine', async () => {
    const stack = await ready(start([...FREE_PORTS, '--ephemeral', '--json-ready']));
    const others = Object.values(networkInterfaces()).flatMap((addresses = []) =>
      addresses.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address),
    );
    for (const url of [stack.supabaseUrl, stack.litellmUrl]) {
      expect((await fetch(url)).status).toBeLessThan(500);
      for (const address of ['127.0.0.2', ...others]) {
        await expect(fetch(url.replace('127.0.0.1', address)), address).rejects.toThrow();
      }
    }
  });

  it('keeps nothing when it is ephemeral', async () => {
    const program = start([...FREE_PORTS, '--ephemeral', '--json-ready'], { XDG_DATA_HOME: folder });
    const stack = await ready(program);
    await post(stack, '/auth/v1/signup', { email: 'ada@example.com', password: PASSWORD });
    program.stop('SIGTERM');
    await program.exited;
    expect(await readdir(folder)).toEqual([]);
  });

  it.runIf(process.platform === 'linux')(
    'keeps its data in the user’s data folder when it is told no other',
    async () => {
      const env = { XDG_DATA_HOME: folder };
      const first = start([...FREE_PORTS, '--json-ready'], env);
      const stack = await ready(first);
      expect(stack.dataDir).toBe(join(folder, 'godoty', 'local'));
      const account = { email: 'ada@example.com', password: PASSWORD };
      expect((await post(stack, '/auth/v1/signup', account)).status).toBe(200);
      first.stop('SIGTERM');
      await first.exited;

      const again = await ready(start([...FREE_PORTS, '--json-ready'], env));
      expect(again.dataDir).toBe(stack.dataDir);
      expect((await post(again, '/auth/v1/token?grant_type=password', account)).status).toBe(200);
    },
  );

  it('gives access tokens the life that it is told to', async () => {
    const args = [...FREE_PORTS, '--ephemeral', '--json-ready', '--access-token-ttl', '5'];
    const stack = await ready(start(args));
    const session = await post(stack, '/auth/v1/signup', { email: 'ada@example.com', password: PASSWORD });
    expect(session.body['expires_in']).toBe(5);
  });

  it('limits mail as it is told to', async () => {
    const args = [...FREE_PORTS, '--ephemeral', '--json-ready', '--mail-rest', '0', '--mails-per-hour', '2'];
    const stack = await ready(start(args));
    const ask = async (): Promise<number> => (await post(stack, '/auth/v1/otp', { email: 'ada@example.com' })).status;
    expect([await ask(), await ask(), await ask()]).toEqual([200, 200, 429]);
  });

  it('stops in the middle of an answer, and what was written of it is paid', async () => {
    const args = [...FREE_PORTS, '--data', folder, '--json-ready'];
    const program = start(args);
    const stack = await ready(program);
    const session = await post(stack, '/auth/v1/signup', { email: 'ada@example.com', password: PASSWORD });
    const device = { device_id: crypto.randomUUID(), device_name: 'laptop' };
    const config = await post(stack, '/functions/v1/vscode-config', device, String(session.body['access_token']));
    const { key } = config.body['model_access'] as { key: string };
    const response = await fetch(`${stack.litellmUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: 'gpt-4o', stream: true, messages: [{ role: 'user', content: 'count to 5000' }] }),
    });
    const reader = response.body?.getReader();
    await reader?.read();
    program.stop('SIGTERM');
    expect(await program.exited).toMatchObject({ code: 0, stderr: '' });
    await expect(reader?.read().then(() => reader.read())).rejects.toThrow();

    const again = await ready(start(args));
    const next = await fetch(`${again.litellmUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'hi' }] }),
    });
    expect(Number(next.headers.get('x-litellm-key-spend'))).toBeGreaterThan(0);
  });

  it('tells people what is real and what is emulated, and no secret', async () => {
    const program = start([...FREE_PORTS, '--ephemeral']);
    await program.firstLine;
    program.stop('SIGINT');
    const { code, stdout } = await program.exited;
    expect(code).toBe(0);
    expect(stdout).toMatch(/is up, \d+\.\d s after its start/);
    expect(stdout).toMatch(/Real: [^]*Emulated: [^]*LiteLLM[^]*Answers: +built-in demo model/);
    expect(stdout).not.toMatch(/sb_secret_|sk-/);
  });

  it('keeps accounts, sessions and keys in its folder over a restart, and gives no folder to two', async () => {
    const args = ['--data', folder, '--json-ready'];
    const first = start([...args, ...FREE_PORTS]);
    const stack = await ready(first);
    expect(stack.dataDir).toBe(folder);
    const session = await post(stack, '/auth/v1/signup', { email: 'ada@example.com', password: PASSWORD });
    const device = { device_id: crypto.randomUUID(), device_name: 'laptop' };
    const config = await post(stack, '/functions/v1/vscode-config', device, String(session.body['access_token']));
    const { key } = config.body['model_access'] as { key: string };

    const rival = await start([...args, ...FREE_PORTS]).exited;
    expect([rival.code, rival.stderr]).toEqual([4, expect.stringContaining('another local stack') as string]);

    first.stop('SIGTERM');
    await first.exited;
    const ports = ['--port', portOf(stack.supabaseUrl), '--model-port', portOf(stack.litellmUrl)];
    const again = await ready(start([...args, ...ports]));
    expect({ ...again, bootMs: stack.bootMs }).toEqual(stack);
    const refreshed = await post(again, '/auth/v1/token?grant_type=refresh_token', {
      refresh_token: session.body['refresh_token'],
    });
    expect(refreshed.status).toBe(200);
    // The signing key is the same one, so the old token is still good.
    expect((await post(again, '/rest/v1/rpc/profile', {}, String(session.body['access_token']))).status).toBe(200);
    const models = await fetch(`${again.litellmUrl}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    expect(models.status).toBe(200);
  });

  it('takes the folder over from a process that was killed', async () => {
    const args = [...FREE_PORTS, '--data', folder, '--json-ready'];
    const killed = start(args);
    const stack = await ready(killed);
    await post(stack, '/auth/v1/signup', { email: 'ada@example.com', password: PASSWORD });
    killed.stop('SIGKILL');
    await killed.exited;
    const again = await ready(start(args));
    const signIn = { email: 'ada@example.com', password: PASSWORD };
    expect((await post(again, '/auth/v1/token?grant_type=password', signIn)).status).toBe(200);
  });

  it.each(['--port', '--model-port'])('ends with 3 when %s is taken', async (option) => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const address = holder.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    try {
      const { code, stderr, stdout } = await start([...FREE_PORTS, '--ephemeral', option, port]).exited;
      expect([code, stderr, stdout]).toEqual([
        3,
        expect.stringContaining(`port ${port} on 127.0.0.1 is in use`) as string,
        '',
      ]);
    } finally {
      holder.close();
    }
  });

  it.each<[string, readonly string[], Readonly<Record<string, string>>]>([
    ['an unknown option', ['--colour'], {}],
    ['a port that is none', ['--port', '70000'], {}],
    ['two places for the data', ['--ephemeral', '--data', 'x'], {}],
    ['LiteLLM without its key', ['--ephemeral'], { LITELLM_URL: 'http://127.0.0.1:4000' }],
    ['an upstream that is no address', ['--ephemeral'], { GODOTY_UPSTREAM_URL: 'ollama' }],
  ])('ends with 2 for %s', async (_case, args, env) => {
    const { code, stderr } = await start(args, env).exited;
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^godoty local stack: ./) as string]);
  });

  it.runIf(withRealPostgres)('runs on a real server, more than once', async () => {
    const server = await realPostgres.start();
    try {
      const url = (await server.createUrl?.()) ?? '';
      for (const status of [200, 422]) {
        const program = start([...FREE_PORTS, '--json-ready'], { DATABASE_URL: url });
        const stack = await ready(program);
        const answer = await post(stack, '/auth/v1/signup', { email: 'ada@example.com', password: PASSWORD });
        expect(answer.status).toBe(status);
        program.stop('SIGTERM');
        expect((await program.exited).code).toBe(0);
      }
    } finally {
      await server.stop();
    }
  });

  it('leaves the models to a real LiteLLM when it is given one', async () => {
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        asked.push(`${request.url ?? ''} ${request.headers.authorization ?? ''}`);
        const { key = '', user_id } = JSON.parse(body) as { key?: string; user_id?: string };
        void crypto.subtle
          .digest('SHA-256', Buffer.from(key))
          .then((digest) =>
            response
              .writeHead(200, { 'content-type': 'application/json' })
              .end(JSON.stringify({ key, user_id, token: Buffer.from(digest).toString('hex'), expires: null })),
          );
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const address = proxy.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
    try {
      const args = ['--port', '0', '--ephemeral', '--json-ready'];
      const stack = await ready(start(args, { LITELLM_URL: `${url}/`, LITELLM_MASTER_KEY: 'sk-master' }));
      expect([stack.litellmUrl, stack.models]).toEqual([url, []]);
      const session = await post(stack, '/auth/v1/signup', { email: 'ada@example.com', password: PASSWORD });
      const device = { device_id: crypto.randomUUID(), device_name: 'laptop' };
      const config = await post(stack, '/functions/v1/vscode-config', device, String(session.body['access_token']));
      expect(config.body).toMatchObject({ model_access: { endpoint: url } });
      expect(asked).toEqual(['/user/update Bearer sk-master', '/key/generate Bearer sk-master']);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });
});
