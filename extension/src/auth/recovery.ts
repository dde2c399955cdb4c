/** Where signing in goes on after a failure. */
import { l10n } from 'vscode';

import type { ErrorCode, ErrorDetail, WayId } from '../../../crate/wasm/pkg/godoty_core.js';
import { action, wordsFor } from '../words.ts';
import type { ActionId, Words } from '../words.ts';
import type { Run } from './run.ts';
import type { Question } from './ways.ts';

/** The steps that call, or wait. */
export type Fallible = 'open' | 'way' | 'begin' | 'browser' | 'code' | 'setPassword';

/** Where the flow is: a question, or one of those. */
export type Step = Fallible | Question | 'newPassword';

/** What a step that failed says, with the buttons that lead on from there. */
export function wordsAt(step: Fallible, detail: ErrorDetail, { way: { way } }: Run): Words {
  const words = wordsFor(detail);
  if (step === 'open' || step === 'setPassword') {
    return words;
  }
  const { message, actions } = inFlow(words, detail.code, way !== 'github' && way !== 'google');
  return { message, actions: [...actions, action('otherWays')] };
}

/** Whoever is signing in already is not told to sign in: it is tried again, with another e-mail if there was one. */
function inFlow(words: Words, code: ErrorCode, byMail: boolean): Words {
  switch (code) {
    case 'SIGN_IN_EXPIRED':
      return byMail
        ? {
            message: l10n.t('The code was good for five minutes, and they are over. Have another one sent.'),
            actions: [action('resend')],
          }
        : { ...words, actions: [action('retry')] };
    case 'CODE_REJECTED':
      return { ...words, actions: [action(byMail ? 'resend' : 'retry')] };
    case 'ACCESS_DENIED':
    case 'ACCOUNT_MISMATCH':
    case 'CALLBACK_USED':
    case 'CALLBACK_UNKNOWN':
      return { ...words, actions: [action('retry')] };
    case 'PROVIDER_DISABLED':
    case 'SIGNUP_DISABLED':
      return { ...words, actions: [] };
    default:
      return words;
  }
}

/** The step to which the chosen action leads; undefined when it leads elsewhere. */
export function nextStep(picked: ActionId, code: ErrorCode, step: Fallible, run: Run): Step | undefined {
  switch (picked) {
    case 'retry':
      return again(code, step);
    case 'otherWays':
      return 'way';
    case 'resend':
      if (code === 'EMAIL_NOT_CONFIRMED') {
        // The code confirms the address and signs in, so that the password need not be typed again.
        turnTo(run, 'emailCode');
      }
      return 'begin';
    case 'resetPassword':
      turnTo(run, 'resetPassword');
      return 'begin';
    case 'createAccount':
      run.createUser = true;
      return 'begin';
    case 'signIn':
      return signInAgain(code, run);
    default:
      return undefined;
  }
}

function signInAgain(code: ErrorCode, run: Run): Step {
  if (code === 'ACCOUNT_EXISTS') {
    turnTo(run, 'password');
    return 'password';
  }
  // Once the address is confirmed, what was typed is right; anything else begins anew.
  return 'begin';
}

/** What has to be typed anew before another attempt makes sense. */
function again(code: ErrorCode, step: Fallible): Step {
  switch (code) {
    case 'INVALID_CREDENTIALS':
      return 'password';
    case 'WEAK_PASSWORD':
      return step === 'setPassword' ? 'newPassword' : 'password';
    case 'CODE_REJECTED':
    case 'SIGN_IN_EXPIRED':
    case 'ACCESS_DENIED':
    case 'ACCOUNT_MISMATCH':
    case 'CALLBACK_USED':
    case 'CALLBACK_UNKNOWN':
      return 'begin';
    case 'NETWORK_ERROR':
    case 'TIMEOUT':
    case 'RATE_LIMITED':
    case 'SERVER_ERROR':
    case 'STORE_FAILED':
      return step === 'browser' ? 'begin' : step;
    case 'INTERNAL':
      // What waited has died with the core.
      return step === 'browser' || step === 'code' ? 'begin' : step;
    default:
      return step === 'begin' ? 'email' : step;
  }
}

function turnTo(run: Run, way: WayId): void {
  run.way = { way, returns: run.way.returns };
}
