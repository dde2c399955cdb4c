/** Running other programs: asking them something, and letting them install something. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, createWriteStream, readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { finished } from 'node:stream/promises';

import { logFile } from './cache.mjs';
import { ended, start } from './processes.mjs';

const progressMilliseconds = 20_000;

/** Something that the user has to do; its message is meant for them. */
export class SetupError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'SetupError';
    // Where it was thrown is of no use to the reader.
    this.stack = message;
  }
}

/** @param {string} message */
export function say(message) {
  process.stderr.write(`[setup] ${message}\n`);
}

/**
 * The standard output of a short command, or undefined when it is absent or fails.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string}} [options]
 * @returns {string | undefined}
 */
export function ask(command, args, options = {}) {
  const result = spawnSync(command, args, { ...options, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/**
 * Where a command is on the PATH.
 *
 * @param {...string} names the first one found wins
 * @returns {string | undefined}
 */
export function which(...names) {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).filter(Boolean);
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat'] : [''];
  for (const name of names) {
    for (const folder of folders) {
      const found = endings.map((ending) => path.join(folder, name + ending)).find(isExecutable);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** @param {string} file */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * The environment for a nested npm. One that runs under `npm run` inherits the outer npm's settings, which name the
 * outer package.
 *
 * @param {Record<string, string>} [additions]
 * @returns {NodeJS.ProcessEnv}
 */
export function npmEnvironment(additions = {}) {
  const inherited = Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(package|lifecycle)_.*|npm_command|npm_execpath|npm_node_execpath|INIT_CWD)$/.test(name) &&
      !/^npm_config_(local_prefix|global_prefix|prefix|init_module|node_gyp|nodedir|user_agent|omit|include)$/i.test(
        name,
      ),
  );
  return { ...Object.fromEntries(inherited), npm_config_audit: 'false', npm_config_fund: 'false', ...additions };
}

/**
 * Runs one step of an installation, with its output in a log file and a line now and then.
 *
 * @param {string} name the requirement; names the log
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv}} [options]
 */
export async function install(name, command, args, options = {}) {
  const log = logFile(name);
  await mkdir(path.dirname(log), { recursive: true });
  const output = createWriteStream(log, { flags: 'a' });
  output.write(`$ ${[command, ...args].join(' ')}\n`);
  const child = start(command, args, options);
  let lastLine = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (/** @type {Buffer} */ bytes) => {
      output.write(bytes);
      lastLine = bytes.toString('utf8').trimEnd().split('\n').at(-1)?.trim() ?? lastLine;
    });
  }
  const begun = Date.now();
  const progress = setInterval(() => {
    say(`  … ${name}, ${seconds(begun)}: ${lastLine.slice(0, 90)}`);
  }, progressMilliseconds);
  const code = await ended(child)
    .catch((/** @type {Error} */ error) => error.message)
    .finally(() => {
      clearInterval(progress);
    });
  output.end();
  await finished(output);
  if (code === 0) return;
  const tail = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
  throw new SetupError(
    `${command} ${args[0] ?? ''} failed (${String(code)}) while installing ${name}:\n${tail}\nThe whole output: ${log}`,
  );
}

/** @param {number} begun a `Date.now()` */
export function seconds(begun) {
  return `${String(Math.round((Date.now() - begun) / 1000))} s`;
}
