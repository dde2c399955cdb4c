/** The questions of signing in. */
import { ThemeIcon, l10n } from 'vscode';

import type { WayBack, WayId } from '../../../crate/wasm/pkg/godoty_core.js';
import { ask, choose } from './inputs.ts';
import type { Reply } from './inputs.ts';

function titleOf(way: WayId): string {
  switch (way) {
    case 'createAccount':
      return l10n.t('Create a Godoty account');
    case 'resetPassword':
      return l10n.t('Choose another password');
    default:
      return l10n.t('Sign in to Godoty');
  }
}

export function askEmail(way: WayId, typed: string, signal: AbortSignal): Promise<Reply> {
  const question = {
    title: titleOf(way),
    prompt: l10n.t('Your e-mail address'),
    placeholder: 'name@example.org',
    value: typed,
    check: (text: string) => (/^[^\s@]+@[^\s@]+$/u.test(text.trim()) ? undefined : l10n.t('Type an e-mail address.')),
  };
  return ask(question, signal);
}

export function askPassword(way: WayId, email: string, signal: AbortSignal): Promise<Reply> {
  const question = {
    title: titleOf(way),
    prompt: way === 'password' ? l10n.t('Password for {0}', email) : l10n.t('Choose a password for {0}', email),
    password: true,
    check: (text: string) => (text === '' ? l10n.t('Type a password.') : undefined),
  };
  return ask(question, signal);
}

/** A typing error in a new password would lock its owner out. */
export function askPasswordAgain(way: WayId, chosen: string, signal: AbortSignal): Promise<Reply> {
  const question = {
    title: titleOf(way),
    prompt: l10n.t('The same password once more'),
    password: true,
    check: (text: string) => (text === chosen ? undefined : l10n.t('The two passwords differ.')),
  };
  return ask(question, signal);
}

/** `redeem` sends what was typed, and says what is wrong with it. The button asks for another e-mail. */
export function askCode(
  way: WayId,
  email: string,
  redeem: (text: string) => Promise<string | undefined>,
  signal: AbortSignal,
): Promise<Reply> {
  const check = (text: string): string | Promise<string | undefined> =>
    text.trim() === '' ? l10n.t('Type the code, or paste the address.') : redeem(text);
  if (email === '') {
    const prompt = l10n.t('Paste the address at which the browser ended, or the code in it.');
    return ask({ title: titleOf(way), prompt, check }, signal);
  }
  const question = {
    title: titleOf(way),
    prompt: l10n.t('We sent a code to {0}. Type its digits, or paste the address of the link.', email),
    placeholder: '123456',
    button: { iconPath: new ThemeIcon('refresh'), tooltip: l10n.t('Send the E-Mail Again') },
    check,
  };
  return ask(question, signal);
}

/** A browser does not always come back: its user may have closed it, or the address is not allowed to lead here. */
export function chooseHowToGoOn(
  returns: readonly WayBack[],
  signal: AbortSignal,
): Promise<'code' | 'begin' | 'port' | 'way' | undefined> {
  const port = { label: `$(plug) ${l10n.t('Come back by a port of this machine')}`, value: 'port' as const };
  const items = [
    ...(returns.includes('loopback') ? [port] : []),
    { label: `$(clippy) ${l10n.t('Paste the address at which the browser ended')}`, value: 'code' as const },
    { label: `$(link-external) ${l10n.t('Open the browser again')}`, value: 'begin' as const },
    { label: `$(list-unordered) ${l10n.t('Try another way')}`, value: 'way' as const },
  ];
  return choose(
    {
      title: l10n.t('Sign in to Godoty'),
      placeholder: l10n.t('The browser has not come back yet. How do you want to go on?'),
      items: Promise.resolve(items),
    },
    signal,
  );
}
