/** What stands in place of a conversation: nothing asked yet, or nobody signed in. */
import { SIGN_IN_ACTION } from '../src/chat/protocol.ts';
import type { PanelStrings } from '../src/chat/strings.ts';
import { button, h } from './dom.ts';
import { icon } from './icons.ts';
import type { Wishes } from './wishes.ts';

export type Screen = 'conversation' | 'empty' | 'signedOut' | 'restoring';

export function emptyScreen(strings: PanelStrings, suggest: (prompt: string) => void): HTMLElement {
  const suggestions = strings.suggestions.map(({ label, prompt }) =>
    button({ class: 'suggestion' }, () => suggest(prompt), label),
  );
  return h(
    'div',
    { class: 'screen', 'data-testid': 'empty' },
    h('div', { class: 'mark' }, icon('pulse')),
    h('h2', {}, strings.emptyTitle),
    h('p', {}, strings.emptyText),
    h('div', { class: 'suggestions' }, ...suggestions),
  );
}

export function signedOutScreen(strings: PanelStrings, wishes: Wishes): HTMLElement {
  const attributes = { class: 'primary wide', 'data-testid': 'sign-in' };
  return h(
    'div',
    { class: 'screen', 'data-testid': 'signed-out' },
    h('div', { class: 'mark' }, icon('pulse')),
    h('h2', {}, strings.signedOutTitle),
    h('p', {}, strings.signedOutText),
    button(attributes, () => wishes.action(SIGN_IN_ACTION), strings.signIn),
  );
}

export function restoringScreen(strings: PanelStrings): HTMLElement {
  return h(
    'div',
    { class: 'screen', role: 'status' },
    h('div', { class: 'mark' }, icon('pulse')),
    h('p', {}, strings.restoring),
  );
}
