/** A real VS Code in the browser, with one extension in it and nothing of the user's own. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

import { ended, start, stop } from './setup/processes.mjs';

const startMilliseconds = 60_000;

/** Settings that keep a fresh VS Code quiet; none that it would write anew in a later form. */
export const quietSettings = {
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.tips.enabled': false,
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': 'off',
  'extensions.ignoreRecommendations': true,
};

/**
 * @typedef {object} CodeServer
 * @property {string} url
 * @property {string} userDataDir
 * @property {import('node:child_process').ChildProcess} child
 * @property {() => string} output what it printed so far
 * @property {() => Promise<void>} stop
 */

/**
 * Installs the extension into fresh folders and serves VS Code on the loopback interface, without a password.
 *
 * @param {object} options
 * @param {Record<string, string>} options.paths the paths of `ensure('code-server')`
 * @param {string} options.home an empty folder that will hold everything VS Code writes
 * @param {string} options.folder the workspace to open
 * @param {string} options.vsix
 * @param {string[]} [options.companions] packed extensions to install beside it
 * @param {Record<string, unknown>} options.settings user settings
 * @param {number} [options.port] 0 (the default) takes a free one
 * @returns {Promise<CodeServer>}
 */
export async function startCodeServer({ paths, home, folder, vsix, companions = [], settings, port = 0 }) {
  const { codeServer, codeServerNode } = paths;
  if (codeServer === undefined || codeServerNode === undefined) throw new Error("call ensure('code-server') first");
  const userDataDir = path.join(home, 'user');
  await mkdir(path.join(userDataDir, 'User'), { recursive: true });
  const all = { ...quietSettings, ...settings };
  await writeFile(path.join(userDataDir, 'User', 'settings.json'), JSON.stringify(all, null, 2));
  // The option is stronger than the setting, which alone would still ask.
  const trusting = all['security.workspace.trust.enabled'] ? [] : ['--disable-workspace-trust'];
  const common = [
    codeServer,
    ...['--config', path.join(home, 'config.yaml')],
    ...['--user-data-dir', userDataDir],
    ...['--extensions-dir', path.join(home, 'extensions')],
  ];
  const env = environment(home);

  const packages = [vsix, ...companions];
  const installer = start(codeServerNode, [...common, ...packages.flatMap((file) => ['--install-extension', file])], {
    env,
  });
  const installed = collect(installer);
  if ((await ended(installer)) !== 0) throw new Error(`VS Code did not take ${packages.join(', ')}:\n${installed()}`);

  const child = start(
    codeServerNode,
    [
      ...common,
      ...['--auth', 'none', '--bind-addr', `127.0.0.1:${String(port)}`],
      ...['--disable-telemetry', '--disable-update-check', ...trusting],
      folder,
    ],
    { env },
  );
  const output = collect(child);
  const url = await listeningUrl(child, output);
  return { url: `${url}?folder=${encodeURIComponent(folder)}`, userDataDir, child, output, stop: () => stop(child) };
}

/**
 * Started from VS Code's own terminal, code-server would otherwise talk to that VS Code; npm's variables confuse it.
 *
 * @param {string} home
 */
function environment(home) {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VSCODE_|ELECTRON_|npm_|NODE_OPTIONS$|CODE_SERVER_)/.test(name)),
  );
  // Its logs and heartbeat go there.
  return { ...inherited, XDG_DATA_HOME: path.join(home, 'data') };
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {() => string} everything it printed so far
 */
function collect(child) {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (/** @type {Buffer} */ bytes) => {
      text += bytes.toString('utf8');
    });
  }
  return () => text;
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {() => string} output
 * @returns {Promise<string>}
 */
async function listeningUrl(child, output) {
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`VS Code is not up after ${String(startMilliseconds / 1000)} s:\n${output()}`));
    }, startMilliseconds);
    const look = () => {
      const url = /listening on (http:\/\/127\.0\.0\.1:\d+\/)/.exec(output())?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    };
    child.stdout?.on('data', look);
    child.once('exit', () => {
      clearTimeout(timer);
      reject(new Error(`VS Code ended at once:\n${output()}`));
    });
  });
}
