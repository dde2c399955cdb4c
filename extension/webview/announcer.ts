/**
 * Reads answers to people who listen. The visible conversation is not a live region, since a screen reader would
 * stammer token by token; a hidden log gets each answer once, when it is whole.
 */
import type { PanelStrings } from '../src/chat/strings.ts';
import type { Transcript } from '../src/chat/transcript.ts';
import { statusText } from './answerFacts.ts';
import { h } from './dom.ts';

export class Announcer {
  readonly #log = h('div', { role: 'log', 'aria-live': 'polite' });
  readonly #news = h('div', { role: 'status' });
  readonly element = h('div', { class: 'visually-hidden' }, this.#log, this.#news);
  readonly #strings: PanelStrings;
  /** The answer whose end is awaited; an answer that was over when the page came up is not read. */
  #awaited: string | null = null;

  constructor(strings: PanelStrings) {
    this.#strings = strings;
  }

  /** `plainText` gives the text of an answer as it is shown, without Markdown signs. */
  update(transcript: Transcript, plainText: (id: string) => string): void {
    const last = transcript.at(-1);
    if (last?.role !== 'assistant') {
      this.#awaited = null;
      return;
    }
    const { state } = last;
    if (state.status === 'streaming') {
      if (this.#awaited !== last.id) {
        this.#awaited = last.id;
        this.#say([this.#strings.answering]);
      }
    } else if (this.#awaited === last.id) {
      this.#awaited = null;
      const error = state.status === 'error' ? state.error.message : null;
      this.#say([plainText(last.id), error ?? statusText(state, this.#strings)]);
    }
  }

  /** Tells at once what a button did. */
  tell(news: string): void {
    // A new element is news, even when it says the same again.
    this.#news.replaceChildren(h('p', {}, news));
  }

  #say(parts: readonly (string | null)[]): void {
    const said = parts.filter((part) => part !== null && part.trim() !== '').map((part) => h('p', {}, part));
    this.#log.replaceChildren(...said);
  }
}
