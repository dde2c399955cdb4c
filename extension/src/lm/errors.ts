/**
 * What went wrong, as the one kind of error that VS Code passes on from a model to whoever asked it. It has no buttons:
 * the next step is a part of the message.
 */
import { LanguageModelError, l10n } from 'vscode';

import type { ErrorDetail } from '../../../crate/wasm/pkg/godoty_core.js';
import type { ActionId } from '../words.ts';
import { wordsFor } from '../words.ts';
import { MAX_IMAGE_BYTES, MAX_IMAGES_BYTES } from './messages.ts';
import type { ImageFault } from './messages.ts';

export function toModelError(detail: ErrorDetail): LanguageModelError {
  const { message, actions } = wordsFor(detail);
  const steps = actions.map(({ id }) => stepOf(id)).filter((step) => step !== '');
  const text = [message, ...steps].join(' ');
  switch (detail.code) {
    case 'MODEL_NOT_FOUND':
      return LanguageModelError.NotFound(text);
    case 'NOT_AUTHENTICATED':
    case 'SESSION_EXPIRED':
    case 'KEY_REJECTED':
    case 'MODEL_NOT_ALLOWED':
      return LanguageModelError.NoPermissions(text);
    case 'QUOTA_EXCEEDED':
    case 'RATE_LIMITED':
      return LanguageModelError.Blocked(text);
    case 'INVALID_CREDENTIALS':
    case 'EMAIL_NOT_CONFIRMED':
    case 'WEAK_PASSWORD':
    case 'ACCOUNT_EXISTS':
    case 'SIGNUP_DISABLED':
    case 'ACCOUNT_UNKNOWN':
    case 'PROVIDER_DISABLED':
    case 'CODE_REJECTED':
    case 'ACCESS_DENIED':
    case 'SIGN_IN_EXPIRED':
    case 'CALLBACK_USED':
    case 'CALLBACK_UNKNOWN':
    case 'ACCOUNT_MISMATCH':
    case 'VALIDATION_FAILED':
    case 'NETWORK_ERROR':
    case 'TIMEOUT':
    case 'BAD_REQUEST':
    case 'SERVER_ERROR':
    case 'UNEXPECTED_RESPONSE':
    case 'INVALID_CONFIGURATION':
    case 'ORIGIN_MISMATCH':
    case 'STORE_FAILED':
    case 'CANCELLED':
    case 'INTERNAL':
      return new LanguageModelError(text);
  }
}

/** What a button would do, for somebody who has none. Empty where the message says it already. */
function stepOf(id: ActionId): string {
  switch (id) {
    case 'signIn':
    case 'createAccount':
    case 'resetPassword':
    case 'otherWays':
      return l10n.t('Run the command “Godoty: Sign In”.');
    case 'openSettings':
      return l10n.t('Look at the settings under “godoty.backend”.');
    case 'openProxySettings':
      return l10n.t('Look at the settings under “http.proxy”.');
    case 'showUsage':
      return l10n.t('The command “Godoty: Show Usage” lists what was spent.');
    case 'showLog':
      return l10n.t('The command “Godoty: Show Log” has the details.');
    case 'doctor':
      return l10n.t('The command “Godoty: Doctor” finds out what is wrong.');
    case 'pickModel':
    case 'retry':
    case 'resend':
    case 'keyring':
    case 'reloadWindow':
      return '';
  }
}

/** The connection ended in the middle of an answer. */
export function truncatedError(): LanguageModelError {
  return new LanguageModelError(
    l10n.t('The answer is incomplete: the connection ended in the middle of it. Ask again to get the whole.'),
  );
}

export function filteredError(): LanguageModelError {
  return LanguageModelError.Blocked(
    l10n.t('The provider’s content filter ended this answer. Put the request in other words.'),
  );
}

export function malformedArgumentsError(tool: string): LanguageModelError {
  return new LanguageModelError(
    l10n.t(
      'The model called the tool “{0}” with arguments that can’t be read. Ask again, or choose another model.',
      tool,
    ),
  );
}

export function emptyRequestError(): LanguageModelError {
  return new LanguageModelError(l10n.t('There is nothing to send: the request holds no text. Write a message.'));
}

export function imageError(fault: ImageFault): LanguageModelError {
  return new LanguageModelError(imageWords(fault));
}

function imageWords(fault: ImageFault): string {
  const megabytes = (bytes: number): number => bytes / (1024 * 1024);
  switch (fault.kind) {
    case 'type':
      return l10n.t('Images of the type {0} can’t be sent. Use PNG, JPEG, GIF or WebP.', fault.mimeType);
    case 'tooLarge':
      return l10n.t('An image is larger than {0} MB. Make it smaller and attach it again.', megabytes(MAX_IMAGE_BYTES));
    case 'tooMany':
      return l10n.t(
        'The images of this conversation are larger than {0} MB together. Begin a new chat, or attach fewer.',
        megabytes(MAX_IMAGES_BYTES),
      );
  }
}
