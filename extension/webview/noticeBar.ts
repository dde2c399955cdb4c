/** One line above the prompt about the whole panel, such as being offline. */
import type { Notice } from '../src/chat/panelState.ts';
import { button, h } from './dom.ts';
import { icon } from './icons.ts';
import type { Wishes } from './wishes.ts';

export class NoticeBar {
  readonly element = h('div', { class: 'notice', role: 'status' });
  readonly #wishes: Wishes;
  #shown: Notice | null = null;

  constructor(wishes: Wishes) {
    this.#wishes = wishes;
    this.element.hidden = true;
  }

  update(notice: Notice | null): void {
    if (notice === this.#shown) {
      return;
    }
    this.#shown = notice;
    this.element.hidden = notice === null;
    if (notice === null) {
      this.element.replaceChildren();
      return;
    }
    this.element.dataset['kind'] = notice.kind;
    this.element.replaceChildren(
      icon(notice.kind),
      h('span', {}, notice.text),
      ...notice.actions.map((action) =>
        button({ class: 'link-button', 'data-action': action.id }, () => this.#wishes.action(action.id), action.label),
      ),
    );
  }
}
