/** The session, the account's data, the model key, and a real answer. */
import { l10n } from 'vscode';

import { chatUser } from '../account.ts';
import { coreOptions } from '../chatEngine.ts';
import { hasCode } from '../core/errors.ts';
import type { Settings } from '../settings.ts';
import { failure, failureOf, ok, skipped, warning } from './finding.ts';
import type { Check, Finding } from './finding.ts';
import type { Looks } from './looks.ts';

export interface AccountPorts {
  readonly settings: () => Settings;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newId: () => string;
  /** The core's judgement of an answer whose pieces came within `spreadMs`, out of `wholeMs` since it was asked for. */
  readonly cameAtOnce: (spreadMs: number, wholeMs: number) => boolean;
}

const ANSWER_LIMIT_MS = 60_000;
/** Long enough that a model takes its time, short enough to cost next to nothing. */
const QUESTION = 'Count from 1 to 40. Write the numbers only, separated by commas.';

export function accountChecks(looks: Looks, ports: AccountPorts): readonly Check[] {
  return [
    { id: 'session', group: 'account', title: l10n.t('Session'), run: () => session(looks, ports.now) },
    {
      id: 'data',
      group: 'account',
      title: l10n.t('Your account’s data'),
      run: async () => {
        const client = await looks.clientIfAny();
        if (client === undefined || (await looks.state()).kind !== 'signedIn') {
          return signedOut();
        }
        const { unread } = await client.usageOverview(false, true);
        return unread === undefined ? ok(l10n.t('Your usage can be read.')) : failureOf(unread);
      },
    },
    {
      id: 'key',
      group: 'account',
      title: l10n.t('This device’s model key'),
      run: async (signal) => {
        const client = await looks.clientIfAny();
        if (client === undefined || chatUser(await looks.state()) === undefined) {
          return signedOut();
        }
        try {
          await looks.probe(client, 'key', signal);
          return ok(l10n.t('The model server takes it.'));
        } catch (error) {
          return hasCode(error, 'KEY_REJECTED') ? rejectedKey() : failure(error);
        }
      },
    },
    {
      id: 'answer',
      group: 'account',
      title: l10n.t('A real answer'),
      run: async () => (chatUser(await looks.state()) === undefined ? signedOut() : untested()),
      test: {
        id: 'testAnswer',
        limitMs: ANSWER_LIMIT_MS,
        run: (signal) => answer(looks, ports, signal),
        late: () => warning(l10n.t('No whole answer came within a minute.'), 'retry', 'showLog'),
      },
    },
  ];
}

const signedOut = (): Finding => skipped(l10n.t('You are not signed in.'));

async function session(looks: Looks, now: () => number): Promise<Finding> {
  const state = await looks.state();
  const client = await looks.clientIfAny();
  if (client === undefined || state.kind !== 'signedIn') {
    return chatUser(state) === undefined
      ? warning(l10n.t('You are not signed in.'), 'signIn')
      : warning(l10n.t('Your session has ended, and chat goes on. Sign in again for all the rest.'), 'signIn');
  }
  await client.accessToken();
  const minutes = Math.floor(((client.tokenEndsAt() ?? 0) - now()) / 60_000);
  const { email } = state.account;
  return ok(
    l10n.t('Signed in as {0}. The token is good for {1} min and is renewed by itself.', masked(email), minutes),
  );
}

/** Enough of an address to know one's own. */
export function masked(email: string): string {
  const at = email.lastIndexOf('@');
  return at < 1 ? '…' : `${email.slice(0, 1)}…${email.slice(at)}`;
}

function rejectedKey(): Finding {
  return {
    ...warning(l10n.t('The model server does not take it. Your next request gets another one by itself.'), 'retry'),
    code: 'KEY_REJECTED',
  };
}

function untested(): Finding {
  return {
    status: 'manual',
    text: l10n.t('A short answer shows whether answers stream. It costs a fraction of a cent.'),
    steps: [{ id: 'testAnswer', label: l10n.t('Ask a Model') }],
  };
}

async function answer(
  looks: Looks,
  { settings, now, newId, cameAtOnce }: AccountPorts,
  signal: AbortSignal,
): Promise<Finding> {
  const client = await looks.client();
  const models = (await client.models()).filter(({ chat }) => chat).map(({ id }) => id);
  const { defaultModel } = settings();
  const model = models.includes(defaultModel) ? defaultModel : models[0];
  if (model === undefined) {
    return warning(l10n.t('There is no model for you on the model server. Ask the operator of your account.'), 'retry');
  }
  const asked = now();
  const arrivals: number[] = [];
  const { outcome, cost } = await client.chat(
    newId(),
    { model, messages: [{ role: 'user', parts: [{ type: 'text', text: QUESTION }] }] },
    { ...coreOptions(settings()), showEstimates: true },
    () => arrivals.push(now()),
    signal,
  );
  if (outcome.kind === 'error') {
    return failureOf(outcome.error);
  }
  const [first = asked, last = first] = [arrivals[0], arrivals.at(-1)];
  const facts = [
    l10n.t('{0} pieces, the first after {1} ms, the last after {2} ms', arrivals.length, first - asked, last - asked),
    l10n.t('Cost: {0}', cost.text),
  ];
  if (outcome.kind !== 'done' && outcome.kind !== 'length') {
    return { ...warning(l10n.t('The answer of {0} was not complete.', model), 'retry', 'showLog'), facts };
  }
  return cameAtOnce(last - first, last - asked)
    ? {
        ...warning(
          l10n.t(
            'The answer of {0} came all at once: something on the way to the model server, such as a proxy, seems to collect it.',
            model,
          ),
          'openProxySettings',
        ),
        facts,
      }
    : ok(l10n.t('{0} answered piece by piece.', model), facts);
}
