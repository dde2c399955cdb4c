/** What users read when something went wrong: the cause, and the next step as a button. */
import { l10n } from 'vscode';

import type { ErrorDetail } from '../../crate/wasm/pkg/godoty_core.js';
import { BACKEND_SETTINGS } from './settings.ts';

/** A next step. The ids are those of `actions.ts`. */
export type ActionId = 'signIn' | 'createAccount' | 'retry' | 'openSettings' | 'pickModel' | 'showUsage' | 'showLog';

export interface Action {
  readonly id: ActionId;
  readonly label: string;
}

export interface Words {
  readonly message: string;
  readonly actions: readonly Action[];
}

const action = (id: ActionId): Action => ({ id, label: labelOf(id) });

function labelOf(id: ActionId): string {
  switch (id) {
    case 'signIn':
      return l10n.t('Sign In');
    case 'createAccount':
      return l10n.t('Create Account');
    case 'retry':
      return l10n.t('Try Again');
    case 'openSettings':
      return l10n.t('Open Settings');
    case 'pickModel':
      return l10n.t('Choose a Model');
    case 'showUsage':
      return l10n.t('Show Usage');
    case 'showLog':
      return l10n.t('Show Log');
  }
}

/** Words for an error of the core. `server` is what a person calls the other side, for example "the account server". */
export function wordsFor(detail: ErrorDetail, server: string): Words {
  const origin = detail.origin ?? server;
  switch (detail.code) {
    case 'NOT_AUTHENTICATED':
      return { message: l10n.t('You are not signed in.'), actions: [action('signIn')] };
    case 'SESSION_EXPIRED':
      return { message: l10n.t('Your session has ended. Sign in again to go on.'), actions: [action('signIn')] };
    case 'INVALID_CREDENTIALS':
      return {
        message: l10n.t('E-mail and password do not match. Check both and try again.'),
        actions: [action('retry')],
      };
    case 'EMAIL_NOT_CONFIRMED':
      return {
        message: l10n.t(
          'This e-mail address is not confirmed yet. Open the link in the e-mail that we sent you, then sign in.',
        ),
        actions: [action('signIn')],
      };
    case 'WEAK_PASSWORD':
      return { message: weakPassword(detail), actions: [action('retry')] };
    case 'ACCOUNT_EXISTS':
      return {
        message: l10n.t('There is an account with this e-mail address already. Sign in instead.'),
        actions: [action('signIn')],
      };
    case 'SIGNUP_DISABLED':
      return {
        message: l10n.t('{0} takes no new accounts. Ask its operator for one.', origin),
        actions: [action('signIn')],
      };
    case 'VALIDATION_FAILED':
      return {
        message: saidBy(l10n.t('The server did not accept this.'), detail),
        actions: [action('retry')],
      };
    case 'NETWORK_ERROR':
      return {
        message: l10n.t(
          'Can’t reach {0}. Check your connection, VPN and proxy settings; a refused certificate looks the same from here.',
          origin,
        ),
        actions: [action('retry'), action('showLog')],
      };
    case 'TIMEOUT':
      return {
        message: l10n.t('{0} did not answer in time. Try again in a moment.', origin),
        actions: [action('retry'), action('showLog')],
      };
    case 'RATE_LIMITED':
      return { message: rateLimited(detail), actions: [action('retry')] };
    case 'QUOTA_EXCEEDED':
      return {
        message: l10n.t('Your budget is used up. Wait until it resets, or ask the operator of your account for more.'),
        actions: [action('showUsage')],
      };
    case 'KEY_REJECTED':
      return {
        message: l10n.t('The model server refused the key of this device. Sign in again to get another.'),
        actions: [action('signIn'), action('showLog')],
      };
    case 'MODEL_NOT_FOUND':
      return {
        message: l10n.t('The server does not know this model. Choose another one.'),
        actions: [action('pickModel')],
      };
    case 'MODEL_NOT_ALLOWED':
      return {
        message: l10n.t('Your account may not use this model. Choose another one.'),
        actions: [action('pickModel')],
      };
    case 'BAD_REQUEST':
      return {
        message: saidBy(l10n.t('The model server refused the request.'), detail),
        actions: [action('showLog')],
      };
    case 'SERVER_ERROR':
      return {
        message: saidBy(
          l10n.t('The server, or the provider behind it, failed. Nothing that you typed is lost.'),
          detail,
        ),
        actions: [action('retry'), action('showLog')],
      };
    case 'UNEXPECTED_RESPONSE':
      return {
        message: l10n.t('{0} does not answer like a Godoty backend. Check the address in the settings.', origin),
        actions: [action('openSettings'), action('showLog')],
      };
    case 'INVALID_CONFIGURATION':
      return { message: invalidConfiguration(detail), actions: [action('openSettings')] };
    case 'ORIGIN_MISMATCH':
      return {
        message: l10n.t(
          'The backend issued the model key for {0}, which is not the server in “{1}”. Godoty sends the key nowhere else: correct the setting.',
          origin,
          BACKEND_SETTINGS.litellmUrl,
        ),
        actions: [action('openSettings')],
      };
    case 'STORE_FAILED':
      return {
        message: l10n.t(
          'VS Code’s secret storage did not work, so the stored session could not be changed. Check that a keyring is available, then try again.',
        ),
        actions: [action('retry'), action('showLog')],
      };
    case 'CANCELLED':
      return { message: l10n.t('Cancelled.'), actions: [] };
    case 'INTERNAL':
      return {
        message: l10n.t('Something went wrong in Godoty itself. The log has the details.'),
        actions: [action('showLog')],
      };
  }
}

function saidBy(message: string, detail: ErrorDetail): string {
  return detail.serverMessage === undefined ? message : l10n.t('{0} It says: {1}', message, detail.serverMessage);
}

function weakPassword(detail: ErrorDetail): string {
  const reasons = (detail.reasons ?? []).map((reason) => {
    switch (reason) {
      case 'length':
        return l10n.t('it is too short');
      case 'characters':
        return l10n.t('it needs more kinds of characters');
      case 'pwned':
        return l10n.t('it is known from a data leak');
      default:
        return reason;
    }
  });
  if (reasons.length === 0) {
    return saidBy(l10n.t('The server finds this password too weak. Choose another one.'), detail);
  }
  return l10n.t('The server finds this password too weak: {0}. Choose another one.', reasons.join(', '));
}

function rateLimited(detail: ErrorDetail): string {
  if (detail.retryAfterMs === undefined) {
    return l10n.t('Too many requests. Wait a little, then try again.');
  }
  return l10n.t('Too many requests. Try again in {0} seconds.', Math.ceil(detail.retryAfterMs / 1000));
}

function invalidConfiguration(detail: ErrorDetail): string {
  const names: Readonly<Record<string, string>> = BACKEND_SETTINGS;
  const settings = (detail.reasons ?? []).map((reason) => `“${names[reason] ?? reason}”`).join(', ');
  return l10n.t(
    'The setting {0} can’t be used. An address has to begin with https://, or with http:// on this machine.',
    settings,
  );
}
