import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';

import { startCodeServer } from '../../../local/code-server.mjs';
import { startLocalStack } from '../../../local/server/start.ts';
import type { LocalStack, LocalStackOptions } from '../../../local/server/start.ts';
import { ensure } from '../../../local/setup/main.mjs';
import { checkout } from '../../../local/setup/packages.mjs';
import { openBackendGate } from './backendGate.ts';
import type { BackendGate } from './backendGate.ts';
import { packCompanion } from './companions.ts';
import type { Companion } from './companions.ts';
import { changeVault, readVault } from './vault.ts';
import { Workbench } from './workbench.ts';

/**
 * Where VS Code runs the extension: on the server, in Node, as on a desktop or over a remote connection; or in a worker of the
 * browser, as on vscode.dev.
 */
export type ExtensionHost = 'node' | 'worker';

/** A backend, a VS Code with the packed extension in it, and a window; nothing in them was used before. */
export interface World {
  readonly stack: LocalStack;
  readonly workbench: Workbench;
  /** The folder that is open in it. */
  readonly folder: string;
  /** Changes user settings, as somebody does who edits the file. */
  changeSettings(changes: Readonly<Record<string, unknown>>): void;
  /** The session that the extension has stored, opened as a further window of that browser would open it. */
  storedSession(window?: Workbench): Promise<string | undefined>;
  /** Changes what it has stored, as a further window would. */
  changeStoredSession(change: (text: string) => string): Promise<void>;
  /** The way from VS Code to the account's server. */
  readonly gate: BackendGate;
  /** The text of every file that the extension keeps. */
  keptByExtension(): string;
  /** The text of every file that VS Code and the extension wrote: logs, settings, state. */
  writtenByVsCode(): string;
  /** Kills the extension host of the window that was opened last, as `kill -9` does. It has to run on the server. */
  killExtensionHost(): void;
  close(): Promise<void>;
}

export interface WorldOptions {
  /** The default is Node's. */
  readonly host?: ExtensionHost;
  readonly stack?: LocalStackOptions;
  /** Opens what stands in front of the account's server, given its address. */
  readonly front?: (target: string) => Promise<{ readonly url: string; close(): Promise<void> }>;
  /** Extensions to install beside Godoty. */
  readonly companions?: readonly Companion[];
  /** Further settings of the user. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Whether VS Code reaches the account's server through {@link World.gate}. */
  readonly gated?: boolean;
  /** Whether VS Code trusts no folder and opens each in restricted mode, without asking. */
  readonly restricted?: boolean;
}

/** Starts everything on free ports. The .vsix has to be built before: `npm run package`. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const { host = 'node', companions = [], restricted = false, gated = false } = options;
  const { paths } = await ensure('code-server', 'browser');
  const { browser } = paths;
  if (browser === undefined) throw new Error('the set-up found no browser');
  const home = mkdtempSync(path.join(tmpdir(), 'godoty-vscode-'));
  const closing: (() => void | Promise<void>)[] = [() => rmSync(home, { recursive: true, force: true, maxRetries: 5 })];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const stack = await startLocalStack(options.stack);
    closing.push(() => stack.close());
    const gate = await openBackendGate(stack.supabaseUrl);
    closing.push(() => gate.close());
    const front = await options.front?.(stack.supabaseUrl);
    closing.push(async () => await front?.close());
    const backend = gated ? gate.url : (front?.url ?? stack.supabaseUrl);
    const folder = path.join(home, 'workspace');
    mkdirSync(folder);
    const { name, vsix } = packedExtension();
    const packed = await Promise.all(companions.map((companion) => packCompanion(companion, home)));
    const settings = {
      ...settingsFor(stack, backend),
      ...settingsForHost(name, host),
      ...(restricted ? restrictedMode : {}),
      ...options.settings,
    };
    const server = await startCodeServer({ paths, home, folder, vsix, companions: packed, settings });
    closing.push(() => server.stop());
    const workbench = await Workbench.open(browser, server.url, name);
    closing.push(() => workbench.close());
    const changeSettings = (changes: Readonly<Record<string, unknown>>): void => {
      const file = path.join(server.userDataDir, 'User', 'settings.json');
      const settings = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
      writeFileSync(file, JSON.stringify({ ...settings, ...changes }, null, 2));
    };
    const writtenByVsCode = (): string => textBelow(server.userDataDir);
    const storage = path.join(server.userDataDir, 'User', 'globalStorage', name);
    const keptByExtension = (): string => textBelow(storage);
    const vault = path.join(storage, 'vault');
    const storedSession = async (window = workbench): Promise<string | undefined> =>
      await readVault(vault, await window.secrets(), backend);
    const changeStoredSession = async (change: (text: string) => string): Promise<void> => {
      await changeVault(vault, await workbench.secrets(), backend, change);
    };
    const killExtensionHost = (): void => {
      const host = descendants(server.child.pid ?? 0).findLast(({ command }) =>
        command.includes('--type=extensionHost'),
      );
      if (host === undefined) throw new Error('no extension host runs on the server');
      process.kill(host.pid, 'SIGKILL');
    };
    return {
      ...{ stack, workbench, folder, gate, killExtensionHost, changeSettings, storedSession, changeStoredSession },
      ...{ keptByExtension, writtenByVsCode, close },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** The processes below one, in the order in which they began. */
function descendants(root: number): Process[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  const all = lines.flatMap((line): Process[] => {
    const [, pid, parent, command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
  });
  const below = new Set([root]);
  for (let known = 0; known < below.size;) {
    known = below.size;
    for (const { pid, parent } of all) if (below.has(parent)) below.add(pid);
  }
  return all.filter(({ pid }) => below.has(pid)).toSorted((one, other) => one.pid - other.pid);
}

function textBelow(folder: string): string {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  return files.map((file) => readFileSync(file, 'latin1')).join('\n');
}

function settingsFor(stack: LocalStack, backend: string): Record<string, unknown> {
  return {
    'godoty.backend.supabaseUrl': backend,
    'godoty.backend.supabaseKey': stack.publishableKey,
    'godoty.backend.litellmUrl': stack.litellmUrl,
  };
}

const restrictedMode = {
  'security.workspace.trust.enabled': true,
  'security.workspace.trust.startupPrompt': 'never',
};

/** An extension that asks for models finds those of its own host alone, and so the client goes where the extension goes. */
function settingsForHost(extension: string, host: ExtensionHost): Record<string, unknown> {
  if (host === 'node') return {};
  return { 'remote.extensionKind': { [extension]: ['ui'], 'godoty-tests.lm-client': ['ui'] } };
}

function packedExtension(): { name: string; vsix: string } {
  const manifest = JSON.parse(readFileSync(path.join(checkout, 'package.json'), 'utf8')) as Record<
    'publisher' | 'name' | 'version',
    string
  >;
  const vsix = path.join(checkout, 'dist', `${manifest.name}-${manifest.version}.vsix`);
  if (!existsSync(vsix)) throw new Error(`${vsix} is missing; npm run package makes it`);
  return { name: `${manifest.publisher}.${manifest.name}`, vsix };
}
