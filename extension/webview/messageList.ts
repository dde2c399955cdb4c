/** The conversation on the page. Messages that did not change are not touched. */
import { fill } from '../src/chat/strings.ts';
import type { PanelStrings } from '../src/chat/strings.ts';
import { continuableAnswer, retryableAnswer } from '../src/chat/transcript.ts';
import type { ChatMessage, Transcript, UserMessage } from '../src/chat/transcript.ts';
import { AnswerView, NO_STEPS } from './answerView.ts';
import type { NextSteps } from './answerView.ts';
import { confirmCopied } from './copyButton.ts';
import { h } from './dom.ts';
import type { Highlighter } from './highlight.ts';
import type { Wishes } from './wishes.ts';

interface MessageView {
  readonly element: HTMLElement;
  update(message: ChatMessage, steps: NextSteps): void;
  plainText(): string;
}

export class MessageList {
  readonly element: HTMLElement;
  readonly #strings: PanelStrings;
  readonly #wishes: Wishes;
  readonly #highlighter: Highlighter;
  readonly #views = new Map<string, MessageView>();

  constructor(strings: PanelStrings, wishes: Wishes, highlighter: Highlighter) {
    this.#strings = strings;
    this.#wishes = wishes;
    this.#highlighter = highlighter;
    this.element = h('div', { class: 'messages' });
    this.element.addEventListener('click', (event) => {
      this.#onClick(event);
    });
    // A middle click would open a link past the host.
    this.element.addEventListener('auxclick', (event) => {
      this.#onClick(event);
    });
  }

  update(transcript: Transcript, mayAsk: boolean): void {
    const gone = new Set(this.#views.keys());
    const last = transcript.at(-1);
    const lastSteps = mayAsk
      ? { retry: retryableAnswer(transcript) !== undefined, continue: continuableAnswer(transcript) !== undefined }
      : NO_STEPS;
    transcript.forEach((message, index) => {
      gone.delete(message.id);
      const view = this.#views.get(message.id) ?? this.#add(message);
      if (this.element.children[index] !== view.element) {
        this.element.insertBefore(view.element, this.element.children[index] ?? null);
      }
      view.update(message, message === last ? lastSteps : NO_STEPS);
    });
    for (const id of gone) {
      this.#views.get(id)?.element.remove();
      this.#views.delete(id);
    }
  }

  /** A message as it is shown; empty when there is none of that id. */
  plainText(id: string): string {
    return this.#views.get(id)?.plainText() ?? '';
  }

  #add(message: ChatMessage): MessageView {
    const view =
      message.role === 'user'
        ? questionView(message, this.#strings)
        : answerView(new AnswerView(message, this.#strings, this.#wishes, this.#highlighter));
    this.#views.set(message.id, view);
    return view;
  }

  /** Links and code blocks are an answer's own; they are rendered again and again, so the list listens for them. */
  #onClick(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const link = target?.closest('a');
    if (link !== undefined && link !== null) {
      // Stopped here, since VS Code opens links of a page by itself when the click comes through.
      event.preventDefault();
      event.stopPropagation();
      this.#wishes.openLink(link.getAttribute('href') ?? '');
      return;
    }
    const pressed = target?.closest<HTMLButtonElement>('.code-head button');
    const code = pressed?.closest('.code')?.querySelector('pre')?.textContent;
    if (pressed === undefined || pressed === null || code === undefined) {
      return;
    }
    if (pressed.classList.contains('insert-code')) {
      this.#wishes.insertCode(code);
    } else {
      this.#wishes.copy(code);
      confirmCopied(pressed, this.#strings.copy, this.#strings);
    }
  }
}

function questionView(message: UserMessage, strings: PanelStrings): MessageView {
  let { images } = message;
  const element = h(
    'article',
    {
      class: 'question',
      'data-message-role': 'user',
      'data-message-id': message.id,
      'data-status': 'done',
      'aria-label': strings.question,
    },
    imagesOf(message, strings),
    message.text === '' ? null : h('div', { class: 'question-text', dir: 'auto' }, message.text),
  );
  return {
    element,
    update(next) {
      // Of a question only its images change: they go.
      if (next.role === 'user' && next.images !== images) {
        images = next.images;
        element.querySelector('.images')?.replaceWith(imagesOf(next, strings) ?? '');
      }
    },
    plainText: () => message.text,
  };
}

function imagesOf({ images }: UserMessage, strings: PanelStrings): HTMLElement | null {
  if (images.length === 0) {
    return null;
  }
  const pictures = images.map(({ name, thumbnail, available }) => {
    const label = available ? name : fill(strings.imageGone, name);
    return h(
      'div',
      { class: available ? 'image' : 'image gone' },
      h('img', { src: thumbnail, alt: label, title: label }),
      available ? null : h('span', { class: 'image-gone' }, label),
    );
  });
  return h('div', { class: 'images' }, ...pictures);
}

function answerView(view: AnswerView): MessageView {
  return {
    element: view.element,
    update(message, steps) {
      if (message.role === 'assistant') {
        view.update(message, steps);
      }
    },
    plainText: () => view.plainText(),
  };
}
