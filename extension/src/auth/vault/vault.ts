/**
 * The session store of all windows of an installation: the session lies as ciphertext in a file, its key in SecretStorage.
 *
 * Windows of VS Code for the web have private copies of SecretStorage and write back the whole of it, so what changes often
 * must not lie there. The key is written once; two windows that make one at the same time have a file each, and agree when
 * they are reloaded, because the file is named after the key.
 */
import type { StoreChange } from '../../../../crate/wasm/pkg/godoty_core.js';
import { troubleOf } from '../sessionStore.ts';
import type { Secrets, SessionStore, StoreTrouble } from '../sessionStore.ts';
import { hasSession, open, seal } from './envelope.ts';
import { KEY_SECRET, VaultKeys, toHex } from './key.ts';
import type { VaultKey } from './key.ts';
import type { Changes, KeyMarker, VaultFiles, VaultLock } from './ports.ts';

export interface VaultPorts {
  readonly secrets: Secrets;
  readonly files: VaultFiles;
  readonly lock: VaultLock;
  readonly marker: KeyMarker;
  readonly changes: Changes;
  /** Hears what the user should know, once each. The error is the cause, if there is one. */
  readonly onTrouble: (trouble: StoreTrouble, error: unknown) => void;
}

/** What is stored. */
interface Stored {
  readonly text: string | undefined;
  /** Whether there is anything to erase, readable or not. */
  readonly found: boolean;
  readonly trouble: StoreTrouble | undefined;
}

export class VaultSessionStore implements SessionStore {
  readonly #ports: VaultPorts;
  readonly #keys: VaultKeys;
  readonly #origin: string;
  /** The name of the secret that held the session before there was a vault. */
  readonly #formerSecret: string;
  #place: Promise<string> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  /** What this window has last read or written, as far as a change is to be told from it. */
  #seen: string | undefined;
  /** The files of this backend that this window can't open. */
  #foreign: ReadonlySet<string> | undefined;
  readonly #told = new Set<StoreTrouble>();

  constructor(ports: VaultPorts, backendUrl: string) {
    this.#ports = ports;
    this.#keys = new VaultKeys(ports.secrets);
    // The origin alone, so that a path or a trailing slash makes no second session.
    this.#origin = URL.canParse(backendUrl) ? new URL(backendUrl).origin : backendUrl;
    this.#formerSecret = `godoty.session:${this.#origin}`;
  }

  async read(): Promise<string | undefined> {
    this.#ports.changes.start();
    try {
      const key = await this.#keys.read();
      const { text, trouble } = await this.#load(key);
      this.#foreign = key === undefined ? new Set(await this.#filesOfBackend()) : undefined;
      if (trouble !== undefined) {
        this.#tell(trouble);
      }
      return text;
    } catch (error) {
      this.#tell(troubleOf(error), error);
      return undefined;
    }
  }

  update(change: (current: string | undefined) => Promise<StoreChange>): Promise<void> {
    this.#ports.changes.start();
    const run = this.#last.then(() => this.#update(change));
    // The next update waits for this one, whether it worked or not; the caller hears of a failure.
    this.#last = run.catch(() => undefined);
    return run;
  }

  onDidChange(listener: () => void): { dispose(): void } {
    const check = (): void => {
      // Behind an update of this window, so that its own writing is no news.
      this.#last = this.#last.then(async () => {
        if (await this.#hasChanged()) {
          listener();
        }
      });
    };
    const subscriptions = [
      this.#ports.changes.onDidChange(check),
      this.#ports.secrets.onDidChange(({ key }) => {
        if (key === KEY_SECRET) {
          check();
        }
      }),
    ];
    return {
      dispose: () => {
        for (const subscription of subscriptions) {
          subscription.dispose();
        }
      },
    };
  }

  async #update(change: (current: string | undefined) => Promise<StoreChange>): Promise<void> {
    /** What the change itself throws is its caller's business. */
    const call = { running: false };
    try {
      await this.#ports.lock.run(await this.#placeOf(), async (assertHeld) => {
        const key = await this.#keys.read();
        const { text, found } = await this.#load(key);
        call.running = true;
        const result = await change(text);
        call.running = false;
        if (result.kind === 'replace') {
          await this.#write(key, result.text, assertHeld);
        } else if (result.kind === 'erase' && found) {
          await this.#write(key, undefined, assertHeld);
        }
      });
    } catch (error) {
      if (!call.running) {
        this.#tell(troubleOf(error), error);
      }
      throw error;
    }
  }

  async #write(known: VaultKey | undefined, text: string | undefined, assertHeld: () => Promise<void>): Promise<void> {
    const { files, lock, marker, secrets } = this.#ports;
    // Backends have locks of their own and share the key.
    const key = known ?? (await lock.run('key', () => this.#keys.readOrCreate()));
    const bytes = await seal(key, this.#origin, text);
    await assertHeld();
    await files.replace(await this.#fileOf(key), bytes);
    this.#seen = decode(bytes);
    this.#told.clear();
    if (marker.get() !== key.id) {
      marker.set(key.id);
    }
    // Only now: a session that could not be moved stays where it was. A file that says "signed out" outlives a secret that
    // another window's copy brings back.
    if ((await secrets.get(this.#formerSecret)) !== undefined) {
      await secrets.delete(this.#formerSecret);
    }
  }

  async #load(key: VaultKey | undefined): Promise<Stored> {
    const bytes = key === undefined ? undefined : await this.#ports.files.read(await this.#fileOf(key));
    this.#seen = bytes === undefined ? undefined : decode(bytes);
    if (key === undefined || bytes === undefined) {
      const text = await this.#ports.secrets.get(this.#formerSecret);
      const lost = text === undefined && key === undefined && (await this.#keyIsLost());
      return { text, found: text !== undefined, trouble: lost ? 'keyLost' : undefined };
    }
    const opened = await open(key, this.#origin, bytes);
    switch (opened.kind) {
      case 'text':
        return { text: opened.text, found: true, trouble: undefined };
      case 'empty':
        return { text: undefined, found: false, trouble: undefined };
      case 'unreadable':
      case 'newer':
        return { text: undefined, found: true, trouble: opened.kind };
    }
  }

  /** There is no key. Was there one, and is there a session that needs it? */
  async #keyIsLost(): Promise<boolean> {
    const id = this.#ports.marker.get();
    const bytes = id === undefined ? undefined : await this.#ports.files.read(nameOf(id, await this.#placeOf()));
    return bytes !== undefined && hasSession(bytes);
  }

  async #hasChanged(): Promise<boolean> {
    try {
      const key = await this.#keys.read();
      if (key === undefined) {
        await this.#noticeForeignSession();
        return this.#seen !== undefined;
      }
      const bytes = await this.#ports.files.read(await this.#fileOf(key));
      return (bytes === undefined ? undefined : decode(bytes)) !== this.#seen;
    } catch {
      // Whoever reads then tells the user why that can't be done.
      return true;
    }
  }

  /** Another window has signed in, with a key that this window's copy of SecretStorage lacks. */
  async #noticeForeignSession(): Promise<void> {
    const names = await this.#filesOfBackend();
    const known = this.#foreign;
    this.#foreign = new Set(names);
    if (known !== undefined && names.some((name) => !known.has(name))) {
      this.#tell('elsewhere');
    }
  }

  /** Tells the user once, until writing has worked. */
  #tell(trouble: StoreTrouble, error?: unknown): void {
    if (!this.#told.has(trouble)) {
      this.#told.add(trouble);
      this.#ports.onTrouble(trouble, error);
    }
  }

  async #filesOfBackend(): Promise<string[]> {
    const suffix = nameOf('', await this.#placeOf());
    return (await this.#ports.files.list()).filter((name) => name.endsWith(suffix));
  }

  async #fileOf(key: VaultKey): Promise<string> {
    return nameOf(key.id, await this.#placeOf());
  }

  /** Names the backend in files: not every file system takes an origin's characters. */
  #placeOf(): Promise<string> {
    this.#place ??= crypto.subtle
      .digest('SHA-256', new TextEncoder().encode(this.#origin))
      .then((digest) => toHex(new Uint8Array(digest)));
    return this.#place;
  }
}

function nameOf(keyId: string, place: string): string {
  return `${keyId}.${place}.json`;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
