/** The vault's key: the one thing that lies in SecretStorage. It is written once and never replaced while it can be read. */
import type { Secrets } from '../sessionStore.ts';
import { StoreTroubleError } from '../sessionStore.ts';
import { fromBase64, toBase64 } from './envelope.ts';

export const KEY_SECRET = 'godoty.vault.key';
const FORM = /^1:([A-Za-z\d+/]{43}=)$/u;
const KEY_BYTES = 32;

export interface VaultKey {
  /** Names the key's files, and says nothing of the key. */
  readonly id: string;
  readonly cipher: CryptoKey;
}

export class VaultKeys {
  readonly #secrets: Secrets;
  /** The last stored value, and what it became. */
  #known: { readonly value: string; readonly key: Promise<VaultKey> } | undefined;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  /** The key that is stored, if there is one that can be used. */
  async read(): Promise<VaultKey | undefined> {
    let value: string | undefined;
    try {
      value = await this.#secrets.get(KEY_SECRET);
    } catch (error) {
      throw new StoreTroubleError('secretStorage', { cause: error });
    }
    const encoded = value === undefined ? undefined : FORM.exec(value)?.[1];
    if (value === undefined || encoded === undefined) {
      return undefined;
    }
    if (this.#known?.value !== value) {
      this.#known = { value, key: toKey(fromBase64(encoded)) };
    }
    return await this.#known.key;
  }

  /**
   * Makes the key, or takes the one that is there meanwhile. To be called while no other window does the same. What counts is
   * what SecretStorage gives back, so that a storage that loses things is found out at once.
   */
  async readOrCreate(): Promise<VaultKey> {
    const existing = await this.read();
    if (existing !== undefined) {
      return existing;
    }
    const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    try {
      await this.#secrets.store(KEY_SECRET, `1:${toBase64(bytes)}`);
    } catch (error) {
      throw new StoreTroubleError('secretStorage', { cause: error });
    }
    const stored = await this.read();
    if (stored === undefined) {
      throw new StoreTroubleError('secretStorage');
    }
    return stored;
  }

  /** Stores the key that was last read once more, so that the browser keeps this one. A failure changes nothing. */
  async storeAgain(): Promise<void> {
    if (this.#known !== undefined) {
      await Promise.resolve(this.#secrets.store(KEY_SECRET, this.#known.value)).catch(() => undefined);
    }
  }
}

async function toKey(bytes: Uint8Array<ArrayBuffer>): Promise<VaultKey> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const cipher = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
  return { id: toHex(digest), cipher };
}

/** The first 128 bits, in hexadecimal digits. */
export function toHex(digest: Uint8Array): string {
  return Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
