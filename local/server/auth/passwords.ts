import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

import { AuthError } from './errors.ts';

/** bcrypt's limit, which the real server has and says. */
const MAX_BYTES = 72;
const COST = { N: 16_384, r: 8, p: 1 };
const HASH_BYTES = 32;

/** Throws an AuthError when the password is not good enough for a new one. */
export function checkNewPassword(password: string, minimumLength: number): void {
  if (Buffer.byteLength(password) > MAX_BYTES) {
    throw new AuthError(400, 'validation_failed', `Password cannot be longer than ${MAX_BYTES} characters`);
  }
  if (Array.from(password).length < minimumLength) {
    throw new AuthError(422, 'weak_password', `Password should be at least ${minimumLength} characters.`, {
      weak_password: { reasons: ['length'] },
    });
  }
}

/** scrypt with a salt of its own: "scrypt$<salt>$<hash>". */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt);
  return `scrypt$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

/** True when the password is the stored one's. Without a stored one it takes as long and says no. */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const [, salt = 'none', expected = ''] = (stored ?? '').split('$');
  const hash = await derive(password, Buffer.from(salt, 'base64url'));
  const wanted = Buffer.from(expected, 'base64url');
  return wanted.length === hash.length && timingSafeEqual(wanted, hash);
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, COST, (error, key) => {
      if (error === null) {
        resolve(key);
      } else {
        reject(error);
      }
    });
  });
}
