/** One run of the sign-in flow: what was chosen and typed, and what it asks the core for. */
import { l10n } from 'vscode';

import type { Account, SignInRequest, SignInWay } from '../../../crate/wasm/pkg/godoty_core.js';
import type { Pending } from './pending.ts';

/** What is typed lives only as long as this. */
export interface Run {
  readonly signal: AbortSignal;
  readonly abort: () => void;
  /** The one user who may come back from a provider, if it has to be a certain one. */
  readonly userId: string | undefined;
  way: SignInWay;
  password: string;
  /** Whether a code may make an account: only once the server said that there is none. */
  createUser: boolean;
  /** Whether the browser is to come back to a port, because it did not find another way. */
  byPort: boolean;
  pending: Pending | undefined;
  /** Who was signed in by a code, and now chooses a password. */
  account: Account | undefined;
}

export function newRun(userId?: string): Run {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    abort: () => controller.abort(),
    userId,
    way: { way: 'password', returns: [] },
    password: '',
    createUser: false,
    byPort: false,
    pending: undefined,
    account: undefined,
  };
}

/** What the core is asked to begin. */
export function requestOf(
  { way: { way }, password, createUser, userId }: Run,
  email: string,
  to: string,
): SignInRequest {
  switch (way) {
    case 'github':
    case 'google':
      return { way, redirectTo: to, ...(userId === undefined ? {} : { userId }) };
    case 'emailCode':
      return { way, email, redirectTo: to, createUser };
    case 'password':
      return { way, email, password };
    case 'createAccount':
      return { way, email, password, redirectTo: to };
    case 'resetPassword':
      return { way, email, redirectTo: to };
  }
}

/** What the progress says meanwhile. */
export function titleOfCall({ way: { way } }: Run): string {
  switch (way) {
    case 'emailCode':
    case 'resetPassword':
      return l10n.t('Sending the e-mail…');
    case 'createAccount':
      return l10n.t('Creating your Godoty account…');
    default:
      return l10n.t('Signing in to Godoty…');
  }
}
