/**
 * The session store of all windows of an installation: the session lies as ciphertext in a file, its key in SecretStorage.
 *
 * Windows of VS Code for the web have private copies of SecretStorage and write back the whole of it, so what changes often
 * must not lie there. The key is written once; two windows that make one at the same time have a file each, and agree when
 * they are reloaded, because the file is named after the key.
 */
import type { StoreChange } from '../../../../crate/wasm/pkg/godoty_core.js';
import { StoreTroubleError, troubleOf } from '../sessionStore.ts';
import type { Secrets, SessionStore, StoreTrouble } from '../sessionStore.ts';
import { open, peek, seal } from './envelope.ts';
import { KEY_SECRET, VaultKeys, toHex } from './key.ts';
import type { VaultKey } from './key.ts';
import type { Changes, KeyMarker, VaultFiles, VaultLock } from './ports.ts';

/** A file whose key is lost is removed when nobody has written it for so long, in milliseconds: 30 days. */
const FORGOTTEN_AFTER_MS = 30 * 86_400_000;

export interface VaultPorts {
  readonly secrets: Secrets;
  readonly files: VaultFiles;
  readonly lock: VaultLock;
  readonly marker: KeyMarker;
  readonly changes: Changes;
  /**
   * Whether windows have private copies of SecretStorage. Then the first one makes the key before there is anything to store,
   * so that whoever is opened after it shares the session without a reload. Elsewhere it waits for a session: making it may
   * have the system ask for a password.
   */
  readonly privateSecrets: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Hears what the user should know, once each. The error is the cause, if there is one. */
  readonly onTrouble: (trouble: StoreTrouble, error: unknown) => void;
}

/** What is stored. */
interface Stored {
  readonly text: string | undefined;
  /** Whether there is anything to erase, readable or not. */
  readonly found: boolean;
  /** The file as it is. */
  readonly sealed: string | undefined;
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
  /** The keys that this window has seen, oldest first. */
  readonly #met: Set<string>;
  /** The keys under which a session lay when this window was loaded, and which it did not have: they are lost. */
  #lost: ReadonlySet<string> | undefined;
  readonly #told = new Set<StoreTrouble>();

  constructor(ports: VaultPorts, backendUrl: string) {
    this.#ports = ports;
    this.#keys = new VaultKeys(ports.secrets);
    this.#met = new Set(ports.marker.former);
    // The origin alone, so that a path or a trailing slash makes no second session.
    this.#origin = URL.canParse(backendUrl) ? new URL(backendUrl).origin : backendUrl;
    this.#formerSecret = `godoty.session:${this.#origin}`;
  }

  async read(): Promise<string | undefined> {
    this.#ports.changes.start();
    try {
      const key = (await this.#keys.read()) ?? (await this.#makeKeyAhead());
      const { text, trouble } = await this.#load(key);
      this.#lost ??= new Set(await this.#withSession(this.#ports.marker.former, key));
      if (trouble !== undefined) {
        this.#tell(trouble);
      }
      return text;
    } catch (error) {
      // It says nothing of what is stored: who is signed in stays so.
      this.#tell(troubleOf(error), error);
      throw error;
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
    /** What the change itself throws, and that another window has written, is the caller's business: it looks once more. */
    const call = { running: false };
    try {
      await this.#ports.lock.run(await this.#placeOf(), async (isHeld) => {
        const assertHeld = async (): Promise<void> => {
          call.running = true;
          await isHeld();
          // Whatever the lock says: what another window wrote meanwhile stays.
          if (decode(await this.#bytesUnder(key)) !== sealed) {
            throw new StoreTroubleError('busy');
          }
          call.running = false;
        };
        const key = await this.#keys.read();
        const { text, found, sealed } = await this.#load(key);
        call.running = true;
        const result = await change(text);
        call.running = false;
        if (result.kind === 'replace') {
          await this.#write(key, result.text, assertHeld);
          await this.#insist(key, text);
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
    const { files, marker, now, secrets } = this.#ports;
    const key = known ?? (await this.#makeKey());
    if (!marker.get().includes(key.id)) {
      // Before the file is there: whoever hears of the file is to know whose it is.
      marker.add(key.id);
    }
    const bytes = await seal(key, this.#origin, text, now());
    await assertHeld();
    await files.replace(await this.#fileOf(key), bytes);
    this.#seen = decode(bytes);
    this.#told.clear();
    // Only now: a session that could not be moved stays where it was. A file that says "signed out" outlives a secret that
    // another window's copy brings back.
    if ((await secrets.get(this.#formerSecret)) !== undefined) {
      await secrets.delete(this.#formerSecret);
    }
    // What stays can be opened by nobody, and is looked for again.
    await this.#clear(key).catch(() => undefined);
  }

  /** Backends have locks of their own and share the key. */
  async #makeKey(): Promise<VaultKey> {
    const { lock } = this.#ports;
    const key = await lock.run('key', () => this.#keys.readOrCreate());
    // There was a key before, and SecretStorage had it no more.
    if (this.#met.size > 0 && !this.#met.has(key.id) && !this.#told.has('keyLost')) {
      this.#tell('keyForgotten');
    }
    this.#met.add(key.id);
    return key;
  }

  /** The key of a browser's first window. Another window that makes one at this moment goes on with its own. */
  async #makeKeyAhead(): Promise<VaultKey | undefined> {
    const { marker, privateSecrets } = this.#ports;
    if (!privateSecrets || marker.get().length > 0) {
      return undefined;
    }
    try {
      const key = await this.#makeKey();
      marker.add(key.id);
      return key;
    } catch {
      // Whoever has a session to store tells the user.
      return undefined;
    }
  }

  /** Where several windows have made a key, the browser is to keep the one under which somebody signs in. */
  async #insist(key: VaultKey | undefined, before: string | undefined): Promise<void> {
    const { marker, privateSecrets } = this.#ports;
    if (privateSecrets && key !== undefined && before === undefined && marker.get().at(-1) !== key.id) {
      marker.add(key.id);
      await this.#keys.storeAgain();
    }
  }

  /** Removes what lies under keys that are lost, once it is old: until then a window that is still open may have the key. */
  async #clear(key: VaultKey): Promise<void> {
    const { files, now } = this.#ports;
    for (const name of await this.#otherFiles(key)) {
      const bytes = await files.read(name);
      if (bytes !== undefined && now() - peek(bytes).at > FORGOTTEN_AFTER_MS) {
        await files.remove(name);
      }
    }
  }

  async #load(key: VaultKey | undefined): Promise<Stored> {
    if (key !== undefined) {
      this.#met.add(key.id);
    }
    const bytes = await this.#bytesUnder(key);
    const sealed = decode(bytes);
    this.#seen = sealed;
    if (key === undefined || bytes === undefined) {
      const text = await this.#ports.secrets.get(this.#formerSecret);
      const lost = text === undefined && (await this.#isLost(key));
      return { text, found: text !== undefined, sealed, trouble: lost ? 'keyLost' : undefined };
    }
    const opened = await open(key, this.#origin, bytes);
    switch (opened.kind) {
      case 'text':
        return { text: opened.text, found: true, sealed, trouble: undefined };
      case 'empty':
        return { text: undefined, found: false, sealed, trouble: undefined };
      case 'unreadable':
      case 'newer':
        return { text: undefined, found: true, sealed, trouble: opened.kind };
    }
  }

  /** Nothing lies under the present key. Does a session lie under an earlier one? */
  async #isLost(key: VaultKey | undefined): Promise<boolean> {
    for (const name of await this.#otherFiles(key)) {
      const bytes = await this.#ports.files.read(name);
      if (bytes !== undefined) {
        return peek(bytes).session;
      }
    }
    return false;
  }

  async #hasChanged(): Promise<boolean> {
    try {
      const key = await this.#keys.read();
      const bytes = await this.#bytesUnder(key);
      if (bytes === undefined && (await this.#isElsewhere(key))) {
        this.#tell('elsewhere');
      }
      return decode(bytes) !== this.#seen;
    } catch {
      // Whoever reads then tells the user why that can't be done.
      return true;
    }
  }

  /** Whether another window has signed in with a key that this window's copy of SecretStorage lacks. */
  async #isElsewhere(key: VaultKey | undefined): Promise<boolean> {
    const ids = this.#ports.marker.get().filter((id) => this.#lost?.has(id) !== true);
    return (await this.#withSession(ids, key)).length > 0;
  }

  /** Those of the keys, but for this one, under which a session lies. */
  async #withSession(ids: readonly string[], key: VaultKey | undefined): Promise<string[]> {
    const found: string[] = [];
    for (const id of ids.filter((other) => other !== key?.id)) {
      const bytes = await this.#ports.files.read(nameOf(id, await this.#placeOf()));
      if (bytes !== undefined && peek(bytes).session) {
        found.push(id);
      }
    }
    return found;
  }

  /** Tells the user once, until writing has worked. */
  #tell(trouble: StoreTrouble, error?: unknown): void {
    if (!this.#told.has(trouble)) {
      this.#told.add(trouble);
      this.#ports.onTrouble(trouble, error);
    }
  }

  /** The names of what may lie under other keys than this one, the newest key's first. */
  async #otherFiles(key: VaultKey | undefined): Promise<string[]> {
    const place = await this.#placeOf();
    return [...this.#met]
      .filter((id) => id !== key?.id)
      .reverse()
      .map((id) => nameOf(id, place));
  }

  async #bytesUnder(key: VaultKey | undefined): Promise<Uint8Array | undefined> {
    return key === undefined ? undefined : await this.#ports.files.read(await this.#fileOf(key));
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

function decode(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes);
}
