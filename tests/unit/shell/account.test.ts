/** The account of a window, with a core that the test plays. */
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type {
  Account,
  CoreHost,
  GodotyClient,
  SignInStarted,
  UsageSnapshot,
} from '../../../crate/wasm/pkg/godoty_core.js';
import { AccountService, chatUser } from '../../../extension/src/account.ts';
import type { AccountNews } from '../../../extension/src/account.ts';
import type { SessionStore } from '../../../extension/src/auth/sessionStore.ts';
import type { BackendSettings } from '../../../extension/src/settings.ts';
import { EventEmitter, host as vscode } from './vscode.ts';

const HERE: BackendSettings = {
  supabaseUrl: 'https://here.example.org',
  supabaseKey: 'sb_publishable_x',
  litellmUrl: 'https://models.example.org',
};
const THERE: BackendSettings = { ...HERE, supabaseUrl: 'https://there.example.org' };
const USER: Account = { sessionId: 's1', userId: 'u1', email: 'u1@example.org' };

class PlayedStore implements SessionStore {
  readonly changed = new EventEmitter<void>();
  onDidChange: SessionStore['onDidChange'] = this.changed.event;
  text: string | undefined;
  reads = 0;
  fails: Error | undefined;
  read(): Promise<string | undefined> {
    this.reads += 1;
    return this.fails === undefined ? Promise.resolve(this.text) : Promise.reject(this.fails);
  }
  async update(change: Parameters<SessionStore['update']>[0]): Promise<void> {
    await change(this.text);
  }
}

/** The core's client as the service uses it. */
class PlayedClient {
  readonly backend: string;
  readonly host: CoreHost;
  /** A defect has ended the core. */
  readonly end: () => void;
  restored: Account | undefined = USER;
  keyLeft: string | undefined;
  freed = 0;
  heardOfStore = 0;
  focused: boolean | undefined;
  constructor(backend: string, host: CoreHost, end: () => void) {
    this.backend = backend;
    this.host = host;
    this.end = end;
  }
  restore = (): Promise<Account | undefined> => Promise.resolve(this.restored);
  startSignIn = (): Promise<SignInStarted> => {
    this.host.onEvent({ kind: 'signedIn', account: USER });
    return Promise.resolve({ kind: 'signedIn', account: USER });
  };
  keyOf = (): string | undefined => this.keyLeft;
  signOut = (): Promise<void> => Promise.resolve();
  setFocused = (focused: boolean): void => {
    this.focused = focused;
  };
  storeChanged = (): void => {
    this.heardOfStore += 1;
  };
  usage = (): UsageSnapshot => {
    throw new Error('not asked for here');
  };
  free = (): void => {
    this.freed += 1;
  };
}

let stores: Map<string, PlayedStore>;
let clients: PlayedClient[];
let openFails: Error | undefined;
let queues: number;
let reports: string[];
let news: AccountNews[];

beforeEach(() => {
  vscode.reset();
  stores = new Map();
  clients = [];
  openFails = undefined;
  queues = 0;
  reports = [];
  news = [];
});

function storeAt(settings: BackendSettings): PlayedStore {
  const store = stores.get(settings.supabaseUrl) ?? new PlayedStore();
  stores.set(settings.supabaseUrl, store);
  return store;
}

function openAccount(): AccountService {
  const account = new AccountService(
    {
      openClient: (config, host, onEnd) => {
        if (openFails !== undefined) {
          return Promise.reject(openFails);
        }
        const client = new PlayedClient(config.supabaseUrl, host, onEnd);
        clients.push(client);
        return Promise.resolve(client as unknown as GodotyClient);
      },
      storeFor: storeAt,
      device: () => ({ id: 'd1', name: 'device' }),
      openQueues: () => {
        const queue = `queue ${(queues += 1)}`;
        return { load: () => Promise.resolve([queue]), save: () => Promise.resolve() };
      },
      loadPriceMap: () => Promise.reject(new Error('no such file')),
      report: (what) => reports.push(what),
    },
    HERE,
  );
  account.onNews((item) => news.push(item));
  return account;
}

describe('a restore', () => {
  it('loads no core when nothing is stored', async () => {
    const account = openAccount();
    await account.restore();
    expect(account.state).toEqual({ kind: 'signedOut' });
    expect(clients).toEqual([]);
    expect(account.loadedClient).toBeUndefined();
  });

  it('takes the stored session up, once, and tells nobody of a new one', async () => {
    storeAt(HERE).text = 'a session';
    const account = openAccount();
    expect(account.state).toEqual({ kind: 'restoring' });
    await Promise.all([account.restore(), account.restore()]);
    expect(account.state).toEqual({ kind: 'signedIn', account: USER });
    expect([storeAt(HERE).reads, clients.length, news.length]).toEqual([1, 1, 0]);
  });

  it('says with whose key chat goes on where the server has ended the session', async () => {
    storeAt(HERE).text = 'a key, and no session';
    const account = openAccount();
    const client = (await account.client()) as unknown as PlayedClient;
    client.restored = undefined;
    client.keyLeft = 'u1';
    await account.restore();
    expect(account.state).toEqual({ kind: 'signedOut', keyOf: 'u1' });
    expect(chatUser(account.state)).toBe('u1');
    client.keyLeft = undefined;
    await account.signOut();
    expect(chatUser(account.state)).toBeUndefined();
  });

  it('means signed out when the core can’t be loaded, and says so in the log', async () => {
    storeAt(HERE).text = 'a session';
    openFails = new Error('no WebAssembly');
    const account = openAccount();
    await account.restore();
    expect(account.state).toEqual({ kind: 'signedOut' });
    expect(reports).toEqual(['restoring the session']);
    openFails = undefined;
    expect(await account.client()).toBe(clients[0]);
  });

  it('means signed out while the store can’t be read, and is made up for when it can', async () => {
    storeAt(HERE).text = 'a session';
    storeAt(HERE).fails = new Error('the disk fails');
    const account = openAccount();
    await account.restore();
    expect(account.state).toEqual({ kind: 'signedOut' });
    expect([reports, clients]).toEqual([['restoring the session'], []]);
    storeAt(HERE).fails = undefined;
    storeAt(HERE).changed.fire();
    await vi.waitFor(() => expect(account.state).toEqual({ kind: 'signedIn', account: USER }));
  });

  it('is made up for by whoever asks next, when nothing was told of the store meanwhile', async () => {
    storeAt(HERE).text = 'a session';
    storeAt(HERE).fails = new Error('the disk fails');
    const account = openAccount();
    await account.restore();
    storeAt(HERE).fails = undefined;
    await account.restore();
    expect(account.state).toEqual({ kind: 'signedIn', account: USER });
  });

  it('is left out when the user wants none, and then nothing is read', () => {
    const account = openAccount();
    account.stayOut();
    expect(account.state).toEqual({ kind: 'signedOut' });
    expect(storeAt(HERE).reads).toBe(0);
  });

  it('follows when another window signs in, and loads the core only then', async () => {
    const account = openAccount();
    await account.restore();
    storeAt(HERE).text = 'a session';
    storeAt(HERE).changed.fire();
    await vi.waitFor(() => expect(news).toEqual([{ kind: 'signedIn', account: USER }]));
    storeAt(HERE).changed.fire();
    await vi.waitFor(() => expect(clients[0]?.heardOfStore).toBe(1));
    expect(clients).toHaveLength(1);
  });
});

it('tells the core whether the user is in this window, also when it is loaded later', async () => {
  const account = openAccount();
  account.setFocused(true);
  await account.client();
  expect(clients[0]?.focused).toBe(true);
  account.setFocused(false);
  expect(clients[0]?.focused).toBe(false);
});

describe('another backend', () => {
  it('has a session of its own, and the old client is not used again', async () => {
    storeAt(HERE).text = 'a session';
    const account = openAccount();
    await account.restore();
    await account.use(THERE, true);
    expect(account.state).toEqual({ kind: 'signedOut' });
    expect(news).toEqual([{ kind: 'signedOut', account: USER, reason: 'elsewhere' }]);
    expect(storeAt(HERE).text).toBe('a session');
    const [old] = clients;
    expect(old?.freed).toBe(1);

    // Neither the old store nor the old client is listened to any more.
    storeAt(HERE).changed.fire();
    old?.host.onEvent({ kind: 'signedIn', account: USER });
    await Promise.resolve();
    expect(account.state).toEqual({ kind: 'signedOut' });
    expect([old?.heardOfStore, news.length]).toEqual([0, 1]);

    const client = await account.client();
    await client.startSignIn({ way: 'password', email: 'u1@example.org', password: 'a password' });
    expect(clients.map(({ backend }) => backend)).toEqual([HERE.supabaseUrl, THERE.supabaseUrl]);
    expect(account.state).toEqual({ kind: 'signedIn', account: USER });
  });

  it('gives its session back when the user comes back', async () => {
    storeAt(HERE).text = 'a session';
    const account = openAccount();
    await account.restore();
    await account.use(THERE, true);
    await account.use(HERE, true);
    expect(account.state).toEqual({ kind: 'signedIn', account: USER });
  });

  it('restores nothing when the user wants no silent restore', async () => {
    storeAt(THERE).text = 'a session';
    const account = openAccount();
    account.stayOut();
    await account.use(THERE, false);
    expect(account.state).toEqual({ kind: 'signedOut' });
    expect([storeAt(THERE).reads, clients.length]).toEqual([0, 0]);
  });

  it('hears nothing more of the store of the one before it, which was just looking at its files', async () => {
    const account = openAccount();
    const told: (() => void)[] = [];
    storeAt(THERE).text = 'a session';
    storeAt(THERE).onDidChange = (listener) => {
      told.push(listener);
      return { dispose: () => undefined };
    };
    await account.use(THERE, false);
    storeAt(HERE).text = 'a session';
    await account.use(HERE, true);
    expect([account.state.kind, storeAt(THERE).reads, news]).toEqual(['signedIn', 0, []]);
    for (const tell of told) tell();
    await Promise.resolve();
    expect([storeAt(THERE).reads, news]).toEqual([0, []]);
  });

  it('wins over a restore of the one before it that is still under way', async () => {
    storeAt(HERE).text = 'a session';
    const account = openAccount();
    const first = account.restore();
    const second = account.use(THERE, true);
    await Promise.all([first, second]);
    expect(account.state).toEqual({ kind: 'signedOut' });
    // A client that nobody frees would go on renewing the other backend's session.
    expect(clients).toEqual([]);
  });
});

describe('a core that a defect ended', () => {
  it('comes back with the session, as another one that leaves the queue of the first as it is', async () => {
    storeAt(HERE).text = 'a session';
    const account = openAccount();
    account.setFocused(true);
    await account.restore();
    clients[0]?.end();
    expect(account.state).toEqual({ kind: 'signedIn', account: USER });
    await account.restore();
    expect(account.loadedClient).toBe(clients[1]);
    expect([clients[1]?.focused, clients[0]?.freed, news.length]).toEqual([true, 0, 0]);
    expect(reports).toEqual(['the core']);
    const kept = await Promise.all(clients.map(({ host }) => host.loadUsageQueues('u1')));
    expect(kept).toEqual([['queue 1'], ['queue 2']]);
  });

  it('comes back by itself three times, and then when somebody needs it', async () => {
    storeAt(HERE).text = 'a session';
    const account = openAccount();
    for (let ends = 1; ends <= 4; ends += 1) {
      await account.restore();
      clients.at(-1)?.end();
    }
    await Promise.resolve();
    expect(clients).toHaveLength(4);
    expect(account.loadedClient).toBeUndefined();
    await account.restore();
    expect(clients).toHaveLength(5);
    expect(account.loadedClient).toBe(clients[4]);
  });

  it('signs nobody out because the store can’t be read at that moment', async () => {
    storeAt(HERE).text = 'a session';
    const account = openAccount();
    await account.restore();
    storeAt(HERE).fails = new Error('the disk fails');
    clients[0]?.end();
    await vi.waitFor(() => expect(reports).toEqual(['the core', 'restoring the session']));
    expect(account.state).toEqual({ kind: 'signedIn', account: USER });
    storeAt(HERE).fails = undefined;
    await account.restore();
    expect(account.loadedClient).toBe(clients[1]);
  });

  it('was another backend’s, and nobody misses it', async () => {
    const account = openAccount();
    await account.client();
    await account.use(THERE, true);
    clients[0]?.end();
    await account.restore();
    expect(account.state).toEqual({ kind: 'signedOut' });
    expect(clients).toHaveLength(1);
  });
});

describe('events of the core', () => {
  it('change the state and are passed on, usage apart from the rest', async () => {
    const account = openAccount();
    await account.client();
    const usage = vi.fn();
    account.onUsageChanged(usage);
    const host = clients[0]?.host;
    host?.onEvent({ kind: 'signedIn', account: USER });
    host?.onEvent({ kind: 'refreshed', account: USER });
    host?.onEvent({ kind: 'usageChanged' });
    expect(account.state.kind).toBe('signedIn');
    host?.onEvent({ kind: 'signedOut', account: USER, reason: 'expired' });
    expect(account.state.kind).toBe('signedOut');
    host?.onEvent({ kind: 'storeFailed' });
    expect(news.map(({ kind }) => kind)).toEqual(['signedIn', 'refreshed', 'signedOut', 'storeFailed']);
    expect(usage).toHaveBeenCalledOnce();
  });
});
