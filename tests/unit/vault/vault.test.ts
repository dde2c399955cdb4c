/** The vault over memory: windows that share it, and everything that can be wrong with it. */
import { describe, expect, it, vi } from 'vitest';

import { StoreTroubleError } from '../../../extension/src/auth/sessionStore.ts';
import { keyMarkerOf } from '../../../extension/src/auth/vault/keyMarker.ts';
import {
  BACKEND,
  Browser,
  MemoryFiles,
  MemoryLock,
  MemorySecrets,
  MemoryState,
  diskError,
  openWindow,
} from './support.ts';
import type { Window } from './support.ts';

const KEY = 'godoty.vault.key';
const FORMER = `godoty.session:${BACKEND}`;

/** What windows of a desktop share. */
function installation() {
  return { secrets: new MemorySecrets(), files: new MemoryFiles(), lock: new MemoryLock() };
}

describe('a session in the vault', () => {
  it('is what another window reads, and lies as ciphertext under a key that SecretStorage has', async () => {
    const shared = installation();
    await openWindow(shared).put('the refresh token');
    expect(await openWindow(shared).store.read()).toBe('the refresh token');
    expect([...shared.secrets.values.keys()]).toEqual([KEY]);
    const [name, text] = shared.files.only;
    expect(name).toMatch(/^[\da-f]{32}\.[\da-f]{32}\.json$/u);
    expect(text).not.toContain('refresh');
    expect(text).not.toContain(shared.secrets.values.get(KEY)?.slice(2));
  });

  it('is one per origin: neither a path nor a slash makes another, and no other origin sees it', async () => {
    const shared = installation();
    await openWindow(shared, 'https://example.org/').put('here');
    await openWindow(shared, 'https://example.org:8443').put('there');
    expect(await openWindow(shared, 'https://Example.org/base').store.read()).toBe('here');
    expect(await openWindow(shared, 'https://example.org:8443/').store.read()).toBe('there');
    expect(await openWindow(shared, 'no address').store.read()).toBeUndefined();
    expect(shared.files.bytes.size).toBe(2);
  });

  it('does not open for another origin, even when its file is put in the other’s place', async () => {
    const shared = installation();
    await openWindow(shared).put('here');
    const [, here] = shared.files.only;
    await openWindow(shared, 'https://example.com').put('there');
    const other = [...shared.files.bytes.keys()].at(-1) ?? '';
    for (const text of [here, here.replace('https://example.org', 'https://example.com')]) {
      shared.files.put(other, text);
      const window = openWindow(shared, 'https://example.com');
      expect(await window.store.read()).toBeUndefined();
      expect(window.troubles).toEqual(['unreadable']);
    }
  });

  it('is sealed with another nonce each time', async () => {
    const shared = installation();
    await openWindow(shared).put('same');
    const [, first] = shared.files.only;
    await openWindow(shared).put('same');
    expect(shared.files.only[1]).not.toBe(first);
  });

  it('is gone after signing out, and the key stays for the next one', async () => {
    const shared = installation();
    const window = openWindow(shared);
    await window.put('a');
    const key = shared.secrets.values.get(KEY);
    await window.erase();
    expect(await openWindow(shared).store.read()).toBeUndefined();
    expect(shared.files.only[1]).not.toContain('sealed');
    await window.put('b');
    expect(shared.secrets.values.get(KEY)).toBe(key);
    expect(await openWindow(shared).store.read()).toBe('b');
    expect(window.troubles).toEqual([]);
  });

  it('is not written, and no key is made, when there is nothing to change', async () => {
    const shared = installation();
    const window = openWindow(shared);
    await window.erase();
    await window.store.update(() => Promise.resolve({ kind: 'keep' }));
    expect(shared.files.bytes.size + shared.secrets.values.size).toBe(0);
  });
});

describe('updates', () => {
  it('run one after another in all windows, each on what the one before it left', async () => {
    const shared = installation();
    const seen: (string | undefined)[] = [];
    const add = (window: ReturnType<typeof openWindow>, mark: string): Promise<void> =>
      window.store.update(async (current) => {
        seen.push(current);
        await Promise.resolve();
        return { kind: 'replace', text: (current ?? '') + mark };
      });
    const [first, second] = [openWindow(shared), openWindow(shared)];
    await Promise.all([add(first, 'a'), add(second, 'b'), add(first, 'c'), add(second, 'd')]);
    expect(seen.map((text) => text?.length ?? 0)).toEqual([0, 1, 2, 3]);
  });

  it('hand a failure of the change to its caller, tell nobody else, and go on', async () => {
    const window = openWindow({});
    await expect(window.store.update(() => Promise.reject(new Error('the core failed')))).rejects.toThrow('core');
    await window.put('b');
    expect(await window.store.read()).toBe('b');
    expect(window.troubles).toEqual([]);
  });

  it('write nothing over what another window wrote meanwhile, although both have a lock', async () => {
    const { secrets, files } = installation();
    const [first, second] = [0, 1].map(() => openWindow({ secrets, files, lock: new MemoryLock() }));
    await first?.put('a');
    let go = (): void => undefined;
    const gone = new Promise<void>((resolve) => (go = resolve));
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const slow = first?.store.update(async () => {
      begin();
      await gone;
      return { kind: 'replace', text: 'late' };
    });
    await begun;
    await second?.put('b');
    go();
    await expect(slow).rejects.toThrow('busy');
    expect(await first?.store.read()).toBe('b');
    await first?.put('c');
    expect(await second?.store.read()).toBe('c');
    expect([first, second].flatMap((window) => window?.troubles)).toEqual([]);
  });

  it('write nothing once another window has the lock, and leave it to the caller to look again', async () => {
    const shared = installation();
    await openWindow(shared).put('kept');
    shared.lock.lost = true;
    const window = openWindow(shared);
    await expect(window.put('too late')).rejects.toThrow('lost');
    expect(await openWindow(shared).store.read()).toBe('kept');
    expect(window.troubles).toEqual([]);
  });
});

describe('a change in another window', () => {
  it('is told, whichever way it is noticed; one of this window is not', async () => {
    const shared = installation();
    const [first, second] = [openWindow(shared), openWindow(shared)];
    await first.put('a');
    await second.store.read();
    const heard = vi.fn();
    const subscription = second.store.onDidChange(heard);
    const quiet = async (): Promise<void> => {
      second.changes.fire();
      shared.secrets.changed.fire({ key: KEY });
      await second.store.update(() => Promise.resolve({ kind: 'keep' }));
    };
    await quiet();
    await second.put('b');
    await quiet();
    expect(heard).not.toHaveBeenCalled();
    await first.put('c');
    second.changes.fire();
    await vi.waitFor(() => expect(heard).toHaveBeenCalledOnce());
    expect(await second.store.read()).toBe('c');
    await first.erase();
    second.changes.fire();
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(2));
    expect(await second.store.read()).toBeUndefined();
    subscription.dispose();
    await first.put('d');
    await quiet();
    expect(heard).toHaveBeenCalledTimes(2);
  });

  it('is not what this window itself is just writing, although the watcher hears of that first', async () => {
    const shared = installation();
    const window = openWindow(shared);
    await window.put('a');
    const heard = vi.fn();
    window.store.onDidChange(heard);
    const replace = shared.files.replace.bind(shared.files);
    shared.files.replace = async (name, bytes) => {
      await replace(name, bytes);
      window.changes.fire();
      await new Promise((resolve) => setImmediate(resolve));
    };
    await window.put('b');
    await window.store.update(() => Promise.resolve({ kind: 'keep' }));
    expect(heard).not.toHaveBeenCalled();
  });

  it('is told where this window has no key yet and SecretStorage is shared', async () => {
    const shared = installation();
    const second = openWindow(shared);
    await second.store.read();
    const heard = vi.fn();
    second.store.onDidChange(heard);
    await openWindow(shared).put('a');
    second.changes.fire();
    await vi.waitFor(() => expect(heard).toHaveBeenCalled());
    expect(await second.store.read()).toBe('a');
    expect(second.troubles).toEqual([]);
  });

  it('is watched for only once something is read or written', async () => {
    const window = openWindow({});
    window.store.onDidChange(() => undefined);
    expect(window.started).toBe(false);
    await window.store.read();
    expect(window.started).toBe(true);
  });
});

describe('windows with private copies of SecretStorage', () => {
  it('share the session when they were loaded after the key was made', async () => {
    const [browser, files, lock] = [new Browser(), new MemoryFiles(), new MemoryLock()];
    await openWindow({ ...browser.loadWindow(), files, lock }).put('a');
    const second = openWindow({ ...browser.loadWindow(), files, lock });
    const third = openWindow({ ...browser.loadWindow(), files, lock });
    await second.put('b');
    expect(await third.store.read()).toBe('b');
    expect(files.bytes.size).toBe(1);
  });

  it('share one that begins when all of them are open, for the first window made the key', async () => {
    const [browser, files, lock] = [new Browser(), new MemoryFiles(), new MemoryLock()];
    const windows: Window[] = [];
    while (windows.length < 3) {
      const window = openWindow({ ...browser.loadWindow(), files, lock });
      expect(await window.store.read()).toBeUndefined();
      windows.push(window);
    }
    expect(files.bytes.size).toBe(0);
    await windows[1]?.put('a');
    expect(await Promise.all(windows.map((window) => window.store.read()))).toEqual(['a', 'a', 'a']);
    expect(windows.flatMap((window) => window.troubles)).toEqual([]);
  });

  it('begin without a key where SecretStorage takes none, and say so to nobody who has no session', async () => {
    const { secrets, ...loaded } = new Browser().loadWindow();
    secrets.onStore = () => {
      throw new Error('no');
    };
    const window = openWindow({ ...loaded, secrets });
    expect(await window.store.read()).toBeUndefined();
    expect(window.troubles).toEqual([]);
  });

  it('say what to do in one that was loaded before the first made the key', async () => {
    const [browser, files, lock] = [new Browser(), new MemoryFiles(), new MemoryLock()];
    const early = openWindow({ ...browser.loadWindow(), files, lock });
    const first = openWindow({ ...browser.loadWindow(), files, lock });
    expect(await first.store.read()).toBeUndefined();
    const kept = new Map(browser.kept);
    expect(await early.store.read()).toBeUndefined();
    expect(browser.kept).toEqual(kept);
    early.store.onDidChange(() => undefined);
    // Somebody who signs in and out again is nobody to follow.
    await first.put('z');
    await first.erase();
    early.changes.fire();
    await early.store.update(() => Promise.resolve({ kind: 'keep' }));
    expect(early.troubles).toEqual([]);
    await first.put('a');
    early.changes.fire();
    await vi.waitFor(() => expect(early.troubles).toEqual(['elsewhere']));
    // Its reload.
    const reloaded = openWindow({ ...browser.loadWindow(), files, lock });
    expect(await reloaded.store.read()).toBe('a');
    expect(reloaded.troubles).toEqual([]);
  });

  it('that made a key each at the start agree on the one under which somebody signs in', async () => {
    const [browser, files, lock] = [new Browser(), new MemoryFiles(), new MemoryLock()];
    const both = [0, 1].map(() => openWindow({ ...browser.loadWindow(), files, lock }));
    await Promise.all(both.map((window) => window.store.read()));
    const [first, second] = both;
    second?.store.onDidChange(() => undefined);
    await first?.put('a');
    second?.changes.fire();
    await vi.waitFor(() => expect(second?.troubles).toEqual(['elsewhere']));
    const reloaded = [0, 1].map(() => openWindow({ ...browser.loadWindow(), files, lock }));
    expect(await Promise.all(reloaded.map((window) => window.store.read()))).toEqual(['a', 'a']);
    expect([...reloaded, ...both].flatMap((window) => window.troubles)).toEqual(['elsewhere']);
  });

  it('that both make a key go on by themselves, and agree when they are reloaded', async () => {
    const [browser, files, lock] = [new Browser(), new MemoryFiles(), new MemoryLock()];
    const first = openWindow({ ...browser.loadWindow(), files, lock });
    const second = openWindow({ ...browser.loadWindow(), files, lock });
    await Promise.all([first.put('one'), second.put('two')]);
    expect(await first.store.read()).toBe('one');
    expect(await second.store.read()).toBe('two');
    const reloaded = [0, 1].map(() => openWindow({ ...browser.loadWindow(), files, lock }));
    const texts = await Promise.all(reloaded.map((window) => window.store.read()));
    expect(['one', 'two']).toContain(texts[0]);
    expect(texts[1]).toBe(texts[0]);
  });

  it('of two browsers have a session each, disturb nobody, and send nobody to reload in vain', async () => {
    const [files, lock] = [new MemoryFiles(), new MemoryLock()];
    const [here, there] = [new Browser(), new Browser()];
    const early = openWindow({ ...there.loadWindow(), files, lock });
    expect(await early.store.read()).toBeUndefined();
    early.store.onDidChange(() => undefined);
    await openWindow({ ...here.loadWindow(), files, lock }).put('one');
    early.changes.fire();
    await early.put('two');
    await openWindow({ ...there.loadWindow(), files, lock }).erase();
    const window = openWindow({ ...here.loadWindow(), files, lock });
    expect(await window.store.read()).toBe('one');
    expect([...window.troubles, ...early.troubles]).toEqual([]);
  });

  it('on a desktop take the key that another window made meanwhile', async () => {
    const shared = installation();
    const { secrets } = shared;
    const [get, store] = [secrets.get.bind(secrets), secrets.store.bind(secrets)];
    // Both have found none before either makes one, and the second one is stored after the first one's look at its own.
    let [looks, stored] = [0, 0];
    let go = (): void => undefined;
    const bothLooked = new Promise<void>((resolve) => (go = resolve));
    secrets.get = async (name) => {
      const value = await get(name);
      looks += 1;
      if (looks === 2) go();
      await bothLooked;
      return value;
    };
    secrets.store = async (name, value) => {
      stored += 1;
      if (stored === 2) await new Promise((resolve) => setImmediate(resolve));
      await store(name, value);
    };
    const windows = [openWindow(shared), openWindow(shared, 'https://example.com')];
    await Promise.all(windows.map((window, index) => window.put(String(index))));
    const ids = [...shared.files.bytes.keys()].map((name) => name.split('.')[0]);
    expect(new Set(ids).size).toBe(1);
  });
});

describe('a vault with a fault', () => {
  it.each<[string, (text: string) => string]>([
    ['an empty file', () => ''],
    ['half of a file', (text) => text.slice(0, text.length / 2)],
    ['something else', () => '[]'],
    ['nothing but zeros', (text) => '\0'.repeat(text.length)],
    ['another ciphertext', (text) => text.replace(/"data":"..../u, '"data":"AAAA')],
    ['data that is no base64', (text) => text.replace(/"data":"./u, '"data":"?')],
    ['more than any session', (text) => text + ' '.repeat(1024 * 1024)],
    ['an older version than the first', (text) => text.replace('"version":1', '"version":0')],
  ])('means signed out here, said once, and signing in again mends it: %s', async (_, damage) => {
    const shared = installation();
    await openWindow(shared).put('a');
    const [name, text] = shared.files.only;
    shared.files.put(name, damage(text));
    const window = openWindow(shared);
    expect(await window.store.read()).toBeUndefined();
    expect(await window.store.read()).toBeUndefined();
    expect(window.troubles).toEqual(['unreadable']);
    await window.put('b');
    expect(await openWindow(shared).store.read()).toBe('b');
  });

  it('of a newer version is not touched until somebody signs in', async () => {
    const shared = installation();
    await openWindow(shared).put('a');
    const [name, text] = shared.files.only;
    const newer = text.replace('"version":1', '"version":2,"more":[]');
    shared.files.put(name, newer);
    const window = openWindow(shared);
    expect(await window.store.read()).toBeUndefined();
    await window.store.update(() => Promise.resolve({ kind: 'keep' }));
    expect(shared.files.only[1]).toBe(newer);
    expect(window.troubles).toEqual(['newer']);
  });

  it.each(['', 'x', '1:short', '2:AAAA'])('takes a key that is none (%j) for no key', async (value) => {
    const shared = installation();
    shared.secrets.values.set(KEY, value);
    const window = openWindow(shared);
    expect(await window.store.read()).toBeUndefined();
    await window.put('a');
    expect(await openWindow(shared).store.read()).toBe('a');
  });

  it('says when the key is lost and a session with it, and only then', async () => {
    const shared = installation();
    const state = new MemoryState();
    const start = () => openWindow({ ...shared, marker: state.loadWindow() });
    const before = start();
    await before.put('a');
    shared.secrets.values.clear();
    expect(await before.store.read()).toBeUndefined();
    expect(before.troubles).toEqual(['keyLost']);
    const window = start();
    expect(await window.store.read()).toBeUndefined();
    expect(window.troubles).toEqual(['keyLost']);
    // Another browser on the same server has no marker, and nothing lost.
    const stranger = openWindow(shared);
    expect(await stranger.store.read()).toBeUndefined();
    expect(stranger.troubles).toEqual([]);
    await window.put('b');
    expect(window.troubles).toEqual(['keyLost']);
    await window.erase();
    shared.secrets.values.clear();
    const signedOut = start();
    await signedOut.store.read();
    expect(signedOut.troubles).toEqual([]);
  });

  it('says so for each backend, also when there is another key by now', async () => {
    const shared = installation();
    const state = new MemoryState();
    const start = (backend?: string) => openWindow({ ...shared, marker: state.loadWindow() }, backend);
    await start().put('here');
    await start('https://example.com').put('there');
    shared.secrets.values.clear();
    await start().put('here again');
    const other = start('https://example.com');
    expect(await other.store.read()).toBeUndefined();
    expect(other.troubles).toEqual(['keyLost']);
    const here = start();
    expect(await here.store.read()).toBe('here again');
    expect(here.troubles).toEqual([]);
  });

  it('says at the sign-in that the key may be lost, when one was lost before while nobody was signed in', async () => {
    const shared = installation();
    const state = new MemoryState();
    const start = () => openWindow({ ...shared, marker: state.loadWindow() });
    const first = start();
    await first.put('a');
    await first.erase();
    shared.secrets.values.clear();
    const second = start();
    await second.store.read();
    expect(second.troubles).toEqual([]);
    await second.put('b');
    await second.put('c');
    expect(second.troubles).toEqual(['keyForgotten']);
    const third = start();
    await third.put('d');
    expect(third.troubles).toEqual([]);
  });

  it('takes what lies under keys that were lost long ago for nobody’s sign-in', async () => {
    const shared = installation();
    const state = new MemoryState();
    const start = () => openWindow({ ...shared, marker: state.loadWindow() });
    await start().put('a');
    shared.secrets.values.clear();
    const second = start();
    await second.put('b');
    await second.erase();
    shared.secrets.values.clear();
    const third = start();
    third.store.onDidChange(() => undefined);
    for (let times = 0; times < 2; times += 1) {
      await third.store.read();
      third.changes.fire();
    }
    await third.store.update(() => Promise.resolve({ kind: 'keep' }));
    expect(third.troubles).toEqual([]);
  });

  it('removes what a lost key leaves, but not before nobody has written it for 30 days', async () => {
    const day = 86_400_000;
    const shared = installation();
    const state = new MemoryState();
    let now = 1_000 * day;
    const start = (backend?: string) => openWindow({ ...shared, marker: state.loadWindow(), now: () => now }, backend);
    await start().put('a');
    await start('https://example.com').put('there');
    const [lost = '', elsewhere = ''] = shared.files.bytes.keys();
    shared.secrets.values.clear();
    now += 29 * day;
    await start().put('b');
    expect(shared.files.bytes.has(lost)).toBe(true);
    now += 2 * day;
    await start().put('c');
    expect(shared.files.bytes.has(lost)).toBe(false);
    // Whoever turns to that backend is still to hear of it.
    expect(shared.files.bytes.has(elsewhere)).toBe(true);
    expect(await start().store.read()).toBe('c');
  });

  it.each<[string, (secrets: MemorySecrets) => void]>([
    [
      'refuses',
      (secrets) => {
        secrets.onStore = () => {
          throw new Error('no keyring');
        };
      },
    ],
    ['forgets at once', (secrets) => (secrets.onStore = () => secrets.values.clear())],
  ])('tells the user when SecretStorage %s, and writes nothing that nobody could open', async (_, break_) => {
    const shared = installation();
    break_(shared.secrets);
    const window = openWindow(shared);
    await expect(window.put('a')).rejects.toThrow();
    expect(window.troubles).toEqual(['secretStorage']);
    if (shared.secrets.values.size === 0) expect(shared.files.bytes.size).toBe(0);
    shared.secrets.onStore = () => undefined;
    await window.put('a');
    expect(await openWindow(shared).store.read()).toBe('a');
  });

  it('is not taken for an empty one when SecretStorage can’t be read', async () => {
    const secrets = new MemorySecrets();
    secrets.get = () => Promise.reject(new Error('locked'));
    const window = openWindow({ secrets });
    await expect(window.store.read()).rejects.toThrow('secretStorage');
    expect(window.troubles).toEqual(['secretStorage']);
  });

  it.each([
    ['ENOSPC', 'diskFull'],
    ['EDQUOT', 'diskFull'],
    ['EROFS', 'readOnly'],
    ['EACCES', 'readOnly'],
    ['NoPermissions', 'readOnly'],
    ['EIO', 'failed'],
  ])('keeps the old session and tells the user when the disk says %s', async (code, trouble) => {
    const shared = installation();
    await openWindow(shared).put('old');
    const window = openWindow(shared);
    shared.files.failWriting = diskError(code);
    await expect(window.put('new')).rejects.toThrow(code);
    await expect(window.put('new')).rejects.toThrow(code);
    expect(window.troubles).toEqual([trouble]);
    expect(await window.store.read()).toBe('old');
    shared.files.failWriting = undefined;
    await window.put('new');
    expect(await openWindow(shared).store.read()).toBe('new');
    shared.files.failWriting = diskError(code);
    await expect(window.put('newer')).rejects.toThrow(code);
    expect(window.troubles).toEqual([trouble, trouble]);
  });

  it('says that it is busy when its lock can’t be had, before anything is changed', async () => {
    const shared = installation();
    await openWindow(shared).put('old');
    const window = openWindow(shared);
    const held = vi.spyOn(shared.lock, 'run').mockImplementation(() => Promise.reject(new StoreTroubleError('busy')));
    const change = vi.fn();
    await expect(window.store.update(change)).rejects.toThrow('busy');
    expect(change).not.toHaveBeenCalled();
    expect(window.troubles).toEqual(['busy']);
    expect(await window.store.read()).toBe('old');
    held.mockRestore();
    await window.put('new');
    expect(await openWindow(shared).store.read()).toBe('new');
  });

  it('changes nothing on a disk that it can’t read, and is not taken for an empty one', async () => {
    const shared = installation();
    await openWindow(shared).put('a');
    const window = openWindow(shared);
    shared.files.failReading = diskError('EIO');
    await expect(window.store.read()).rejects.toThrow('EIO');
    await expect(window.put('b')).rejects.toThrow('EIO');
    expect(window.troubles).toEqual(['failed']);
    shared.files.failReading = undefined;
    expect(await window.store.read()).toBe('a');
  });
});

describe('a session from before the vault', () => {
  it('is no loss, although a key was lost before', async () => {
    const shared = installation();
    const state = new MemoryState();
    await openWindow({ ...shared, marker: state.loadWindow() }).put('lost');
    shared.secrets.values.clear();
    shared.secrets.values.set(FORMER, 'a');
    const window = openWindow({ ...shared, marker: state.loadWindow() });
    expect(await window.store.read()).toBe('a');
    expect(window.troubles).toEqual([]);
  });

  it('is found, and moves with the next change', async () => {
    const shared = installation();
    shared.secrets.values.set(FORMER, 'a');
    const window = openWindow(shared);
    expect(await window.store.read()).toBe('a');
    expect(shared.files.bytes.size).toBe(0);
    await window.store.update((current) => Promise.resolve({ kind: 'replace', text: `${current}b` }));
    expect([...shared.secrets.values.keys()]).toEqual([KEY]);
    expect(await openWindow(shared).store.read()).toBe('ab');
  });

  it('stays where it is when it can’t be moved', async () => {
    const shared = installation();
    shared.secrets.values.set(FORMER, 'a');
    const window = openWindow(shared);
    shared.files.failWriting = diskError('ENOSPC');
    await expect(window.put('b')).rejects.toThrow();
    expect(await window.store.read()).toBe('a');
  });

  it('does not come back after signing out, although an old copy of SecretStorage brings its secret back', async () => {
    const shared = installation();
    shared.secrets.values.set(FORMER, 'a');
    const window = openWindow(shared);
    await window.erase();
    expect(shared.secrets.values.has(FORMER)).toBe(false);
    shared.secrets.values.set(FORMER, 'a');
    expect(await openWindow(shared).store.read()).toBeUndefined();
  });
});

describe('the marker of keys', () => {
  it('remembers the last few ids, what was known when the window was loaded among them, and nothing else', () => {
    const state = new MemoryState();
    const id = (number: number): string => String(number).padStart(32, '0');
    const marker = state.loadWindow();
    for (const number of [0, 1, 2, 1, 3, 4, 5, 6, 7, 8]) marker.add(id(number));
    expect(marker.get()).toEqual([2, 1, 3, 4, 5, 6, 7, 8].map(id));
    expect(marker.former).toEqual([]);
    expect(state.loadWindow().former).toEqual(marker.get());
    // One that can't be kept is no failure.
    keyMarkerOf({ get: () => [], update: () => Promise.reject(new Error('the disk is full')) }).add(id(1));
    for (const damaged of ['../../etc', ['../../etc'], [7], { length: 1 }]) {
      expect(keyMarkerOf({ get: () => damaged, update: () => Promise.resolve() }).former).toEqual([]);
    }
  });
});
