import { describe, expect, it, vi } from 'vitest';

import { SecretSessionStore } from '../../../extension/src/auth/sessionStore.ts';
import { EventEmitter } from './vscode.ts';

const KEY = 'godoty.session:https://example.org';

function secrets() {
  const changed = new EventEmitter<{ readonly key: string }>();
  const values = new Map<string, string>();
  return {
    values,
    changed,
    get: (key: string) => Promise.resolve(values.get(key)),
    store: vi.fn((key: string, value: string) => {
      values.set(key, value);
      return Promise.resolve();
    }),
    delete: vi.fn((key: string) => {
      values.delete(key);
      return Promise.resolve();
    }),
    onDidChange: changed.event,
  };
}

describe('the session store', () => {
  it('keeps one text per origin: neither a path nor a slash makes another', async () => {
    const vault = secrets();
    await new SecretSessionStore(vault, 'https://example.org/').update(() =>
      Promise.resolve({ kind: 'replace', text: 'a' }),
    );
    expect([...vault.values]).toEqual([[KEY, 'a']]);
    expect(await new SecretSessionStore(vault, 'https://Example.org/base').read()).toBe('a');
    expect(await new SecretSessionStore(vault, 'https://example.org:8443').read()).toBeUndefined();
    expect(await new SecretSessionStore(vault, 'no address').read()).toBeUndefined();
  });

  it('runs updates one after another, each on what the one before it left', async () => {
    const store = new SecretSessionStore(secrets(), 'https://example.org');
    const seen: (string | undefined)[] = [];
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const first = store.update(async (current) => {
      seen.push(current);
      await gate;
      return { kind: 'replace', text: 'one' };
    });
    const second = store.update((current) => {
      seen.push(current);
      return Promise.resolve({ kind: 'replace', text: 'two' });
    });
    const third = store.update((current) => {
      seen.push(current);
      return Promise.resolve({ kind: 'erase' });
    });
    open();
    await Promise.all([first, second, third]);
    expect(seen).toEqual([undefined, 'one', 'two']);
    expect(await store.read()).toBeUndefined();
  });

  it('writes nothing when there is nothing to change', async () => {
    const vault = secrets();
    await new SecretSessionStore(vault, 'https://example.org').update(() => Promise.resolve({ kind: 'keep' }));
    expect(vault.store).not.toHaveBeenCalled();
    expect(vault.delete).not.toHaveBeenCalled();
  });

  it('hands a failure of the storage to its caller, and works again after it', async () => {
    const vault = secrets();
    const store = new SecretSessionStore(vault, 'https://example.org');
    vault.store.mockRejectedValueOnce(new Error('no keyring'));
    await expect(store.update(() => Promise.resolve({ kind: 'replace', text: 'a' }))).rejects.toThrow('no keyring');
    await expect(store.update(() => Promise.reject(new Error('the core failed')))).rejects.toThrow('the core failed');
    await store.update(() => Promise.resolve({ kind: 'replace', text: 'b' }));
    expect(await store.read()).toBe('b');
  });

  it('hears of its own key only, until it is told to stop', () => {
    const vault = secrets();
    const listener = vi.fn();
    const subscription = new SecretSessionStore(vault, 'https://example.org').onDidChange(listener);
    vault.changed.fire({ key: 'godoty.session:https://example.com' });
    vault.changed.fire({ key: 'another extension’s' });
    expect(listener).not.toHaveBeenCalled();
    vault.changed.fire({ key: KEY });
    expect(listener).toHaveBeenCalledOnce();
    subscription.dispose();
    vault.changed.fire({ key: KEY });
    expect(listener).toHaveBeenCalledOnce();
  });
});
