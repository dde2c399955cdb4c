/** One answer: its text as it grows, how it ended, what it cost, and the next steps. */
import type { ChatError } from '../src/chat/engine.ts';
import { fill } from '../src/chat/strings.ts';
import type { PanelStrings } from '../src/chat/strings.ts';
import type { Answer } from '../src/chat/transcript.ts';
import { factsOf, statusText } from './answerFacts.ts';
import type { Fact } from './answerFacts.ts';
import { copyButton } from './copyButton.ts';
import { button, h } from './dom.ts';
import type { Highlighter } from './highlight.ts';
import { icon } from './icons.ts';
import { StreamedMarkdown } from './streamedMarkdown.ts';
import type { Wishes } from './wishes.ts';

/** What may be done about an answer. */
export interface NextSteps {
  readonly retry: boolean;
  readonly continue: boolean;
}

/** Stands between the figures of the parts of an answer. */
const PLUS = ' + ';

export const NO_STEPS: NextSteps = { retry: false, continue: false };

export class AnswerView {
  readonly element: HTMLElement;
  readonly #strings: PanelStrings;
  readonly #wishes: Wishes;
  readonly #markdown: StreamedMarkdown;
  readonly #thoughts: HTMLDetailsElement;
  readonly #thoughtsLabel = h('span');
  readonly #thoughtsText = h('div', { class: 'thoughts-text', dir: 'auto' });
  readonly #end = h('div', { class: 'answer-end' });
  #shown: { readonly answer: Answer; readonly steps: NextSteps } | null = null;

  constructor(answer: Answer, strings: PanelStrings, wishes: Wishes, highlighter: Highlighter) {
    this.#strings = strings;
    this.#wishes = wishes;
    this.#markdown = new StreamedMarkdown(strings, highlighter);
    this.#thoughts = h(
      'details',
      { class: 'thoughts', hidden: '' },
      h('summary', {}, icon('chevron'), this.#thoughtsLabel),
      this.#thoughtsText,
    );
    this.element = h(
      'article',
      {
        class: 'answer',
        'data-message-role': 'assistant',
        'data-message-id': answer.id,
        'aria-label': fill(strings.answer, answer.model),
      },
      this.#thoughts,
      this.#markdown.element,
      this.#end,
    );
  }

  update(answer: Answer, steps: NextSteps): void {
    const sameSteps = this.#shown?.steps.retry === steps.retry && this.#shown.steps.continue === steps.continue;
    if (this.#shown?.answer === answer && sameSteps) {
      return;
    }
    const before = this.#shown?.answer;
    const streaming = answer.state.status === 'streaming';
    this.element.dataset['status'] = answer.state.status;
    this.#markdown.update(answer.text, !streaming);
    this.#updateThoughts(answer, streaming);
    if (before?.state !== answer.state || !sameSteps) {
      this.#end.replaceChildren(...this.#endOf(answer, steps));
    }
    this.#shown = { answer, steps };
  }

  /** The text as it is shown, block by block, without controls. */
  plainText(): string {
    const copy = this.#markdown.element.cloneNode(true) as HTMLElement;
    for (const head of copy.querySelectorAll('.code-head')) {
      head.remove();
    }
    return Array.from(copy.children, (block) => block.textContent.trim()).join('\n');
  }

  #updateThoughts({ reasoning, text }: Answer, streaming: boolean): void {
    this.#thoughts.hidden = reasoning === '';
    const label = streaming && text === '' ? this.#strings.thinking : this.#strings.thoughts;
    if (this.#thoughtsLabel.textContent !== label) {
      this.#thoughtsLabel.textContent = label;
    }
    if (this.#thoughtsText.textContent !== reasoning) {
      this.#thoughtsText.textContent = reasoning;
    }
  }

  #endOf(answer: Answer, steps: NextSteps): HTMLElement[] {
    const { state } = answer;
    const parts: HTMLElement[] = [];
    if (state.status === 'error') {
      parts.push(this.#errorCard(state.error, this.#stepButtons(answer.id, steps)));
    } else {
      const status = statusText(state, this.#strings);
      if (status !== null) {
        const buttons = h('div', { class: 'buttons' }, ...this.#stepButtons(answer.id, steps));
        parts.push(
          h('div', { class: 'status-line' }, h('span', { class: 'status' }, icon('warning'), status), buttons),
        );
      }
    }
    parts.push(this.#factsLine(answer, steps));
    return parts;
  }

  #factsLine(answer: Answer, steps: NextSteps): HTMLElement {
    const facts = factsOf(answer, this.#strings, document.documentElement.lang);
    const text = h('span', { class: 'facts-text' }, ...facts.map(factElement).map(separated));
    if (answer.state.status === 'streaming') {
      return h('div', { class: 'facts' }, waitingDots(), text);
    }
    const { copyAnswer, retry } = this.#strings;
    const copy = (): void => this.#wishes.copy(answer.text);
    // Where something went wrong, Retry stands beside the words for it.
    const again = steps.retry && answer.state.status === 'done';
    return h(
      'div',
      { class: 'facts' },
      text,
      h(
        'div',
        { class: 'answer-controls' },
        again
          ? button(
              { class: 'icon-button', 'data-testid': 'retry', title: retry, 'aria-label': retry },
              () => this.#wishes.retry(answer.id),
              icon('retry'),
            )
          : null,
        answer.text === '' ? null : copyButton({ class: 'icon-button copy-answer' }, copyAnswer, this.#strings, copy),
      ),
    );
  }

  #errorCard(error: ChatError, steps: readonly HTMLElement[]): HTMLElement {
    const actions = error.actions.map((action) =>
      button({ class: 'secondary', 'data-action': action.id }, () => this.#wishes.action(action.id), action.label),
    );
    const buttons = [...steps, ...actions];
    return h(
      'div',
      { class: 'error-card', 'data-error-code': error.code },
      h('p', {}, icon('error'), h('span', {}, error.message)),
      buttons.length === 0 ? null : h('div', { class: 'buttons' }, ...buttons),
    );
  }

  #stepButtons(id: string, steps: NextSteps): HTMLElement[] {
    const strings = this.#strings;
    const wishes = this.#wishes;
    const step = (testId: string, label: string, act: () => void, ...signs: SVGSVGElement[]): HTMLElement =>
      button({ class: 'secondary', 'data-testid': testId }, act, ...signs, label);
    return [
      ...(steps.continue
        ? [step('continue', strings.continueAnswer, () => wishes.continueAnswer(id), icon('more'))]
        : []),
      ...(steps.retry ? [step('retry', strings.retry, () => wishes.retry(id), icon('retry'))] : []),
    ];
  }
}

function waitingDots(): HTMLElement {
  return h('span', { class: 'waiting', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'));
}

/** The separator belongs to what follows it, so that none hangs at the end of a line. */
function separated(element: HTMLElement, index: number): HTMLElement {
  const separator = index === 0 ? null : h('span', { class: 'separator' }, ' · ');
  // What stands in a tooltip is for a mouse alone.
  const detail = element.title === '' ? null : h('span', { class: 'visually-hidden detail' }, ` (${element.title})`);
  return h('span', { class: 'separated' }, separator, element, detail);
}

/** Of an answer that was continued there are several, which a narrow panel shows below each other. */
function figures(text: string): (HTMLElement | string)[] {
  const [first = '', ...others] = text.split(PLUS).map((figure) => h('span', { class: 'figure' }, figure));
  return [first, ...others.flatMap((figure) => [PLUS, figure])];
}

function factElement({ kind, text, detail }: Fact): HTMLElement {
  return h(
    'span',
    {
      class: `fact ${kind}`,
      'data-testid': kind === 'costUnknown' ? null : kind,
      title: detail === '' ? null : detail,
    },
    ...(kind === 'tokens' || kind === 'cost' ? figures(text) : [text]),
  );
}
