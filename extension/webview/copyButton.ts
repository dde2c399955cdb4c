/** Copy buttons say that they have copied, for a moment. */
import type { PanelStrings } from '../src/chat/strings.ts';
import { button } from './dom.ts';
import { icon } from './icons.ts';

const CONFIRM_MS = 1_500;

/** An icon that copies. The host does the copying, since a page may lack access to the clipboard. */
export function copyButton(
  attributes: Readonly<Record<string, string>>,
  label: string,
  strings: PanelStrings,
  copy: () => void,
): HTMLButtonElement {
  const element = button(
    { ...attributes, title: label, 'aria-label': label },
    () => {
      copy();
      confirmCopied(element, label, strings);
    },
    icon('copy'),
  );
  return element;
}

/** Shows on a button that its text was copied. */
export function confirmCopied(element: HTMLButtonElement, label: string, strings: Pick<PanelStrings, 'copied'>): void {
  const caption = element.querySelector('span');
  const show = (name: 'check' | 'copy', text: string): void => {
    element.querySelector('svg')?.replaceWith(icon(name));
    element.title = text;
    element.setAttribute('aria-label', text);
    if (caption !== null) {
      caption.textContent = text;
    }
  };
  show('check', strings.copied);
  setTimeout(() => {
    show('copy', label);
  }, CONFIRM_MS);
}
