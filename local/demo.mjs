/**
 * `npm run demo`: builds Godoty, starts the embedded backend, and opens a VS Code that has Godoty in it and talks to
 * that backend. Everything it started ends with it.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { quietSettings, startCodeServer } from './code-server.mjs';
import { startDemoProxy } from './litellm/demo.mjs';
import { litellmNeeds } from './litellm/start.mjs';
import { startProgram } from './program.mjs';
import { which } from './setup/commands.mjs';
import { ensure, SetupError } from './setup/main.mjs';
import { checkout } from './setup/packages.mjs';
import { ended, exit, onExit, start } from './setup/processes.mjs';

const help = `Usage: npm run demo -- [options]

  --web              VS Code in the browser, even when VS Code is installed
  --upstream URL     an OpenAI-compatible server as the model, for example http://127.0.0.1:11434/v1
  --key K            its key (or the environment variable GODOTY_UPSTREAM_KEY, which other users of this machine
                     cannot see)
  --with-litellm     the real LiteLLM proxy with its database in front of the model, instead of the built-in stand-in
                     (the first time installs it: two minutes, 850 MB)
  --port N           the first of three ports: backend, models, VS Code in the browser (default 54321)
  --ephemeral        keep no accounts: the data lives in memory
  --no-open          do not open a browser
  --help
`;

const defaultPort = 54321;
/** The model that a new chat begins with unless the settings say otherwise. */
const usualModel = 'gpt-4o-mini';

/** @typedef {import('./litellm/demo.mjs').DemoProxy} DemoProxy */
/** @typedef {import('./litellm/demo.mjs').Upstream} Upstream */
/** @typedef {{supabaseUrl: string, publishableKey: string, litellmUrl: string, dataDir: string | null, models: string[]}} Backend */

try {
  await main();
} catch (error) {
  const known =
    error instanceof SetupError || /** @type {{code?: string}} */ (error).code?.startsWith('ERR_PARSE_ARGS');
  const { message, stack } = /** @type {Error} */ (error);
  say(known ? message : (stack ?? message));
  await exit(1);
}

async function main() {
  const { values: options } = parseArgs({
    options: {
      web: { type: 'boolean', default: false },
      upstream: { type: 'string' },
      key: { type: 'string' },
      port: { type: 'string', default: String(defaultPort) },
      'with-litellm': { type: 'boolean', default: false },
      ephemeral: { type: 'boolean', default: false },
      'no-open': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (options.help) {
    process.stdout.write(help);
    return;
  }
  const port = portNumber(options.port);
  if (process.platform === 'win32') throw new SetupError('On Windows, please run this in WSL.');
  // In WSL `code` is the VS Code of Windows, which would know nothing of these folders.
  const desktop = options.web || process.env['WSL_DISTRO_NAME'] ? undefined : which('code');
  const tools = await ensure(
    ...['npm-packages', 'wasm32-target', 'wasm-pack', 'wasm-bindgen-cli'],
    ...(desktop === undefined ? ['code-server'] : []),
    ...(options['with-litellm'] ? litellmNeeds : []),
  );
  const modelPort = await portOrAnother(port + 1, 'the models');
  const upstream = upstreamOf(options);
  const [vsix, proxy] = await Promise.all([
    build(tools.env),
    options['with-litellm'] ? startDemoProxy({ tools, port: modelPort, upstream, say }) : undefined,
  ]);

  const home = mkdtempSync(path.join(tmpdir(), 'godoty-demo-'));
  onExit(() => {
    rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  });
  const folder = sampleFolder(home);
  const backend = await startBackend(tools.env, {
    port: await portOrAnother(port, 'the backend'),
    modelPort,
    ephemeral: options.ephemeral,
    upstream,
    proxy,
  });
  const models = proxy?.models ?? backend.models;
  const settings = {
    'godoty.backend.supabaseUrl': backend.supabaseUrl,
    'godoty.backend.supabaseKey': backend.publishableKey,
    'godoty.backend.litellmUrl': backend.litellmUrl,
    // An upstream names its own models.
    ...(models.length === 0 || models.includes(usualModel) ? {} : { 'godoty.chat.defaultModel': models[0] }),
  };

  if (desktop !== undefined) {
    const window = await openDesktop(desktop, { home, folder, vsix, settings });
    instructions('the VS Code window that has just opened', backend, { upstream, proxy });
    await ended(window);
    say('the window is closed');
    await exit(0);
    return;
  }
  const webPort = await portOrAnother(port + 2, 'VS Code in the browser');
  const server = await startCodeServer({ paths: tools.paths, home, folder, vsix, settings, port: webPort });
  instructions(server.url, backend, { upstream, proxy });
  if (!options['no-open']) openBrowser(server.url);
  await ended(server.child);
  say(`VS Code has ended:\n${server.output()}`);
  await exit(1);
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} the .vsix
 */
async function build(env) {
  /** @type {[string, string][]} */
  const steps = [
    ['build:wasm', 'compiling the core to WebAssembly'],
    ['build', 'bundling the extension'],
    ['package', 'packing the extension'],
  ];
  for (const [script, what] of steps) {
    const begun = Date.now();
    const child = start('npm', ['run', '--silent', script], { cwd: checkout, env });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (/** @type {Buffer} */ bytes) => (output += bytes.toString('utf8')));
    }
    if ((await ended(child)) !== 0) throw new SetupError(`${output}\n${what} failed (npm run ${script})`);
    say(`${what}: ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  }
  const { version } = JSON.parse(readFileSync(path.join(checkout, 'package.json'), 'utf8'));
  const vsix = path.join(checkout, 'dist', `godoty-${String(version)}.vsix`);
  if (!existsSync(vsix)) throw new SetupError(`npm run package made no ${vsix}`);
  return vsix;
}

/**
 * @param {{upstream?: string | undefined, key?: string | undefined}} options
 * @returns {Upstream | undefined}
 */
function upstreamOf({ upstream, key }) {
  const url = upstream ?? process.env['GODOTY_UPSTREAM_URL'];
  return url ? { url, key: key ?? process.env['GODOTY_UPSTREAM_KEY'] } : undefined;
}

/**
 * Starts the embedded backend and waits until it answers.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {{port: number, modelPort: number, ephemeral: boolean, upstream: Upstream | undefined, proxy: DemoProxy | undefined}} options
 * @returns {Promise<Backend>}
 */
function startBackend(env, { port, modelPort, ephemeral, upstream, proxy }) {
  // Keys go by the environment: every user of a machine can read the arguments of a process.
  const models =
    proxy === undefined
      ? { GODOTY_UPSTREAM_URL: upstream?.url, GODOTY_UPSTREAM_KEY: upstream?.key }
      : { LITELLM_URL: proxy.url, LITELLM_MASTER_KEY: proxy.masterKey, GODOTY_UPSTREAM_URL: undefined };
  const line = [
    path.join('local', 'server', 'main.ts'),
    ...['--port', String(port), '--model-port', String(modelPort), '--json-ready'],
    ...(ephemeral ? ['--ephemeral'] : []),
  ];
  return startProgram('the backend', line, { ...env, ...models }, say);
}

/**
 * Opens the installed VS Code with folders of its own, beside any window that is open already.
 *
 * @param {string} code
 * @param {{home: string, folder: string, vsix: string, settings: Record<string, unknown>}} options
 */
async function openDesktop(code, { home, folder, vsix, settings }) {
  const user = path.join(home, 'user');
  mkdirSync(path.join(user, 'User'), { recursive: true });
  writeFileSync(path.join(user, 'User', 'settings.json'), JSON.stringify({ ...quietSettings, ...settings }, null, 2));
  const place = ['--user-data-dir', user, '--extensions-dir', path.join(home, 'extensions')];
  // Chromium's sandbox does not work for root; VS Code asks for this flag then.
  if (process.getuid?.() === 0) place.push('--no-sandbox');
  const installer = start(code, [...place, '--install-extension', vsix, '--force'], { stdio: 'inherit' });
  if ((await ended(installer)) !== 0) throw new SetupError(`${code} did not take ${vsix}`);
  return start(code, [...place, '--new-window', '--wait', folder], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** @param {string} home */
function sampleFolder(home) {
  const folder = path.join(home, 'sample');
  mkdirSync(folder);
  writeFileSync(
    path.join(folder, 'README.md'),
    '# A sample folder\n\nNothing here matters. Open the Godoty view in the activity bar, sign in, and ask something.\n',
  );
  return folder;
}

/**
 * @param {string} where
 * @param {Backend} backend
 * @param {{upstream: Upstream | undefined, proxy: DemoProxy | undefined}} models
 */
function instructions(where, backend, { upstream, proxy }) {
  const elsewhere = process.env['LITELLM_URL'];
  const litellm = proxy !== undefined || Boolean(elsewhere);
  const answers = upstream?.url ?? elsewhere ?? 'the built-in demo model (no intelligence, no network)';
  process.stdout.write(`
Godoty is ready: ${where}

  1. Press F1 and run "Godoty: Sign In".
  2. Choose "Create account"; any e-mail address and a password do, nothing leaves this machine.
  3. Press F1, run "Godoty: New Chat", and send a message. "count to 500" gives you time to press Stop.
  4. The status bar shows what it cost; click it for more.

  backend  ${backend.supabaseUrl} (e-mails: ${backend.supabaseUrl}/_inbox)
  models   ${backend.litellmUrl}
  answers  ${answers}
  data     ${backend.dataDir ?? 'in memory'}${proxy === undefined ? '' : "; LiteLLM's end with the demo"}

  Real:     VS Code, the extension, the database with its row security, the functions${litellm ? ', LiteLLM with its database' : ''}
  Emulated: Supabase's sign-in and its API${litellm ? '' : ', LiteLLM with its keys'}

Ctrl-C ends everything.
`);
}

/** @param {string} url */
function openBrowser(url) {
  /** @type {[string, string[]] | undefined} */
  const opener =
    process.platform === 'darwin'
      ? ['open', [url]]
      : process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY']
        ? ['xdg-open', [url]]
        : undefined;
  if (opener === undefined) return;
  // The user's own browser is theirs to close, so it is no child to end.
  const child = spawn(opener[0], opener[1], { stdio: 'ignore', detached: true });
  child.on('error', () => {
    say(`please open ${url}`);
  });
  child.unref();
}

/**
 * The port itself when it is free, else one that is.
 *
 * @param {number} port
 * @param {string} what
 */
async function portOrAnother(port, what) {
  if (await isFree(port)) return port;
  const other = await freePort();
  say(`port ${String(port)} is taken by another program; ${what} uses ${String(other)}`);
  return other;
}

/** @param {number} port */
async function isFree(port) {
  return (await listenOnce(port)) !== undefined;
}

async function freePort() {
  const port = await listenOnce(0);
  if (port === undefined) throw new Error('the system has no free port');
  return port;
}

/**
 * @param {number} port
 * @returns {Promise<number | undefined>} the port that could be listened on
 */
function listenOnce(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : undefined));
    });
  });
}

/** @param {string} text */
function portNumber(text) {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65533) throw new SetupError('--port must be from 1 to 65533');
  return port;
}

/** @param {string} message */
function say(message) {
  process.stderr.write(`[demo] ${message}\n`);
}
