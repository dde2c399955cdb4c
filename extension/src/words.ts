/** What users read when something went wrong: the cause, and the next step as a button. */
import { l10n } from 'vscode';

import type { ErrorDetail, NetworkCause } from '../../crate/wasm/pkg/godoty_core.js';
import { BACKEND_SETTINGS } from './settings.ts';

/** A next step. The ids are those of `actions.ts`. */
export type ActionId =
  | 'signIn'
  | 'createAccount'
  | 'resetPassword'
  | 'otherWays'
  | 'retry'
  | 'resend'
  | 'openSettings'
  | 'openProxySettings'
  | 'pickModel'
  | 'showUsage'
  | 'showLog'
  | 'doctor'
  | 'keyring'
  | 'reloadWindow';

export interface Action {
  readonly id: ActionId;
  readonly label: string;
}

export interface Words {
  readonly message: string;
  readonly actions: readonly Action[];
}

export const action = (id: ActionId): Action => ({ id, label: labelOf(id) });

/** Shows words with their next steps as buttons; undefined when the user takes none. */
export async function offerActions(
  show: (message: string, ...labels: string[]) => Thenable<string | undefined>,
  { message, actions }: Words,
): Promise<ActionId | undefined> {
  const picked = await show(message, ...actions.map(({ label }) => label));
  return actions.find(({ label }) => label === picked)?.id;
}

/** VS Code shows `[…](…)` in a notification as a link, which may be a command: strangers' texts must not have any. */
export const unlinked = (text: string): string => text.replaceAll('](', '] (');

function labelOf(id: ActionId): string {
  switch (id) {
    case 'signIn':
      return l10n.t('Sign In');
    case 'createAccount':
      return l10n.t('Create Account');
    case 'resetPassword':
      return l10n.t('Reset Password');
    case 'otherWays':
      return l10n.t('Try Another Way');
    case 'retry':
      return l10n.t('Try Again');
    case 'resend':
      return l10n.t('Send the E-Mail Again');
    case 'openSettings':
      return l10n.t('Open Settings');
    case 'openProxySettings':
      return l10n.t('Open Proxy Settings');
    case 'pickModel':
      return l10n.t('Choose a Model');
    case 'showUsage':
      return l10n.t('Show Usage');
    case 'showLog':
      return l10n.t('Show Log');
    case 'doctor':
      return l10n.t('Run Doctor');
    case 'keyring':
      return l10n.t('How to Get a Keyring');
    case 'reloadWindow':
      return l10n.t('Reload Window');
  }
}

/** Words for an error of the core. */
export function wordsFor(detail: ErrorDetail): Words {
  const say = (message: string, ...actions: readonly ActionId[]): Words => ({ message, actions: actions.map(action) });
  const server = detail.origin ?? serverName(detail);
  switch (detail.code) {
    case 'NOT_AUTHENTICATED':
      return say(l10n.t('You are not signed in.'), 'signIn');
    case 'SESSION_EXPIRED':
      return say(l10n.t('Your session has ended. Sign in again to go on.'), 'signIn');
    case 'INVALID_CREDENTIALS':
      return say(l10n.t('E-mail and password do not match. Check both and try again.'), 'retry', 'resetPassword');
    case 'EMAIL_NOT_CONFIRMED':
      return say(
        l10n.t('This e-mail address is not confirmed yet. Open the link in the e-mail that we sent you, then sign in.'),
        'signIn',
        'resend',
      );
    case 'WEAK_PASSWORD':
      return say(weakPassword(detail), 'retry');
    case 'ACCOUNT_EXISTS':
      return say(l10n.t('There is an account with this e-mail address already. Sign in instead.'), 'signIn');
    case 'SIGNUP_DISABLED':
      return say(l10n.t('{0} takes no new accounts. Ask its operator for one.', server), 'signIn');
    case 'ACCOUNT_UNKNOWN':
      return say(l10n.t('There is no account with this e-mail address yet.'), 'createAccount', 'retry');
    case 'PROVIDER_DISABLED':
      return say(l10n.t('{0} does not offer this way to sign in. Choose another one.', server), 'signIn');
    case 'CODE_REJECTED':
      return say(
        l10n.t('This code is wrong, or too old, or was used before. Type the newest one, or have another sent.'),
        'retry',
      );
    case 'ACCESS_DENIED':
      return say(saidBy(l10n.t('The sign-in was declined. Nothing has changed.'), detail), 'signIn');
    case 'SIGN_IN_EXPIRED':
      return say(l10n.t('This sign-in took longer than five minutes, so it is void. Begin again.'), 'signIn');
    case 'CALLBACK_USED':
      return say(l10n.t('This sign-in is complete already, so its link does nothing more.'), 'signIn');
    case 'CALLBACK_UNKNOWN':
      return say(
        l10n.t('This belongs to no sign-in that waits here, so nothing was done. Begin again if it was yours.'),
        'signIn',
      );
    case 'ACCOUNT_MISMATCH':
      return say(
        l10n.t('The sign-in led to another account than the one it was begun for, so it was refused.'),
        'signIn',
      );
    case 'VALIDATION_FAILED':
      return say(saidBy(l10n.t('The server did not accept this.'), detail), 'retry');
    case 'NETWORK_ERROR':
      return networkWords(detail.network, server, say);
    case 'TIMEOUT':
      return say(l10n.t('{0} did not answer in time. Try again in a moment.', server), 'retry', 'doctor');
    case 'RATE_LIMITED':
      return say(rateLimited(detail), 'retry');
    case 'QUOTA_EXCEEDED':
      return say(
        l10n.t('Your budget is used up. Wait until it resets, or ask the operator of your account for more.'),
        'showUsage',
      );
    case 'KEY_REJECTED':
      return say(
        l10n.t(
          'The model server takes neither the key of this device nor a new one. Try again; if that does not help, sign out and in.',
        ),
        'retry',
        'showLog',
      );
    case 'MODEL_NOT_FOUND':
      return say(l10n.t('The server does not know this model. Choose another one.'), 'pickModel');
    case 'MODEL_NOT_ALLOWED':
      return say(l10n.t('Your account may not use this model. Choose another one.'), 'pickModel');
    case 'BAD_REQUEST':
      return say(saidBy(l10n.t('The model server refused the request.'), detail), 'showLog');
    case 'SERVER_ERROR':
      return say(
        saidBy(l10n.t('The server, or the provider behind it, failed. Nothing that you typed is lost.'), detail),
        'retry',
        'showLog',
      );
    case 'UNEXPECTED_RESPONSE':
      return say(unexpectedResponse(detail, server), 'openSettings', 'showLog');
    case 'INVALID_CONFIGURATION':
      return say(invalidConfiguration(detail), 'openSettings');
    case 'ORIGIN_MISMATCH':
      return say(
        l10n.t(
          'The backend issued the model key for {0}, which is not the server in “{1}”. Godoty sends the key nowhere else: correct the setting.',
          server,
          BACKEND_SETTINGS.litellmUrl,
        ),
        'openSettings',
      );
    case 'STORE_FAILED':
      return say(
        l10n.t(
          'The stored Godoty session could not be read or changed. Check that the disk has room and that a keyring is available, then try again.',
        ),
        'retry',
        'showLog',
      );
    case 'CANCELLED':
      return say(l10n.t('Cancelled.'));
    case 'INTERNAL':
      return detail.retryable
        ? say(
            l10n.t('A defect stopped Godoty, and it was started again. Try once more; the log has the details.'),
            'retry',
            'showLog',
          )
        : say(l10n.t('Something went wrong in Godoty itself. The log has the details.'), 'showLog');
  }
}

function serverName({ server }: ErrorDetail): string {
  switch (server) {
    case 'account':
      return l10n.t('the account server');
    case 'models':
      return l10n.t('the model server');
    default:
      return l10n.t('the server');
  }
}

/** Certificate checks are never offered to be switched off: that would hand every secret to whoever is in between. */
function networkWords(
  cause: NetworkCause | undefined,
  server: string,
  say: (message: string, ...actions: readonly ActionId[]) => Words,
): Words {
  switch (cause) {
    case 'dns':
      return say(
        l10n.t('The address of {0} was not found. Check your connection, and the address in the settings.', server),
        'retry',
        'openSettings',
      );
    case 'offline':
      return say(
        l10n.t('There is no way from this machine to {0}. Check your connection and VPN.', server),
        'retry',
        'doctor',
      );
    case 'refused':
      return say(
        l10n.t('Nothing answers at {0}. Check that the server is running, and the address in the settings.', server),
        'retry',
        'openSettings',
      );
    case 'lost':
      return say(l10n.t('The connection to {0} broke off before the answer was complete.', server), 'retry', 'doctor');
    case 'tls':
      return say(
        l10n.t(
          'The connection to {0} is not secure, so nothing was sent: its certificate is not trusted on this machine. A proxy that inspects traffic needs its certificate installed here; a wrong clock has the same effect.',
          server,
        ),
        'retry',
        'doctor',
      );
    case 'proxy':
      return say(
        l10n.t('The proxy of this machine did not let Godoty through to {0}. Check “{1}”.', server, 'http.proxy'),
        'openProxySettings',
        'retry',
        'doctor',
      );
    case 'redirect':
      return say(
        l10n.t('{0} sends its callers to another address. Put the final address into the settings.', server),
        'openSettings',
        'showLog',
      );
    case 'other':
    case undefined:
      return say(
        l10n.t(
          'Can’t reach {0}. Check your connection, VPN and proxy settings; a refused certificate looks the same from here.',
          server,
        ),
        'retry',
        'doctor',
      );
  }
}

function unexpectedResponse({ server: which }: ErrorDetail, server: string): string {
  switch (which) {
    case 'account':
      return l10n.t('{0} does not answer like Supabase. Check “{1}”.', server, BACKEND_SETTINGS.supabaseUrl);
    case 'models':
      return l10n.t('{0} does not answer like LiteLLM. Check “{1}”.', server, BACKEND_SETTINGS.litellmUrl);
    default:
      return l10n.t('{0} does not answer like a Godoty backend. Check the address in the settings.', server);
  }
}

function saidBy(message: string, detail: ErrorDetail): string {
  return detail.serverMessage === undefined
    ? message
    : l10n.t('{0} It says: {1}', message, unlinked(detail.serverMessage));
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
      case 'same_password':
        return l10n.t('it is the old one');
      default:
        return unlinked(reason);
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
  return l10n.t('Too many requests. Try again in {0} s.', Math.ceil(detail.retryAfterMs / 1000));
}

function invalidConfiguration({ reasons = [], status }: ErrorDetail): string {
  const names: Readonly<Record<string, string>> = BACKEND_SETTINGS;
  const settings = reasons.flatMap((reason) => (names[reason] === undefined ? [] : [`“${names[reason]}”`])).join(', ');
  if (reasons.includes('plainHttp')) {
    return l10n.t(
      '{0} begins with http://, which is taken for servers on this machine only: on its way, a password could be read. Use an address with https://.',
      settings,
    );
  }
  if (reasons.includes('supabaseKey')) {
    return status === undefined
      ? l10n.t('{0} holds no usable key. Copy the publishable key of your backend.', settings)
      : l10n.t('The server does not know the key in {0}. Copy the publishable key of your backend.', settings);
  }
  return l10n.t(
    'The setting {0} can’t be used. An address has to begin with https://, or with http:// on this machine.',
    settings,
  );
}
