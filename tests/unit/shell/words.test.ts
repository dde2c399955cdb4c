/** Every error has words: a cause, and a next step. */
import { describe, expect, it } from 'vitest';

import type { ErrorCode, ErrorDetail, NetworkCause } from '../../../crate/wasm/pkg/godoty_core.js';
import { unlinked, wordsFor } from '../../../extension/src/words.ts';

const SERVER_TEXT = 'Text of a [server](command:workbench.action.quit)';

/** Whether the server's own words belong into the message, and the first next step. */
const CODES: Readonly<Record<ErrorCode, { readonly quotes: boolean; readonly first: string | null }>> = {
  NOT_AUTHENTICATED: { quotes: false, first: 'signIn' },
  SESSION_EXPIRED: { quotes: false, first: 'signIn' },
  INVALID_CREDENTIALS: { quotes: false, first: 'retry' },
  EMAIL_NOT_CONFIRMED: { quotes: false, first: 'signIn' },
  WEAK_PASSWORD: { quotes: true, first: 'retry' },
  ACCOUNT_EXISTS: { quotes: false, first: 'signIn' },
  SIGNUP_DISABLED: { quotes: false, first: 'signIn' },
  ACCOUNT_UNKNOWN: { quotes: false, first: 'createAccount' },
  PROVIDER_DISABLED: { quotes: false, first: 'signIn' },
  CODE_REJECTED: { quotes: false, first: 'retry' },
  ACCESS_DENIED: { quotes: true, first: 'signIn' },
  SIGN_IN_EXPIRED: { quotes: false, first: 'signIn' },
  CALLBACK_USED: { quotes: false, first: 'signIn' },
  CALLBACK_UNKNOWN: { quotes: false, first: 'signIn' },
  ACCOUNT_MISMATCH: { quotes: false, first: 'signIn' },
  VALIDATION_FAILED: { quotes: true, first: 'retry' },
  NETWORK_ERROR: { quotes: false, first: 'retry' },
  TIMEOUT: { quotes: false, first: 'retry' },
  RATE_LIMITED: { quotes: false, first: 'retry' },
  QUOTA_EXCEEDED: { quotes: false, first: 'showUsage' },
  KEY_REJECTED: { quotes: false, first: 'retry' },
  MODEL_NOT_FOUND: { quotes: false, first: 'pickModel' },
  MODEL_NOT_ALLOWED: { quotes: false, first: 'pickModel' },
  BAD_REQUEST: { quotes: true, first: 'showLog' },
  SERVER_ERROR: { quotes: true, first: 'retry' },
  UNEXPECTED_RESPONSE: { quotes: false, first: 'openSettings' },
  INVALID_CONFIGURATION: { quotes: false, first: 'openSettings' },
  ORIGIN_MISMATCH: { quotes: false, first: 'openSettings' },
  STORE_FAILED: { quotes: false, first: 'retry' },
  CANCELLED: { quotes: false, first: null },
  INTERNAL: { quotes: false, first: 'showLog' },
};

const CAUSES: Readonly<Record<NetworkCause, RegExp>> = {
  dns: /was not found/,
  offline: /no way from this machine/,
  refused: /Nothing answers/,
  lost: /broke off/,
  tls: /certificate is not trusted/,
  proxy: /proxy of this machine/,
  redirect: /another address/,
  other: /Can’t reach/,
};

const detail = (code: ErrorCode, more: Partial<ErrorDetail> = {}): ErrorDetail => ({ code, retryable: false, ...more });

describe('words', () => {
  it('for a defect say whether Godoty goes on', () => {
    const { message, actions } = wordsFor(detail('INTERNAL', { retryable: true }));
    expect(message).toMatch(/started again\. Try once more/);
    expect(actions.map(({ id }) => id)).toEqual(['retry', 'showLog']);
  });

  it.each(Object.entries(CODES))('for %s name a cause and a next step', (name, { quotes, first }) => {
    const code = name as ErrorCode;
    for (const more of [{}, { serverMessage: SERVER_TEXT, origin: 'https://example.org', status: 500 }]) {
      const { message, actions } = wordsFor(detail(code, more));
      expect(message).toMatch(/^\S.{5,}[.?]$|It says: /u);
      expect(message).not.toMatch(/\{\d\}|undefined|HTTP|[A-Z]+_[A-Z]+/u);
      expect(actions[0]?.id ?? null).toBe(first);
      expect(new Set(actions.map(({ label }) => label)).size).toBe(actions.length);
    }
    const { message } = wordsFor(detail(code, { serverMessage: SERVER_TEXT }));
    expect(message.includes('Text of a [server]')).toBe(quotes);
    expect(message).not.toContain('](');
  });

  it.each(Object.entries(CAUSES))('tell the network failure %s', (cause, text) => {
    const origin = 'https://example.org';
    const { message, actions } = wordsFor(detail('NETWORK_ERROR', { network: cause as NetworkCause, origin }));
    expect(message).toMatch(text);
    expect(message).toContain(origin);
    expect(actions.length).toBeGreaterThan(0);
    // Nobody is led to switch the checks off.
    expect(message).not.toMatch(/strictSSL|ignore|disable|switch off/iu);
  });

  it.each([
    ['account', 'Supabase', 'godoty.backend.supabaseUrl'],
    ['models', 'LiteLLM', 'godoty.backend.litellmUrl'],
  ] as const)('tell that the %s server is not %s, and which setting says where it is', (server, product, setting) => {
    const { message } = wordsFor(detail('UNEXPECTED_RESPONSE', { server, origin: 'https://example.org' }));
    expect(message).toContain(product);
    expect(message).toContain(setting);
  });

  it.each([
    [['supabaseUrl', 'plainHttp'], undefined, /supabaseUrl” begins with http:.*this machine only/u],
    [['litellmUrl'], undefined, /litellmUrl” can’t be used/u],
    [['supabaseKey'], undefined, /supabaseKey” holds no usable key/u],
    [['supabaseKey'], 401, /does not know the key in “godoty.backend.supabaseKey”/u],
  ])('tell what is wrong with the setting %j', (reasons, status, text) => {
    const more = status === undefined ? { reasons } : { reasons, status };
    expect(wordsFor(detail('INVALID_CONFIGURATION', more)).message).toMatch(text);
  });

  it('give the reasons why a password is too weak, and the server’s words when it names none', () => {
    const message = (more: Partial<ErrorDetail>): string => wordsFor(detail('WEAK_PASSWORD', more)).message;
    expect(message({ reasons: ['length', 'characters', 'pwned'], serverMessage: 'x' })).toBe(
      'The server finds this password too weak: it is too short, it needs more kinds of characters, it is known from a data leak. Choose another one.',
    );
    expect(message({ reasons: ['[new](command:x)'] })).toContain('[new] (command:x)');
    expect(message({ serverMessage: 'At least 12 characters.' })).toContain('At least 12 characters.');
  });

  it('do not blame the keyring alone where the disk may have failed', () => {
    expect(wordsFor(detail('STORE_FAILED')).message).toMatch(/the disk .* a keyring/u);
  });

  it('say when to come back', () => {
    expect(wordsFor(detail('RATE_LIMITED', { retryAfterMs: 6_100 })).message).toContain('in 7 s');
    expect(wordsFor(detail('RATE_LIMITED')).message).not.toMatch(/\d/u);
  });

  it('make no link out of a stranger’s text', () => {
    expect(unlinked('[a](b)[c](d)')).toBe('[a] (b)[c] (d)');
  });
});
