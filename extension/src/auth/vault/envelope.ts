/**
 * What a vault's file holds: the session as ciphertext, or the note that there is none. It is bound to its key and to the
 * backend's origin, so that a file that was moved or renamed opens for nobody.
 */
import * as v from 'valibot';

import type { VaultKey } from './key.ts';

const VERSION = 1;
/** A session is some kilobytes; what is longer is not one. */
const MAX_BYTES = 1024 * 1024;
const IV_BYTES = 12;

const base64 = v.pipe(v.string(), v.base64());
const Envelope = v.object({
  version: v.number(),
  key: v.string(),
  origin: v.string(),
  /** When it was written, in milliseconds since 1970. */
  at: v.optional(v.number(), 0),
  /** Absent: signed out. */
  sealed: v.optional(v.object({ iv: base64, data: base64 })),
});

export type Opened =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'empty' }
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'newer' };

/** The bytes of a file. Without a text it says that nobody is signed in. */
export async function seal(key: VaultKey, origin: string, text: string | undefined, at: number): Promise<Uint8Array> {
  const envelope: v.InferInput<typeof Envelope> = { version: VERSION, key: key.id, origin, at };
  if (text !== undefined) {
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const data = await crypto.subtle.encrypt(parameters(iv, key, origin), key.cipher, new TextEncoder().encode(text));
    envelope.sealed = { iv: toBase64(iv), data: toBase64(new Uint8Array(data)) };
  }
  return new TextEncoder().encode(`${JSON.stringify(envelope)}\n`);
}

/** Never rejects: whatever lies on a disk is one of the four. */
export async function open(key: VaultKey, origin: string, bytes: Uint8Array): Promise<Opened> {
  try {
    if (bytes.length > MAX_BYTES) {
      return { kind: 'unreadable' };
    }
    const envelope = v.parse(Envelope, JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
    if (envelope.version !== VERSION) {
      return { kind: envelope.version > VERSION ? 'newer' : 'unreadable' };
    }
    if (envelope.key !== key.id || envelope.origin !== origin) {
      return { kind: 'unreadable' };
    }
    if (envelope.sealed === undefined) {
      return { kind: 'empty' };
    }
    const { iv, data } = envelope.sealed;
    const text = await crypto.subtle.decrypt(parameters(fromBase64(iv), key, origin), key.cipher, fromBase64(data));
    return { kind: 'text', text: new TextDecoder('utf-8', { fatal: true }).decode(text) };
  } catch {
    return { kind: 'unreadable' };
  }
}

/** What a file says to those who have no key: whether a session lies in it, and when it was written. */
export function peek(bytes: Uint8Array): { readonly session: boolean; readonly at: number } {
  try {
    const { sealed, at } = v.parse(Envelope, JSON.parse(new TextDecoder().decode(bytes)));
    return { session: sealed !== undefined, at };
  } catch {
    return { session: false, at: 0 };
  }
}

function parameters(iv: Uint8Array<ArrayBuffer>, key: VaultKey, origin: string): AesGcmParams {
  const additionalData = new TextEncoder().encode(JSON.stringify([VERSION, key.id, origin]));
  return { name: 'AES-GCM', iv, additionalData };
}

export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
