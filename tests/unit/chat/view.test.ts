import { beforeEach, describe, expect, it, vi } from 'vitest';

import { ChatController } from '../../../extension/src/chat/controller.ts';
import { ConversationStore } from '../../../extension/src/chat/conversationStore.ts';
import type { HostMessage } from '../../../extension/src/chat/protocol.ts';
import { ManualTimers, memoryStore, PlayedEngine, settled } from './support.ts';

interface Offer {
  readonly id: string;
  readonly label: string;
  readonly description: string;
  readonly detail: string;
}

const vscode = vi.hoisted(() => ({
  opened: [] as unknown[],
  copied: [] as string[],
  commands: [] as string[],
  pick: undefined as string | undefined,
  /** The list that was offered last. */
  offered: [] as readonly Offer[],
  warnings: [] as string[],
  press: undefined as string | undefined,
  files: new Map<string, Uint8Array>(),
}));

vi.mock('vscode', () => {
  const uri = (path: string) => ({ path, toString: () => path });
  return {
    l10n: { t: (text: string) => text },
    env: {
      language: 'en',
      openExternal: (target: unknown) => {
        vscode.opened.push(target);
        return Promise.resolve(true);
      },
      clipboard: {
        writeText: (text: string) => {
          vscode.copied.push(text);
          return Promise.resolve();
        },
      },
    },
    commands: {
      executeCommand: (command: string) => {
        vscode.commands.push(command);
        return Promise.resolve();
      },
    },
    workspace: {
      fs: {
        stat: ({ path }: { path: string }) => Promise.resolve({ size: vscode.files.get(path)?.byteLength }),
        readFile: ({ path }: { path: string }) => Promise.resolve(vscode.files.get(path)),
      },
    },
    window: {
      showOpenDialog: () => Promise.resolve([...vscode.files.keys()].map(uri)),
      showQuickPick: async (items: Promise<readonly Offer[]>) => {
        vscode.offered = await items;
        return vscode.offered.find(({ id }) => id === vscode.pick);
      },
      showWarningMessage: (words: string) => {
        vscode.warnings.push(words);
        return Promise.resolve(vscode.press);
      },
    },
    Uri: { joinPath: (base: { path: string }, ...parts: string[]) => uri([base.path, ...parts].join('/')), parse: uri },
  };
});

const { ChatViewProvider } = await import('../../../extension/src/chat/view.ts');

type Listener<T> = (value: T) => void;

/** VS Code's side of one webview view. */
function fakeView() {
  const messages: Listener<unknown>[] = [];
  const visibility: Listener<undefined>[] = [];
  const listen =
    <T>(listeners: Listener<T>[]) =>
    (listener: Listener<T>) => {
      listeners.push(listener);
      return { dispose: () => listeners.splice(listeners.indexOf(listener), 1) };
    };
  const posted: HostMessage[] = [];
  const view = {
    visible: true,
    onDidChangeVisibility: listen(visibility),
    onDidDispose: () => ({ dispose: () => undefined }),
    webview: {
      options: {} as { enableScripts?: boolean; localResourceRoots?: readonly unknown[] },
      html: '',
      cspSource: 'https://csp.example',
      asWebviewUri: (target: unknown) => target,
      onDidReceiveMessage: listen(messages),
      postMessage: (message: HostMessage) => {
        posted.push(message);
        return Promise.resolve(true);
      },
    },
  };
  return {
    view,
    posted,
    receive: (message: unknown) => messages.forEach((listener) => listener(message)),
    show: (visible: boolean) => {
      view.visible = visible;
      visibility.forEach((listener) => listener(undefined));
    },
  };
}

function provided({ readModels = () => Promise.resolve() }: { readModels?: () => Promise<void> } = {}) {
  const engine = new PlayedEngine();
  const timers = new ManualTimers();
  const actions: string[] = [];
  const reported: unknown[] = [];
  const told: unknown[] = [];
  const report = (error: unknown): void => {
    reported.push(error);
  };
  const controller = new ChatController(
    {
      engine,
      store: new ConversationStore(memoryStore()),
      schedule: timers.schedule,
      newId: () => crypto.randomUUID(),
      texts: { toolCalls: '', unexpected: '', showLog: '' },
      report,
    },
    'm',
  );
  controller.setAccount({ kind: 'ready', id: 'me' });
  const provider = new ChatViewProvider({
    extensionUri: { path: 'ext' } as never,
    controller,
    online: () => undefined,
    readModels,
    tell: (error) => told.push(error),
    runAction: (id) => actions.push(id),
    newNonce: () => 'n0nce',
    report,
  });
  const page = fakeView();
  provider.resolveWebviewView(page.view as never);
  return { provider, controller, engine, timers, actions, reported, told, page };
}

beforeEach(() => {
  vscode.opened.length = 0;
  vscode.copied.length = 0;
  vscode.commands.length = 0;
  vscode.pick = undefined;
  vscode.press = undefined;
  vscode.warnings.length = 0;
});

describe('the chat view', () => {
  it('serves a page with scripts from its own folder only', () => {
    const { page } = provided();
    expect(page.view.webview.options.enableScripts).toBe(true);
    expect(page.view.webview.options.localResourceRoots?.map(String)).toEqual(['ext/dist/webview']);
    expect(page.view.webview.html).toContain("script-src 'nonce-n0nce'");
    expect(page.view.webview.html).toContain('src="ext/dist/webview/main.js"');
  });

  it('replays when the page is ready, is silent while it is hidden, and replays again', () => {
    const { page, engine, timers } = provided();
    expect(page.posted).toEqual([]);
    page.receive({ type: 'ready', draft: null });
    page.receive({ type: 'send', text: 'Why?' });
    page.show(false);
    engine.last.delta({ text: 'Because' });
    timers.advance(100);
    expect(page.posted.map(({ type }) => type)).toEqual(['state']);
    page.show(true);
    page.receive({ type: 'ready', draft: null });
    expect(page.posted.at(-1)).toMatchObject({ state: { transcript: [{ text: 'Why?' }, { text: 'Because' }] } });
  });

  it('opens links and copies outside the page', async () => {
    const { page } = provided();
    // As a Uri, VS Code would open `a%2523b` and `q=1&2`.
    page.receive({ type: 'openLink', href: 'https://example.com/a%23b?q=1%262' });
    page.receive({ type: 'copy', text: 'x' });
    await settled();
    expect(vscode.opened).toEqual(['https://example.com/a%23b?q=1%262']);
    expect(vscode.copied).toEqual(['x']);
  });

  it.each([[null], [{ type: 'openLink', href: 'command:x' }], [{ type: 'nonsense' }]])(
    'refuses and reports: %j',
    (raw) => {
      const { page, reported } = provided();
      page.receive(raw);
      expect(vscode.opened).toEqual([]);
      expect(reported).toHaveLength(1);
    },
  );

  it('hands actions on', () => {
    const { page, actions } = provided();
    page.receive({ type: 'action', id: 'signIn' });
    expect(actions).toEqual(['signIn']);
  });

  it.each([
    ['a model', 'big', 'big'],
    ['nothing', undefined, 'm'],
  ])('lets the user pick %s', async (_name, pick, expected) => {
    const { page, controller } = provided();
    controller.setModels(
      ['m', 'big'].map((id) => ({ id, label: id, detail: '', vision: true })),
      'm',
    );
    vscode.pick = pick;
    page.receive({ type: 'pickModel' });
    await settled();
    expect(controller.model).toBe(expected);
  });

  it('leads the list with the model that is chosen, and says of each what it costs', async () => {
    const { page, controller } = provided();
    controller.setModels(
      ['a', 'b', 'm', 'z'].map((id) => ({ id, label: id, detail: `price of ${id}`, vision: true })),
      'm',
    );
    page.receive({ type: 'pickModel' });
    await settled();
    expect(vscode.offered).toEqual([
      { id: 'm', label: 'm', description: 'current', detail: 'price of m' },
      { id: 'a', label: 'a', description: '', detail: 'price of a' },
      { id: 'b', label: 'b', description: '', detail: 'price of b' },
      { id: 'z', label: 'z', description: '', detail: 'price of z' },
    ]);
  });

  it('says so when the server has no models, and leads to the doctor', async () => {
    const { page, actions, told } = provided();
    vscode.press = 'Run Doctor';
    page.receive({ type: 'pickModel' });
    await settled();
    expect(vscode.warnings).toEqual([expect.stringContaining('no model for you')]);
    expect(told).toEqual([]);
    await settled();
    expect(actions).toEqual(['doctor']);
  });

  it('asks for the models when none could be read before', async () => {
    const readModels = (): Promise<void> => {
      controller.setModels([{ id: 'late', label: 'late', detail: '', vision: false }], 'm');
      return Promise.resolve();
    };
    const { page, controller } = provided({ readModels });
    vscode.pick = 'late';
    page.receive({ type: 'pickModel' });
    await settled();
    expect(controller.model).toBe('late');
  });

  it('looks for new models whenever one is chosen, and is not held up by that', async () => {
    const added = { id: 'new', label: 'new', detail: '', vision: false };
    let arrive = (): void => undefined;
    const readModels = async (): Promise<void> => {
      await new Promise<void>((resolve) => (arrive = resolve));
      controller.setModels([...controller.models, added], 'm');
    };
    const { page, controller } = provided({ readModels });
    controller.setModels([{ id: 'm2', label: 'm2', detail: '', vision: false }], 'm');
    vscode.pick = 'm2';
    page.receive({ type: 'pickModel' });
    await settled();
    expect(controller.model).toBe('m2');
    arrive();
    await settled();
    expect(controller.models.map(({ id }) => id)).toEqual(['m2', 'new']);
  });

  it('tells the user why there are no models to choose from', async () => {
    const down = new Error('down');
    const { page, told } = provided({ readModels: () => Promise.reject(down) });
    page.receive({ type: 'pickModel' });
    await settled();
    expect(told).toEqual([down]);
  });

  it('hands the files that the user picks to the page, without those that are too large', async () => {
    const { page } = provided();
    vscode.files.set('/pictures/a.png', new Uint8Array(3));
    vscode.files.set('/pictures/big.png', new Uint8Array(5 * 1024 * 1024 + 1));
    page.receive({ type: 'pickImages' });
    await vi.waitFor(() => {
      expect(page.posted.filter(({ type }) => type === 'picked')).toEqual([
        { type: 'picked', name: 'a.png', bytes: new Uint8Array(3) },
        { type: 'picked', name: 'big.png', bytes: null },
      ]);
    });
  });

  it('shows itself with an empty conversation and the cursor in the prompt', async () => {
    const { provider, page } = provided();
    page.receive({ type: 'ready', draft: null });
    page.receive({ type: 'send', text: 'Why?' });
    await provider.newChat();
    expect(vscode.commands).toEqual(['godoty.chat.focus']);
    expect(page.posted.at(-1)).toEqual({ type: 'focus' });
    page.receive({ type: 'sync' });
    expect(page.posted.at(-1)).toMatchObject({ state: { transcript: [] } });
  });

  it('takes the focus once more when its page came while VS Code gave the focus', async () => {
    const { provider, page } = provided();
    const shown = provider.show();
    page.receive({ type: 'ready', draft: null });
    await shown;
    expect(vscode.commands).toEqual(['godoty.chat.focus', 'godoty.chat.focus']);
    expect(page.posted.at(-1)).toEqual({ type: 'focus' });
  });

  it('takes the focus once more when its page had yet to load', async () => {
    const { provider, page } = provided();
    await provider.show();
    expect(vscode.commands).toEqual(['godoty.chat.focus']);
    page.receive({ type: 'ready', draft: null });
    await settled();
    expect(vscode.commands).toEqual(['godoty.chat.focus', 'godoty.chat.focus']);
    expect(page.posted.at(-1)).toEqual({ type: 'focus' });
    page.receive({ type: 'ready', draft: null });
    await settled();
    expect(vscode.commands).toHaveLength(2);
  });

  it('forgets the page before when VS Code makes a new one', () => {
    const { provider, page } = provided();
    const next = fakeView();
    provider.resolveWebviewView(next.view as never);
    page.receive({ type: 'ready', draft: null });
    next.receive({ type: 'ready', draft: null });
    expect(page.posted).toEqual([]);
    expect(next.posted).toHaveLength(1);
  });
});
