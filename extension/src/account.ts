/**
 * The account in this window: holds the core's client for the backend that is set, and says who is signed in.
 *
 * The core is loaded only when a session is stored or the user acts. Another backend means another client and another
 * stored session; the old ones are left alone.
 */
import { EventEmitter } from 'vscode';

import type { Account, ClientConfig, CoreEvent, CoreHost, GodotyClient } from '../../crate/wasm/pkg/godoty_core.js';
import type { SessionStore } from './auth/sessionStore.ts';
import { coreHost } from './core/host.ts';
import type { BackendSettings } from './settings.ts';
import type { UsageQueues } from './usage/queueFiles.ts';

export type AccountState =
  | { readonly kind: 'restoring' }
  /** `keyOf` is the user with whose key chat goes on, after the server ended the session. */
  | { readonly kind: 'signedOut'; readonly keyOf?: string | undefined }
  | { readonly kind: 'signedIn'; readonly account: Account };

/** What `AuthenticationProvider.onDidChangeSessions` has to tell, and what the user should know. */
export type AccountNews = Exclude<CoreEvent, { readonly kind: 'usageChanged' }>;

/** The user in whose name chat works. */
export function chatUser(state: AccountState): string | undefined {
  switch (state.kind) {
    case 'restoring':
      return undefined;
    case 'signedOut':
      return state.keyOf;
    case 'signedIn':
      return state.account.userId;
  }
}

export interface AccountPorts {
  /** Loads the core when it has not been, and opens a client. */
  readonly openClient: (config: ClientConfig, host: CoreHost, onEnd: () => void) => Promise<GodotyClient>;
  readonly storeFor: (backend: BackendSettings) => SessionStore;
  readonly device: () => { readonly id: string; readonly name: string };
  /** A client's own queue, beside those that earlier ones have left. */
  readonly openQueues: () => UsageQueues;
  /** The text of the price map that ships with the extension. */
  readonly loadPriceMap: () => Promise<string>;
  readonly report: (what: string, error: unknown) => void;
}

/** A client and what listens for it. */
interface Backend {
  readonly settings: BackendSettings;
  readonly store: SessionStore;
  readonly subscription: { dispose(): void };
  client: Promise<GodotyClient> | undefined;
  /** The same, once it is there. */
  loaded: GodotyClient | undefined;
}

/** How often a core that a defect ended comes back by itself. Later on it does when somebody needs it. */
const MAX_COMEBACKS = 3;

export class AccountService {
  readonly #ports: AccountPorts;
  readonly #stateChanged = new EventEmitter<AccountState>();
  readonly #news = new EventEmitter<AccountNews>();
  readonly #usageChanged = new EventEmitter<void>();
  #backend: Backend;
  #state: AccountState = { kind: 'restoring' };
  #restored: Promise<void> | undefined;
  #focused = false;
  #comebacks = 0;

  readonly onDidChangeState = this.#stateChanged.event;
  readonly onNews = this.#news.event;
  readonly onUsageChanged = this.#usageChanged.event;

  constructor(ports: AccountPorts, settings: BackendSettings) {
    this.#ports = ports;
    this.#backend = this.#open(settings);
  }

  get state(): AccountState {
    return this.#state;
  }

  /** Reads the stored session, once: silently, without a call to a server. */
  restore(): Promise<void> {
    this.#restored ??= this.#restore(this.#backend);
    return this.#restored;
  }

  /** Says that nobody is signed in, without looking: for those who do not want a silent restore. */
  stayOut(): void {
    this.#setState({ kind: 'signedOut' });
  }

  /** The core's client; loads the core when it has not been. */
  client(): Promise<GodotyClient> {
    return this.#clientOf(this.#backend);
  }

  /** The client, if the core has been loaded; never loads it. */
  get loadedClient(): GodotyClient | undefined {
    return this.#backend.loaded;
  }

  /** Whether the user is in this window: it renews the session ahead of time, others when they need it. */
  setFocused(focused: boolean): void {
    this.#focused = focused;
    this.#backend.loaded?.setFocused(focused);
  }

  async signOut(): Promise<void> {
    await this.restore();
    await (await this.client()).signOut();
    this.#setState({ kind: 'signedOut' });
  }

  /** Turns to another backend; its own stored session is restored, if that is wanted. */
  async use(settings: BackendSettings, restore: boolean): Promise<void> {
    const { client, subscription } = this.#backend;
    subscription.dispose();
    if (this.#state.kind === 'signedIn') {
      this.#news.fire({ kind: 'signedOut', account: this.#state.account, reason: 'elsewhere' });
    }
    this.#backend = this.#open(settings);
    this.#restored = undefined;
    this.#setState({ kind: restore ? 'restoring' : 'signedOut' });
    // What the old client has under way ends by itself; its timers go with it.
    client?.then(
      (old) => old.free(),
      () => undefined,
    );
    if (restore) {
      await this.restore();
    }
  }

  dispose(): void {
    this.#backend.subscription.dispose();
    for (const emitter of [this.#stateChanged, this.#news, this.#usageChanged]) {
      emitter.dispose();
    }
  }

  #open(settings: BackendSettings): Backend {
    const store = this.#ports.storeFor(settings);
    const backend: Backend = {
      settings,
      store,
      client: undefined,
      loaded: undefined,
      subscription: store.onDidChange(() => {
        this.#storeChanged(backend).catch((error: unknown) => this.#ports.report('reading the stored session', error));
      }),
    };
    return backend;
  }

  #clientOf(backend: Backend): Promise<GodotyClient> {
    backend.client ??= this.#create(backend).catch((error: unknown) => {
      backend.client = undefined;
      throw error;
    });
    return backend.client;
  }

  async #create(backend: Backend): Promise<GodotyClient> {
    const { id: deviceId, name: deviceName } = this.#ports.device();
    const host = coreHost(
      backend.store,
      this.#ports.openQueues(),
      () => this.#priceMap(),
      (event) => {
        if (backend === this.#backend) {
          this.#hear(event);
        }
      },
    );
    const config = { ...backend.settings, deviceId, deviceName };
    const client = await this.#ports.openClient(config, host, () => this.#coreEnded(backend));
    client.setFocused(this.#focused);
    backend.loaded = client;
    return client;
  }

  /** A defect ended the core. The session is in the store: the next client takes it up. */
  #coreEnded(backend: Backend): void {
    backend.client = undefined;
    backend.loaded = undefined;
    this.#ports.report('the core', new Error('a defect ended it'));
    if (backend === this.#backend && this.#comebacks < MAX_COMEBACKS) {
      this.#comebacks += 1;
      this.#restored = this.#restore(backend);
    } else if (backend === this.#backend) {
      this.#restored = undefined;
    }
  }

  /** The core goes on without it; the log says why costs are missing then. */
  async #priceMap(): Promise<string> {
    try {
      return await this.#ports.loadPriceMap();
    } catch (error) {
      this.#ports.report('reading the price map', error);
      throw error;
    }
  }

  async #restore(backend: Backend): Promise<void> {
    let account: Account | undefined;
    try {
      if ((await backend.store.read()) !== undefined && backend === this.#backend) {
        account = await (await this.#clientOf(backend)).restore();
      }
    } catch (error) {
      this.#ports.report('restoring the session', error);
      if (backend !== this.#backend) {
        return;
      }
      // A failure says nothing of who is signed in, and whoever asks next tries again.
      this.#restored = undefined;
      if (this.#state.kind === 'signedIn') {
        return;
      }
    }
    if (backend === this.#backend) {
      this.#setState(account === undefined ? this.#signedOut() : { kind: 'signedIn', account });
    }
  }

  /** Another window wrote the session. A window that has not loaded the core yet reads it from the start. */
  async #storeChanged(backend: Backend): Promise<void> {
    // A store may have been looking at its files when another backend was set.
    if (backend !== this.#backend) {
      return;
    }
    if (backend.client === undefined) {
      this.#restored = this.#restore(backend);
      await this.#restored;
      if (backend === this.#backend && this.#state.kind === 'signedIn') {
        this.#news.fire({ kind: 'signedIn', account: this.#state.account });
      }
      return;
    }
    const client = await backend.client;
    if (backend === this.#backend) {
      client.storeChanged();
    }
  }

  #hear(event: CoreEvent): void {
    switch (event.kind) {
      case 'usageChanged':
        this.#usageChanged.fire();
        return;
      case 'signedIn':
        this.#setState({ kind: 'signedIn', account: event.account });
        break;
      case 'signedOut':
        this.#setState(this.#signedOut());
        break;
      case 'refreshed':
      case 'storedSessionUnreadable':
      case 'storeFailed':
        break;
    }
    this.#news.fire(event);
  }

  #signedOut(): AccountState {
    return { kind: 'signedOut', keyOf: this.#backend.loaded?.keyOf() };
  }

  #setState(state: AccountState): void {
    this.#state = state;
    this.#stateChanged.fire(state);
  }
}
