/** Where signing in goes on after a failure. */
import type { ErrorCode, WayId } from '../../../crate/wasm/pkg/godoty_core.js';
import type { ActionId } from '../words.ts';
import type { Run } from './run.ts';
import type { Question } from './ways.ts';

/** The steps that call, or wait. */
export type Fallible = 'open' | 'way' | 'begin' | 'browser' | 'code' | 'setPassword';

/** Where the flow is: a question, or one of those. */
export type Step = Fallible | Question | 'newPassword';

/** The step to which the chosen action leads; undefined when it leads elsewhere. */
export function nextStep(picked: ActionId, code: ErrorCode, step: Fallible, run: Run): Step | undefined {
  switch (picked) {
    case 'retry':
      return again(code, step);
    case 'otherWays':
      return 'way';
    case 'resend':
      // The code confirms the address and signs in, so that the password need not be typed again.
      turnTo(run, 'emailCode');
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
  switch (code) {
    case 'ACCOUNT_EXISTS':
      turnTo(run, 'password');
      return 'password';
    case 'SIGNUP_DISABLED':
    case 'PROVIDER_DISABLED':
      return 'way';
    // Once the address is confirmed, what was typed is right; anything else begins anew.
    default:
      return 'begin';
  }
}

/** What has to be typed anew before another attempt makes sense. */
function again(code: ErrorCode, step: Fallible): Step {
  switch (code) {
    case 'INVALID_CREDENTIALS':
      return 'password';
    case 'WEAK_PASSWORD':
      return step === 'setPassword' ? 'newPassword' : 'password';
    case 'CODE_REJECTED':
      return 'begin';
    case 'NETWORK_ERROR':
    case 'TIMEOUT':
    case 'RATE_LIMITED':
    case 'SERVER_ERROR':
    case 'STORE_FAILED':
      return step === 'browser' ? 'begin' : step;
    default:
      return step === 'begin' ? 'email' : step;
  }
}

function turnTo(run: Run, way: WayId): void {
  run.way = { way, returns: run.way.returns };
}
