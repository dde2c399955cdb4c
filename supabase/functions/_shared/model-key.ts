import { sha256 } from './sha256.ts';

/** A virtual key of LiteLLM, and what may be kept of it. */
export interface ModelKey {
  readonly key: string;
  /** SHA-256 of the key in hex: what the database keeps, and what LiteLLM calls the token. */
  readonly hash: string;
  /** For people to tell keys apart: the last four characters. */
  readonly preview: string;
}

/** Makes a key from 256 random bits. */
export async function newModelKey(): Promise<ModelKey> {
  const key = `sk-${base64url(crypto.getRandomValues(new Uint8Array(32)))}`;
  return { key, hash: await sha256(key), preview: `sk-…${key.slice(-4)}` };
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
