/**
 * The little of VS Code's API that the shell's modules touch, for tests without VS Code. What a test has to steer or to
 * look at is in {@link host}; everything else is as plain as it can be.
 */

type Listener<T> = (value: T) => unknown;

export class EventEmitter<T> {
  readonly #listeners = new Set<Listener<T>>();
  readonly event = (listener: Listener<T>): { dispose(): void } => {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  };
  fire(value: T): void {
    for (const listener of [...this.#listeners]) {
      listener(value);
    }
  }
  dispose(): void {
    this.#listeners.clear();
  }
}

export class Uri {
  readonly path: string;
  private constructor(path: string) {
    this.path = path;
  }
  static file(path: string): Uri {
    return new Uri(path);
  }
  static parse(text: string): Uri {
    return new Uri(text);
  }
  static joinPath(base: Uri, ...parts: readonly string[]): Uri {
    return new Uri([base.path, ...parts].join('/'));
  }
  toString(): string {
    return this.path;
  }
}

export class ThemeIcon {
  readonly id: string;
  constructor(id: string) {
    this.id = id;
  }
}

export class RelativePattern {
  readonly base: Uri;
  readonly pattern: string;
  constructor(base: Uri, pattern: string) {
    this.base = base;
    this.pattern = pattern;
  }
}

/** A message that was shown, with its buttons; the test presses one by its label. */
export interface Shown {
  readonly kind: 'information' | 'warning' | 'error';
  readonly message: string;
  readonly buttons: readonly string[];
  press(label?: string): void;
}

/** An input box that is open. */
export interface Box {
  readonly prompt: string;
  readonly value: string;
  readonly password: boolean;
  readonly complaint: string | undefined;
  type(text: string): void;
  accept(): void;
  back(): void;
  /** Presses the button that the box has beside the one that leads back. */
  press(): void;
  hide(): void;
  readonly closed: boolean;
}

/** A list to choose from that is open and has its items; choosing nothing leaves it. */
export interface Pick {
  readonly labels: readonly string[];
  pick(label?: string): void;
}

interface StatusBarState {
  visible: boolean;
  text: string;
  tooltip: string;
  label: string;
  command: string;
  background: string | undefined;
}

/** An editor with a webview, and the page in it that the test plays. */
export interface FakePanel {
  readonly posted: unknown[];
  readonly options: unknown;
  readonly title: string;
  html: string;
  revealed: number;
  say(message: unknown): void;
  close(): void;
}

/** What the tests steer and see. */
export const host = {
  settings: new Map<string, unknown>(),
  commands: [] as { readonly id: string; readonly args: readonly unknown[] }[],
  registered: new Map<string, (...args: unknown[]) => unknown>(),
  /** Resolves with what is asked next: a message, an input box, a quick pick. */
  shown: queue<Shown>(),
  boxes: queue<Box>(),
  picks: queue<Pick>(),
  /** The addresses that the browser was sent to; `browserOpens` says whether it goes. */
  browsed: queue<string>(),
  browserOpens: true,
  desktop: true,
  /** What was copied last. */
  clipboard: '',
  /** The form of an address for the browser of a web host. */
  externalUri: (uri: Uri): Uri => uri,
  /** What VS Code calls with an address that is meant for the extension. */
  uriHandler: undefined as { handleUri(uri: Uri): unknown } | undefined,
  windowState: new EventEmitter<{ readonly focused: boolean }>(),
  /** The cancellation of the progress that is shown. */
  cancelProgress: (): void => undefined,
  progressTitles: [] as string[],
  settingsChanged: new EventEmitter<{ affectsConfiguration(section: string): boolean }>(),
  statusBar: statusBar(),
  /** The webview panels that are open. */
  panels: [] as FakePanel[],
  /** What the save dialog answers. */
  saveTarget: undefined as Uri | undefined,
  log: [] as string[],
  /** Whether the editor has a chat of its own that takes models of extensions. */
  hasChat: true,
  /** What the file system is watched for. */
  watched: [] as string[],
  /** Replaces the file system; the one of old refuses everything. */
  files: undefined as unknown,
  reset(): void {
    host.settings.clear();
    host.registered.clear();
    for (const list of [host.commands, host.progressTitles, host.log, host.watched]) {
      list.length = 0;
    }
    for (const waiting of [host.shown, host.boxes, host.picks, host.browsed]) {
      waiting.clear();
    }
    host.statusBar = statusBar();
    host.panels.length = 0;
    host.saveTarget = undefined;
    host.files = undefined;
    host.hasChat = true;
    host.browserOpens = true;
    host.desktop = true;
    host.clipboard = '';
    host.externalUri = (uri) => uri;
    host.uriHandler = undefined;
  },
};

function statusBar(): StatusBarState {
  return { visible: false, text: '', tooltip: '', label: '', command: '', background: undefined };
}

function queue<T>(): { push(item: T): void; next(): Promise<T>; readonly waiting: readonly T[]; clear(): void } {
  const items: T[] = [];
  const takers: ((item: T) => void)[] = [];
  return {
    push: (item) => {
      const taker = takers.shift();
      if (taker === undefined) {
        items.push(item);
      } else {
        taker(item);
      }
    },
    next: () => {
      const item = items.shift();
      return item === undefined ? new Promise((resolve) => takers.push(resolve)) : Promise.resolve(item);
    },
    waiting: items,
    clear: () => {
      items.length = 0;
      takers.length = 0;
    },
  };
}

export const l10n = {
  t: (message: unknown, ...values: readonly unknown[]): string =>
    String(message).replaceAll(/\{(\d)\}/gu, (_, index: string) => String(values[Number(index)])),
};

export const version = '1.139.1';

export const UIKind = { Desktop: 1, Web: 2 };

export const env = {
  appName: 'Test Code',
  appHost: 'desktop',
  remoteName: undefined,
  language: 'en',
  uriScheme: 'test-code',
  get uiKind(): number {
    return host.desktop ? UIKind.Desktop : UIKind.Web;
  },
  asExternalUri: (uri: Uri): Promise<Uri> => {
    if (host.desktop) return Promise.resolve(uri);
    if (!uri.path.startsWith(`${env.uriScheme}:`)) return Promise.resolve(uri).then(host.externalUri);
    return Promise.resolve(Uri.parse(`https://code.example.org/callback?vscode-path=${uri.path}&x=y`));
  },
  clipboard: {
    writeText: (text: string): Promise<void> => {
      host.clipboard = text;
      return Promise.resolve();
    },
  },
  openExternal: (target: string): Promise<boolean> => {
    host.browsed.push(target);
    return Promise.resolve(host.browserOpens);
  },
};

export const ProgressLocation = { Notification: 15 };
export const StatusBarAlignment = { Left: 1, Right: 2 };
export const ViewColumn = { Active: -1 };

export class ThemeColor {
  readonly id: string;
  constructor(id: string) {
    this.id = id;
  }
}
export const QuickInputButtons = { Back: { id: 'back' } };

export class MarkdownString {
  readonly value: string;
  constructor(value: string) {
    this.value = value;
  }
}

const message =
  (kind: Shown['kind']) =>
  (text: string, ...buttons: readonly string[]): Promise<string | undefined> =>
    new Promise((resolve) => host.shown.push({ kind, message: text, buttons, press: resolve }));

export const window = {
  showInformationMessage: message('information'),
  showWarningMessage: message('warning'),
  showErrorMessage: message('error'),
  showQuickPick: <T extends { readonly label: string }>(items: readonly T[]): Promise<T | undefined> =>
    new Promise((resolve) => {
      const labels = items.map(({ label }) => label);
      host.picks.push({ labels, pick: (label) => resolve(items.find((item) => item.label === label)) });
    }),
  createInputBox: () => new FakeInputBox(),
  createQuickPick: () => new FakeQuickPick(),
  state: { focused: true },
  onDidChangeWindowState: host.windowState.event,
  registerUriHandler: (handler: typeof host.uriHandler) => {
    host.uriHandler = handler;
    return {
      dispose: () => {
        host.uriHandler = undefined;
      },
    };
  },
  withProgress: async <T>(
    options: { readonly title: string },
    task: (progress: unknown, token: unknown) => Promise<T>,
  ): Promise<T> => {
    host.progressTitles.push(options.title);
    const cancelled = new EventEmitter<void>();
    host.cancelProgress = () => cancelled.fire();
    return await task({}, { onCancellationRequested: cancelled.event });
  },
  createStatusBarItem: () => ({
    name: '',
    set command(command: string) {
      host.statusBar.command = command;
    },
    set accessibilityInformation({ label }: { readonly label: string }) {
      host.statusBar.label = label;
    },
    set backgroundColor(color: ThemeColor | undefined) {
      host.statusBar.background = color?.id;
    },
    set text(text: string) {
      host.statusBar.text = text;
    },
    set tooltip(tooltip: MarkdownString) {
      host.statusBar.tooltip = tooltip.value;
    },
    show: () => {
      host.statusBar.visible = true;
    },
    hide: () => {
      host.statusBar.visible = false;
    },
    dispose: () => undefined,
  }),
  createOutputChannel: () => ({
    info: (line: string) => host.log.push(line),
    error: (line: string) => host.log.push(line),
    show: () => undefined,
    dispose: () => undefined,
  }),
  registerWebviewViewProvider: () => ({ dispose: () => undefined }),
  showSaveDialog: () => Promise.resolve(host.saveTarget),
  createWebviewPanel: (_type: string, title: string, _column: number, options: unknown) => {
    const received = new EventEmitter<unknown>();
    const disposed = new EventEmitter<void>();
    const panel: FakePanel = {
      posted: [],
      options,
      title,
      html: '',
      revealed: 0,
      say: (message) => received.fire(message),
      close: () => disposed.fire(),
    };
    host.panels.push(panel);
    return {
      webview: {
        cspSource: 'https://csp.example',
        asWebviewUri: (uri: Uri) => uri,
        set html(html: string) {
          panel.html = html;
        },
        onDidReceiveMessage: received.event,
        postMessage: (message: unknown) => Promise.resolve(panel.posted.push(message)),
      },
      reveal: () => {
        panel.revealed += 1;
      },
      onDidDispose: disposed.event,
      dispose: () => disposed.fire(),
    };
  },
};

class FakeInputBox {
  title = '';
  prompt = '';
  placeholder: string | undefined;
  value = '';
  password = false;
  ignoreFocusOut = false;
  busy = false;
  enabled = true;
  buttons: readonly unknown[] = [];
  #closed = false;
  validationMessage: string | undefined;
  readonly #accepted = new EventEmitter<void>();
  readonly #hidden = new EventEmitter<void>();
  readonly #changed = new EventEmitter<string>();
  readonly #pressed = new EventEmitter<unknown>();
  readonly onDidAccept = this.#accepted.event;
  readonly onDidHide = this.#hidden.event;
  readonly onDidChangeValue = this.#changed.event;
  readonly onDidTriggerButton = this.#pressed.event;

  show(): void {
    const box = this as FakeInputBox;
    host.boxes.push({
      get prompt() {
        return box.prompt;
      },
      get value() {
        return box.value;
      },
      get password() {
        return box.password;
      },
      get complaint() {
        return box.validationMessage;
      },
      type: (text) => {
        box.value = text;
        box.#changed.fire(text);
      },
      accept: () => box.#accepted.fire(),
      back: () => box.#pressed.fire(QuickInputButtons.Back),
      press: () => box.#pressed.fire(box.buttons.at(-1)),
      hide: () => box.hide(),
      get closed() {
        return box.#closed;
      },
    });
  }
  hide(): void {
    this.#closed = true;
    this.#hidden.fire();
  }
  dispose(): void {
    this.hide();
  }
}

class FakeQuickPick<T extends { readonly label: string }> {
  title = '';
  placeholder = '';
  ignoreFocusOut = false;
  busy = false;
  selectedItems: readonly T[] = [];
  readonly #accepted = new EventEmitter<void>();
  readonly #hidden = new EventEmitter<void>();
  readonly onDidAccept = this.#accepted.event;
  readonly onDidHide = this.#hidden.event;

  set items(items: readonly T[]) {
    host.picks.push({
      labels: items.map(({ label }) => label),
      pick: (chosen) => {
        this.selectedItems = items.filter(({ label }) => label === chosen);
        if (chosen === undefined) {
          this.hide();
        } else {
          this.#accepted.fire();
        }
      },
    });
  }
  show(): void {
    // It is seen once it has items.
  }
  hide(): void {
    this.#hidden.fire();
  }
  dispose(): void {
    this.hide();
  }
}

export const commands = {
  registerCommand: (id: string, run: (...args: unknown[]) => unknown) => {
    host.registered.set(id, run);
    return { dispose: () => host.registered.delete(id) };
  },
  executeCommand: (id: string, ...args: readonly unknown[]): Promise<unknown> => {
    host.commands.push({ id, args });
    return Promise.resolve(undefined);
  },
};

export const workspace = {
  get fs(): unknown {
    return host.files;
  },
  getConfiguration: (section: string) => ({ get: (name: string) => host.settings.get(`${section}.${name}`) }),
  onDidChangeConfiguration: host.settingsChanged.event,
  createFileSystemWatcher: (pattern: RelativePattern) => {
    host.watched.push(`${pattern.base.path}/${pattern.pattern}`);
    const never = new EventEmitter<void>().event;
    return { onDidCreate: never, onDidChange: never, onDidDelete: never, dispose: () => undefined };
  },
};

export const authentication = {
  registerAuthenticationProvider: (id: string) => {
    host.commands.push({ id: `registerAuthenticationProvider:${id}`, args: [] });
    return { dispose: () => undefined };
  },
};

export const lm = {
  registerLanguageModelChatProvider: (vendor: string) => {
    if (!host.hasChat) throw new TypeError('registerLanguageModelChatProvider is not a function');
    host.commands.push({ id: `registerLanguageModelChatProvider:${vendor}`, args: [] });
    return { dispose: () => undefined };
  },
};

export * from '../lm/vscodeParts.ts';
