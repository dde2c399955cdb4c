/** The usage page: shows what the shell says, and tells it what the user wishes. */
import { parseState } from '../../src/usage/pageProtocol.ts';
import type { PageMessage, PageState, PageStrings } from '../../src/usage/pageProtocol.ts';
import { button, h } from '../dom.ts';
import { icon } from '../icons.ts';
import { cards, modelTable, notice, quota, requestTable } from './sections.ts';

type Ready = Extract<PageState, { readonly kind: 'ready' }>;

export class UsagePage {
  readonly #strings: PageStrings;
  readonly #post: (message: PageMessage) => void;
  readonly #refresh: HTMLButtonElement;
  readonly #export: HTMLButtonElement;
  readonly #content = h('main', {});
  /** Says to people who listen when the account is asked, and when it has answered. */
  readonly #status = h('p', { class: 'status', role: 'status' });
  #shown = '';

  constructor(root: HTMLElement, strings: PageStrings, post: (message: PageMessage) => void) {
    this.#strings = strings;
    this.#post = post;
    this.#refresh = button({ class: 'secondary' }, () => post({ type: 'refresh' }), icon('retry'), strings.refresh);
    this.#export = button({ class: 'secondary' }, () => post({ type: 'export' }), icon('down'), strings.export);
    root.append(h('header', {}, h('h1', {}, strings.title), this.#status, this.#refresh, this.#export), this.#content);
    this.#show({ kind: 'loading' });
  }

  start(): void {
    this.#post({ type: 'ready' });
  }

  receive(raw: unknown): void {
    const state = parseState(raw);
    if (state !== null) {
      this.#show(state);
    }
  }

  #show(state: PageState): void {
    const isReady = state.kind === 'ready';
    const busy = state.kind === 'loading' || (isReady && state.busy);
    this.#refresh.hidden = !isReady;
    // A disabled button would lose the focus; a second press while the account is asked does no harm.
    this.#refresh.setAttribute('aria-disabled', String(busy));
    this.#export.hidden = !isReady || state.days.length === 0;
    this.#content.setAttribute('aria-busy', String(busy));
    this.#refresh.classList.toggle('turning', busy);
    const said = this.#said(state, busy);
    if (this.#status.textContent !== said) {
      this.#status.textContent = said;
    }
    // What has not changed stays as it is, so that a selection and the place in the table do.
    const shown = JSON.stringify(isReady ? { ...state, busy: false } : state);
    if (shown !== this.#shown) {
      this.#shown = shown;
      this.#content.replaceChildren(...this.#sections(state));
    }
  }

  #said(state: PageState, busy: boolean): string {
    if (state.kind !== 'ready') {
      return '';
    }
    if (busy) {
      return this.#strings.refreshing;
    }
    return state.notice === null ? this.#strings.refreshed : '';
  }

  #sections(state: PageState): HTMLElement[] {
    const { loading, signedOutTitle, signedOutText, signIn } = this.#strings;
    switch (state.kind) {
      case 'loading':
        return [h('p', { class: 'loading' }, loading)];
      case 'signedOut':
        return [this.#screen(signedOutTitle, signedOutText, signIn, 'signIn')];
      case 'ready':
        return this.#ready(state);
    }
  }

  #ready(state: Ready): HTMLElement[] {
    const strings = this.#strings;
    const { emptyTitle, emptyText, newChat } = strings;
    const isEmpty = state.days.length === 0;
    return [
      ...(state.notice === null ? [] : [notice(state.notice, (id) => this.#post({ type: 'action', id }))]),
      cards(state.cards),
      ...(state.quota === null ? [] : [quota(state.quota)]),
      ...(isEmpty
        ? [this.#screen(emptyTitle, emptyText, newChat, 'newChat')]
        : [modelTable(state.models, strings), requestTable(state, strings)]),
    ];
  }

  #screen(title: string, text: string, label: string, action: string): HTMLElement {
    return h(
      'section',
      { class: 'screen' },
      h('div', { class: 'mark' }, icon('pulse')),
      h('h2', {}, title),
      h('p', {}, text),
      button({ class: 'primary' }, () => this.#post({ type: 'action', id: action }), label),
    );
  }
}
