import type { Secrets, StoreTrouble } from '../../../extension/src/auth/sessionStore.ts';
import { keyMarkerOf } from '../../../extension/src/auth/vault/keyMarker.ts';
import type { KeyMarker, VaultFiles, VaultLock } from '../../../extension/src/auth/vault/ports.ts';
import { VaultSessionStore } from '../../../extension/src/auth/vault/vault.ts';
import type { VaultPorts } from '../../../extension/src/auth/vault/vault.ts';
import { EventEmitter } from '../shell/vscode.ts';

export const BACKEND = 'https://example.org';

/** Files in memory. A test may have any access fail. */
export class MemoryFiles implements VaultFiles {
  readonly bytes = new Map<string, Uint8Array>();
  failReading: Error | undefined;
  failWriting: Error | undefined;

  async read(name: string): Promise<Uint8Array | undefined> {
    await Promise.resolve();
    if (this.failReading !== undefined) throw this.failReading;
    return this.bytes.get(name);
  }
  async replace(name: string, bytes: Uint8Array): Promise<void> {
    await Promise.resolve();
    if (this.failWriting !== undefined) throw this.failWriting;
    this.bytes.set(name, bytes);
  }
  remove(name: string): Promise<void> {
    this.bytes.delete(name);
    return Promise.resolve();
  }
  /** The one file that there is. */
  get only(): [name: string, text: string] {
    const [entry, ...more] = this.bytes;
    if (entry === undefined || more.length > 0) throw new Error(`there are ${this.bytes.size} files`);
    return [entry[0], new TextDecoder().decode(entry[1])];
  }
  put(name: string, text: string): void {
    this.bytes.set(name, new TextEncoder().encode(text));
  }
}

export class MemoryLock implements VaultLock {
  readonly #last = new Map<string, Promise<unknown>>();
  /** Whether whoever holds a lock has lost it. */
  lost = false;

  run<T>(name: string, work: (assertHeld: () => Promise<void>) => Promise<T>): Promise<T> {
    const run = (this.#last.get(name) ?? Promise.resolve()).then(() =>
      work(() => (this.lost ? Promise.reject(new Error('lost')) : Promise.resolve())),
    );
    this.#last.set(
      name,
      run.catch(() => undefined),
    );
    return run;
  }
}

/** SecretStorage of a desktop, which all windows share; {@link privateTo} gives one of the web. */
export class MemorySecrets implements Secrets {
  readonly changed = new EventEmitter<{ readonly key: string }>();
  readonly onDidChange = this.changed.event;
  values = new Map<string, string>();
  /** Runs when something is stored: for a storage that fails or forgets. */
  onStore: () => void = () => undefined;

  get(key: string): Promise<string | undefined> {
    return Promise.resolve(this.values.get(key));
  }
  async store(key: string, value: string): Promise<void> {
    await Promise.resolve();
    this.values.set(key, value);
    this.onStore();
    this.changed.fire({ key });
  }
  delete(key: string): Promise<void> {
    this.values.delete(key);
    this.changed.fire({ key });
    return Promise.resolve();
  }
}

/** VS Code's global state, which all windows of a browser or desktop share; each window has a marker over it. */
export class MemoryState {
  #value: unknown;
  loadWindow(): KeyMarker {
    return keyMarkerOf({ get: () => this.#value, update: (_, value) => Promise.resolve(void (this.#value = value)) });
  }
}

/** What a browser keeps, and the windows that each took a copy when they were loaded and write back the whole of it. */
export class Browser {
  kept = new Map<string, string>();
  readonly #state = new MemoryState();

  loadWindow(): { readonly secrets: MemorySecrets; readonly marker: KeyMarker; readonly privateSecrets: true } {
    const secrets = new MemorySecrets();
    secrets.values = new Map(this.kept);
    const writeBack = (): void => {
      this.kept = new Map(secrets.values);
    };
    secrets.onStore = writeBack;
    secrets.changed.event(writeBack);
    return { secrets, marker: this.#state.loadWindow(), privateSecrets: true };
  }
}

export interface Window {
  readonly store: VaultSessionStore;
  readonly troubles: StoreTrouble[];
  /** As the watcher of the files, or the focus. */
  readonly changes: EventEmitter<void>;
  started: boolean;
  put(text: string): Promise<void>;
  erase(): Promise<void>;
}

/** A window on what is shared. */
export function openWindow(shared: Partial<VaultPorts>, backend = BACKEND): Window {
  const changes = new EventEmitter<void>();
  const troubles: StoreTrouble[] = [];
  const window: Window = {
    store: new VaultSessionStore(
      {
        secrets: new MemorySecrets(),
        files: new MemoryFiles(),
        lock: new MemoryLock(),
        marker: new MemoryState().loadWindow(),
        privateSecrets: false,
        now: () => 0,
        ...shared,
        changes: { start: () => void (window.started = true), onDidChange: changes.event },
        onTrouble: (trouble) => troubles.push(trouble),
      },
      backend,
    ),
    troubles,
    changes,
    started: false,
    put: (text) => window.store.update(() => Promise.resolve({ kind: 'replace', text })),
    erase: () => window.store.update(() => Promise.resolve({ kind: 'erase' })),
  };
  return window;
}

/** An error as a disk's. */
export function diskError(code: string): Error {
  return Object.assign(new Error(`${code}: that is how it is`), { code });
}
