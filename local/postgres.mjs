/** A real PostgreSQL server of one's own: a folder, a free port, the loopback interface, and gone afterwards. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { chmod, chown, cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';

import { ended, onExit, start, stop } from './setup/processes.mjs';

const startMilliseconds = 60_000;

/**
 * @typedef {object} PostgresServer
 * @property {(database: string) => string} url the address of a database, as its superuser
 * @property {string} dataDir
 * @property {() => Promise<void>} shutDown ends the server cleanly; its data stay until `close`
 * @property {() => Promise<void>} close ends the server and removes its data
 */

/**
 * Starts a server in a folder of its own. PostgreSQL refuses to run as root; the user `postgres` runs it then.
 * Nothing is written through to the disk: the data end with the server.
 *
 * @param {object} options
 * @param {string} options.bin the folder of PostgreSQL's programs: `postgresBin` of `ensure('postgres')`
 * @param {string} [options.template] a data folder to begin with, of a server that was shut down; an empty cluster without
 * @param {string[]} [options.settings] more settings of the server: `name=value`
 * @returns {Promise<PostgresServer>}
 */
export async function startPostgres({ bin, template, settings = [] }) {
  const identity = serverIdentity();
  const folder = await mkdtemp(path.join(tmpdir(), 'godoty-postgres-'));
  onExit(() => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  const dataDir = path.join(folder, 'data');
  const options = { ...identity, cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', TZ: 'UTC' } };
  try {
    if (template !== undefined) await cp(template, dataDir, { recursive: true });
    await handOver(folder, identity);
    if (template === undefined) {
      const locale = ['--encoding', 'UTF8', '--locale', 'C.UTF-8'];
      const args = ['--pgdata', dataDir, '--username', 'postgres', '--auth', 'trust', ...locale, '--no-sync'];
      const initdb = start(path.join(bin, 'initdb'), args, options);
      const said = collect(initdb);
      if ((await ended(initdb)) !== 0) throw new Error(`initdb failed:\n${said()}`);
    }
    await chmod(dataDir, 0o700);
    const { child, port } = await serve(bin, dataDir, settings, options);
    const shutDown = async () => {
      // SIGINT is the fast shutdown; SIGTERM would wait for every client to go.
      if (child.exitCode === null && child.kill('SIGINT')) await Promise.race([ended(child), patience(child)]);
    };
    return {
      url: (database) => `postgresql://postgres@127.0.0.1:${String(port)}/${database}`,
      dataDir,
      shutDown,
      close: async () => {
        await shutDown();
        await rm(folder, { recursive: true, force: true, maxRetries: 3 });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    throw error;
  }
}

/** A port of the loopback interface that nobody listens on right now. */
export function freePort() {
  return new Promise((/** @type {(port: number) => void} */ resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('the system has no free port'));
        else resolve(address.port);
      });
    });
  });
}

/**
 * @param {string} bin
 * @param {string} dataDir
 * @param {string[]} more
 * @param {import('node:child_process').SpawnOptions} options
 */
async function serve(bin, dataDir, more, options) {
  const port = await freePort();
  const settings = [
    ...['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'logging_collector=off', 'log_destination=stderr'],
    ...['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'],
    ...more,
  ];
  const args = ['-D', dataDir, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
  const child = start(path.join(bin, 'postgres'), args, options);
  const said = collect(child);
  await new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`PostgreSQL is not up after ${String(startMilliseconds / 1000)} s:\n${said()}`));
    }, startMilliseconds);
    child.stderr?.on('data', () => {
      if (!said().includes('ready to accept connections')) return;
      clearTimeout(timer);
      resolve();
    });
    child.once('error', reject);
    child.once('exit', () => {
      clearTimeout(timer);
      reject(new Error(`PostgreSQL ended at once:\n${said()}`));
    });
  }).catch(async (/** @type {unknown} */ error) => {
    await stop(child);
    throw error;
  });
  return { child, port };
}

/**
 * Ends a server that does not shut down by itself.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
function patience(child) {
  return new Promise((/** @type {(value: void) => void} */ resolve) => {
    const timer = setTimeout(() => void stop(child).then(resolve), 15_000);
    child.once('exit', () => clearTimeout(timer));
  });
}

/** @returns {{uid: number, gid: number} | undefined} who runs the server, when it is not who runs this */
function serverIdentity() {
  if (process.getuid?.() !== 0) return undefined;
  /** @param {string} flag */
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/**
 * @param {string} folder
 * @param {{uid: number, gid: number} | undefined} owner
 */
async function handOver(folder, owner) {
  if (owner === undefined) return;
  await chown(folder, owner.uid, owner.gid);
  for (const entry of await readdir(folder, { recursive: true })) {
    await chown(path.join(folder, entry), owner.uid, owner.gid);
  }
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {() => string} the end of what it printed so far
 */
function collect(child) {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (/** @type {Buffer} */ bytes) => {
      text = (text + bytes.toString('utf8')).slice(-20_000);
    });
  }
  return () => text;
}
