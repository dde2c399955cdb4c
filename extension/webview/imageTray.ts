/** The images that the next question takes along, each with a button that removes it. */
import type { Attachment } from '../src/chat/images.ts';
import { fill } from '../src/chat/strings.ts';
import type { PanelStrings } from '../src/chat/strings.ts';
import { button, h } from './dom.ts';
import { icon } from './icons.ts';

export class ImageTray {
  readonly element = h('div', { class: 'images', hidden: '' });
  readonly #strings: PanelStrings;
  readonly #remove: (id: string) => void;
  #shown: readonly Attachment[] = [];

  constructor(strings: PanelStrings, remove: (id: string) => void) {
    this.#strings = strings;
    this.#remove = remove;
  }

  update(images: readonly Attachment[]): void {
    if (images === this.#shown) {
      return;
    }
    this.#shown = images;
    this.element.hidden = images.length === 0;
    this.element.replaceChildren(
      ...images.map(({ id, name, thumbnail }) => {
        const label = fill(this.#strings.removeImage, name);
        return h(
          'div',
          { class: 'image', 'data-testid': 'attachment' },
          h('img', { src: thumbnail, alt: name, title: name }),
          button({ class: 'remove-image', title: label, 'aria-label': label }, () => this.#remove(id), icon('close')),
        );
      }),
    );
  }
}
