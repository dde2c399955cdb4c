/** What the status bar shows, as a pure function of what is known. */
import type * as vscode from 'vscode';

import type { Quota, Trouble, UsageSnapshot, UsageTotals } from '../../../crate/wasm/pkg/godoty_core.js';

export interface StatusInput {
  /** `ended`: the server ended the session, and chat goes on with this device's key. */
  readonly account: 'restoring' | 'signedOut' | 'ended' | 'signedIn';
  /** Absent while nobody is signed in. */
  readonly usage: UsageSnapshot | undefined;
  /** The models whose answers are on their way. */
  readonly answering: readonly string[];
}

export type Status =
  | { readonly kind: 'hidden' }
  | {
      readonly kind: 'shown';
      readonly text: string;
      /** Markdown. */
      readonly tooltip: string;
      readonly accessible: string;
      readonly command: 'godoty.signIn' | 'godoty.showUsage';
      /** Whether the user has to do something before the next request. */
      readonly warns: boolean;
    };

/** The server ended the session. What needs only this device's key goes on. */
export function sessionEndedText(l10n: Translator): string {
  return l10n.t(
    'Your Godoty session has ended. Chat goes on; sign in again to see what you have used, and for everything else.',
  );
}

type Translator = Pick<typeof vscode.l10n, 't'>;

/** The longest name of a model that the bar shows, in characters. */
const MAX_NAME = 30;

export function toStatus(input: StatusInput, l10n: Translator, language: string): Status {
  switch (input.account) {
    case 'restoring':
      return { kind: 'hidden' };
    case 'signedOut':
      return {
        kind: 'shown',
        text: `$(sign-in) Godoty`,
        tooltip: escape(l10n.t('Godoty: you are signed out. Click to sign in.')),
        accessible: l10n.t('Godoty: signed out. Sign in'),
        command: 'godoty.signIn',
        warns: false,
      };
    case 'ended':
      return ended(input.answering, l10n);
    case 'signedIn':
      return signedIn(input, l10n, language);
  }
}

/** What was spent is not known without a session. */
function ended(answering: readonly string[], l10n: Translator): Status {
  const doing = activity(answering, undefined, l10n);
  return {
    kind: 'shown',
    text: answering.length > 0 ? `${doing.icon} ${doing.word}` : '$(sign-in) Godoty',
    tooltip: ['**Godoty**', escape(sessionEndedText(l10n)), escape(l10n.t('Click to sign in.'))].join('\n\n'),
    accessible: [
      'Godoty',
      ...(doing.spoken === '' ? [] : [doing.spoken]),
      l10n.t('session ended, chat goes on'),
      l10n.t('Sign In'),
    ].join('. '),
    command: 'godoty.signIn',
    warns: false,
  };
}

function signedIn({ usage, answering }: StatusInput, l10n: Translator, language: string): Status {
  const spent = usage === undefined ? undefined : spentOf(usage, l10n);
  const trouble = usage?.trouble;
  const doing = activity(answering, trouble, l10n);
  const text = [doing.icon, doing.word, spent?.short ?? ''].filter((part) => part !== '').join(' ');
  return {
    kind: 'shown',
    text: text === doing.icon ? `${doing.icon} Godoty` : text,
    tooltip: tooltip(usage, trouble, l10n, language),
    accessible: [
      'Godoty',
      ...(doing.spoken === '' ? [] : [doing.spoken]),
      ...(spent === undefined ? [] : [spent.spoken]),
      l10n.t('Show usage'),
    ].join('. '),
    command: 'godoty.showUsage',
    warns: answering.length === 0 && (trouble === 'key' || trouble === 'quota'),
  };
}

/** What the bar says of money: of today, where the account was heard, else of this window; nothing where nobody knows. */
function spentOf({ today, window }: UsageSnapshot, l10n: Translator): { short: string; spoken: string } | undefined {
  if (today.complete) {
    const { costText } = today.totals;
    return { short: costText, spoken: l10n.t('{0} spent today', costText) };
  }
  if (window.requests > 0) {
    return { short: window.costText, spoken: l10n.t('{0} spent in this window', window.costText) };
  }
  return undefined;
}

function activity(
  answering: readonly string[],
  trouble: Trouble | undefined,
  l10n: Translator,
): { readonly icon: string; readonly word: string; readonly spoken: string } {
  const [model, ...others] = answering;
  if (model !== undefined) {
    const name = others.length === 0 ? short(model) : l10n.t('{0} answers', answering.length);
    return { icon: '$(loading~spin)', word: name, spoken: l10n.t('answering: {0}', name) };
  }
  const word = trouble === undefined ? '' : troubleWord(trouble, l10n);
  return { icon: iconOf(trouble), word, spoken: word };
}

function iconOf(trouble: Trouble | undefined): string {
  switch (trouble) {
    case undefined:
      return '$(pulse)';
    case 'offline':
      return '$(debug-disconnect)';
    case 'key':
      return '$(key)';
    case 'quota':
      return '$(warning)';
  }
}

function troubleWord(trouble: Trouble, l10n: Translator): string {
  switch (trouble) {
    case 'offline':
      return l10n.t('Offline');
    case 'key':
      return l10n.t('Key refused');
    case 'quota':
      return l10n.t('Budget used up');
  }
}

function troubleText(trouble: Trouble, l10n: Translator): string {
  switch (trouble) {
    case 'offline':
      return l10n.t('A server could not be reached. The next request tries again.');
    case 'key':
      return l10n.t('The model server does not take the key of this device. Sign out and in to get another one.');
    case 'quota':
      return l10n.t('Your account has reached a limit. Wait until it resets, or ask your operator for more.');
  }
}

function tooltip(
  usage: UsageSnapshot | undefined,
  trouble: Trouble | undefined,
  l10n: Translator,
  language: string,
): string {
  const numbers = new Intl.NumberFormat(language);
  const format = (value: number): string => numbers.format(value);
  const parts = ['**Godoty**'];
  if (trouble !== undefined) {
    parts.push(escape(troubleText(trouble, l10n)));
  }
  if (usage !== undefined) {
    const { today, window, quota, lastModel, unsent } = usage;
    parts.push(sums(today.complete ? today.totals : undefined, window, l10n, format));
    if (quota !== undefined) {
      parts.push(...quotaLines(quota, l10n, language, format).map(escape));
    }
    if (lastModel !== undefined) {
      parts.push(escape(l10n.t('Last model: {0}', lastModel)));
    }
    const { unknownCosts, estimated } = today.complete ? today.totals : window;
    if (unknownCosts > 0) {
      parts.push(escape(l10n.t('Requests without a known cost, which are not in the sum: {0}', format(unknownCosts))));
    }
    if (estimated) {
      parts.push(escape(l10n.t('≈ marks an estimate from prices; the bill may differ.')));
    }
    if (unsent > 0) {
      parts.push(escape(l10n.t('Requests still to be sent to your account: {0}', format(unsent))));
    }
  }
  parts.push(escape(l10n.t('Click for the list of requests.')));
  return parts.join('\n\n');
}

/** A table of what was spent, for people who see it; the label says the same in a sentence. */
function sums(
  today: UsageTotals | undefined,
  window: UsageTotals,
  l10n: Translator,
  format: (value: number) => string,
): string {
  const row = (name: string, { costText, requests, tokens }: UsageTotals): string => {
    const cells = [
      name,
      costText,
      format(requests),
      l10n.t('{0} in, {1} out', format(tokens.promptTokens), format(tokens.completionTokens)),
    ];
    return `| ${cells.map(escape).join(' | ')} |`;
  };
  const heads = ['', l10n.t('Cost'), l10n.t('Requests'), l10n.t('Tokens')];
  return [
    `| ${heads.map(escape).join(' | ')} |`,
    '|:--|--:|--:|--:|',
    ...(today === undefined ? [] : [row(l10n.t('Today'), today)]),
    row(l10n.t('This window'), window),
  ].join('\n');
}

function quotaLines(
  { plan, month, hour }: Quota,
  l10n: Translator,
  language: string,
  format: (value: number) => string,
): readonly string[] {
  const when = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
  return [
    l10n.t('Plan: {0}', plan),
    ...(month === undefined
      ? []
      : [
          l10n.t(
            '{0} of {1} tokens used this month, resets {2}',
            format(month.used),
            format(month.limit),
            when.format(month.resetsAt),
          ),
        ]),
    ...(hour === undefined
      ? []
      : [l10n.t('{0} of {1} requests made this hour', format(hour.used), format(hour.limit))]),
  ];
}

/** A name in the bar: `$(…)` would be an icon there. */
function short(name: string): string {
  const plain = name.replaceAll(/\s+/gu, ' ').replaceAll('$(', '$ (');
  return plain.length > MAX_NAME ? `${plain.slice(0, MAX_NAME - 1)}…` : plain;
}

/** Names of models come from a server: nothing in them may act as Markdown, bare addresses and line ends included. */
function escape(text: string): string {
  return text.replaceAll(/\s+/gu, ' ').replaceAll(/[\\`*_{}[\]()#+\-.!|<>&$~:@]/gu, String.raw`\$&`);
}
