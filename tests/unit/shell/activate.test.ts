/** What happens while VS Code starts: everything is registered, nothing is read, and the core is not loaded. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ExtensionContext } from 'vscode';

import { activate } from '../../../extension/src/extension.ts';
import type { Platform } from '../../../extension/src/platform.ts';
import { EventEmitter, Uri, host } from './vscode.ts';

const COMMANDS = [
  'godoty.signIn',
  'godoty.pasteAddress',
  'godoty.signOut',
  'godoty.newChat',
  'godoty.focusChat',
  'godoty.stop',
  'godoty.showUsage',
  'godoty.manageModels',
  'godoty.openWalkthrough',
  'godoty.doctor',
  'godoty.showLog',
];

/** The vault's host: a folder without files. */
const platform: Platform = {
  vault: () => {
    const access = (what: string): void => {
      if (starting) {
        touched.push(what);
      }
    };
    return {
      files: {
        read: () => {
          access('read');
          return Promise.resolve(undefined);
        },
        replace: () => Promise.reject(new Error('not asked for')),
        remove: () => Promise.reject(new Error('not asked for')),
      },
      lock: { run: () => Promise.reject(new Error('not asked for')) },
    };
  },
};

/** Anything that is called on it fails, and is counted. */
function forbidden(calls: string[]): unknown {
  return new Proxy(
    {},
    {
      get: (_, name) => () => {
        calls.push(String(name));
        throw new Error(`${String(name)} while VS Code starts`);
      },
    },
  );
}

let touched: string[];
let reads: string[];
let starting: boolean;

function contextOf(): ExtensionContext {
  const memory = () => ({ get: () => undefined, update: () => Promise.resolve(), keys: () => [] });
  const changed = new EventEmitter<{ readonly key: string }>();
  const context = {
    subscriptions: [],
    extension: { id: 'godoty.godoty' },
    extensionUri: Uri.file('/extension'),
    globalStorageUri: Uri.file('/storage'),
    globalState: memory(),
    workspaceState: memory(),
    secrets: {
      get: (key: string) => {
        if (starting) {
          touched.push(`secrets.get ${key}`);
          throw new Error('secrets.get while VS Code starts');
        }
        reads.push(key);
        return Promise.resolve(undefined);
      },
      store: () => Promise.reject(new Error('not asked for')),
      delete: () => Promise.reject(new Error('not asked for')),
      onDidChange: changed.event,
    },
  };
  return context as unknown as ExtensionContext;
}

beforeEach(() => {
  vi.useFakeTimers();
  host.reset();
  host.settings.set('godoty.backend.supabaseUrl', 'https://example.org');
  touched = [];
  reads = [];
  starting = true;
  host.files = forbidden(touched);
  return () => vi.useRealTimers();
});

function start(): ExtensionContext {
  const context = contextOf();
  vi.stubGlobal('fetch', forbidden(touched));
  activate(context, platform);
  starting = false;
  return context;
}

function stop(context: ExtensionContext): void {
  vi.unstubAllGlobals();
  for (const subscription of context.subscriptions) {
    subscription.dispose();
  }
}

describe('the start', () => {
  it('registers everything and touches neither disk nor secrets nor network', () => {
    const context = start();
    expect(touched).toEqual([]);
    expect([...host.registered.keys()]).toEqual(COMMANDS);
    expect(host.commands.map(({ id }) => id)).toEqual([
      'registerAuthenticationProvider:godoty',
      'registerLanguageModelChatProvider:godoty',
    ]);
    stop(context);
  });

  it('reads the stored session once it is over, and loads no core when there is none', async () => {
    const context = start();
    expect(reads).toEqual([]);
    expect(host.watched).toEqual([]);
    await vi.runAllTimersAsync();
    expect(reads).toEqual(['godoty.vault.key', 'godoty.session:https://example.org']);
    expect(host.watched).toEqual(['/storage/vault/*.json']);
    expect(touched).toEqual([]);
    await vi.waitFor(() => {
      expect(host.commands.at(-1)).toEqual({ id: 'setContext', args: ['godoty.signedIn', false] });
    });
    expect(host.shown.waiting).toEqual([]);
    stop(context);
  });

  it('gets by without the editor’s own chat, and says in the log that the panel works', () => {
    host.hasChat = false;
    const context = start();
    expect([...host.registered.keys()]).toEqual(COMMANDS);
    expect(host.log.join('\n')).toMatch(/no chat of its own .* Godoty’s chat in the sidebar works/u);
    stop(context);
  });

  it('reads nothing at all when the user wants no silent sign-in', async () => {
    host.settings.set('godoty.auth.autoSignIn', false);
    const context = start();
    await vi.runAllTimersAsync();
    expect(reads).toEqual([]);
    expect(host.commands.at(-1)).toEqual({ id: 'setContext', args: ['godoty.signedIn', false] });
    stop(context);
  });

  it('leaves nothing behind when the extension is switched off at once', async () => {
    stop(start());
    await vi.runAllTimersAsync();
    expect(reads).toEqual([]);
    expect(host.registered.size).toBe(0);
  });
});
