/** The doctor's page: the lines as they come, and the steps that lead on from them. */
import { parseHostMessage } from '../../src/doctor/pageProtocol.ts';
import type { LineView, PageMessage, PageState, PageStrings } from '../../src/doctor/pageProtocol.ts';
import { confirmCopied } from '../copyButton.ts';
import { button, h } from '../dom.ts';
import { icon } from '../icons.ts';
import type { IconName } from '../icons.ts';

const ICONS: Readonly<Record<LineView['tone'], IconName>> = {
  checking: 'retry',
  ok: 'check',
  warning: 'warning',
  failed: 'error',
  skipped: 'skip',
  manual: 'info',
};

export class DoctorPage {
  readonly #strings: PageStrings;
  readonly #post: (message: PageMessage) => void;
  /** Begins anew, or leaves what is under way: one button, which keeps the focus. */
  readonly #run: HTMLButtonElement;
  readonly #copy: HTMLButtonElement;
  readonly #progress: HTMLProgressElement;
  readonly #status = h('p', { class: 'status', role: 'status' });
  readonly #news = h('div', { class: 'visually-hidden', role: 'status' });
  readonly #content = h('main', {});
  /** The lines by their ids, with what they show. */
  readonly #lines = new Map<string, { readonly element: HTMLLIElement; shown: string }>();
  #layout = '';
  #running = false;

  constructor(root: HTMLElement, strings: PageStrings, post: (message: PageMessage) => void) {
    this.#strings = strings;
    this.#post = post;
    this.#run = button({ class: 'secondary' }, () => post({ type: this.#running ? 'cancel' : 'again' }));
    this.#copy = button({ class: 'primary' }, () => post({ type: 'copy' }), icon('copy'), h('span', {}, strings.copy));
    this.#progress = h('progress', { 'aria-label': strings.progress, max: '1', value: '0' });
    root.append(
      h('header', {}, h('h1', {}, strings.title), this.#status, this.#run, this.#copy),
      this.#progress,
      this.#news,
      this.#content,
    );
  }

  start(): void {
    this.#post({ type: 'ready' });
  }

  receive(raw: unknown): void {
    const message = parseHostMessage(raw);
    if (message?.type === 'state') {
      this.#show(message.state);
    } else if (message?.type === 'copied') {
      confirmCopied(this.#copy, this.#strings.copy, this.#strings);
      // A new element is news, even when it says the same again.
      this.#news.replaceChildren(h('p', {}, this.#strings.copied));
    }
  }

  #show({ done, total, summary, groups }: PageState): void {
    const { again, cancel } = this.#strings;
    this.#running = done < total;
    this.#run.replaceChildren(icon(this.#running ? 'close' : 'retry'), this.#running ? cancel : again);
    this.#progress.max = Math.max(total, 1);
    this.#progress.value = done;
    // It keeps its place, so that nothing moves when it goes.
    this.#progress.classList.toggle('over', !this.#running);
    this.#content.setAttribute('aria-busy', String(this.#running));
    this.#say(summary);
    const layout = JSON.stringify(groups.map(({ title, lines }) => [title, lines.map(({ id }) => id)]));
    const focused = document.activeElement?.closest<HTMLElement>('[data-check]')?.dataset['check'];
    if (layout !== this.#layout) {
      this.#layout = layout;
      this.#lines.clear();
      this.#content.replaceChildren(...groups.map((group, index) => this.#section(group, `group-${index}`)));
    }
    for (const line of groups.flatMap(({ lines }) => lines)) {
      this.#fill(line);
    }
    if (focused !== undefined && document.activeElement === document.body) {
      // The line has moved.
      this.#lines.get(focused)?.element.focus();
    }
  }

  #say(text: string): void {
    if (this.#status.textContent !== text) {
      this.#status.textContent = text;
    }
  }

  #section({ title, lines }: PageState['groups'][number], id: string): HTMLElement {
    const items = lines.map((line) => {
      // It can take the focus when the button that had it goes.
      const element = h('li', { tabindex: '-1', 'data-check': line.id });
      this.#lines.set(line.id, { element, shown: '' });
      return element;
    });
    return h('section', { 'aria-labelledby': id }, h('h2', { id }, title), h('ul', { class: 'lines' }, ...items));
  }

  /** What has not changed stays as it is, so that a selection and the focus do. */
  #fill(line: LineView): void {
    const row = this.#lines.get(line.id);
    const shown = JSON.stringify(line);
    if (row === undefined || row.shown === shown) {
      return;
    }
    row.shown = shown;
    const { element } = row;
    const hadFocus = element.contains(document.activeElement);
    element.className = `line ${line.tone}`;
    element.dataset['tone'] = line.tone;
    element.replaceChildren(...this.#parts(line));
    if (hadFocus) {
      element.focus();
    }
  }

  #parts({ tone, title, status, text, facts, steps }: LineView): HTMLElement[] {
    const parts: HTMLElement[] = [
      h('p', { class: 'head' }, icon(ICONS[tone]), h('strong', {}, title), h('span', { class: 'word' }, status)),
    ];
    if (text !== '') {
      parts.push(h('p', { class: 'text' }, text));
    }
    if (facts.length > 0) {
      parts.push(h('ul', { class: 'facts' }, ...facts.map((fact) => h('li', {}, fact))));
    }
    if (steps.length > 0) {
      const buttons = steps.map(({ id, label }) =>
        button({ class: 'secondary' }, () => this.#post({ type: 'step', id }), label),
      );
      parts.push(h('div', { class: 'steps' }, ...buttons));
    }
    return parts;
  }
}
