/** Code in colours. The text stays what it is: only elements are put around its parts, and no HTML reaches the page. */
import { h } from './dom.ts';
import { registered } from './languages.ts';

const hljs = registered();

/** Code is coloured in slices of about this many characters, so that no slice holds up the page: a few milliseconds. */
const SLICE_CHARS = 6_000;

/** Whether code of a fence with this name can be coloured. */
export function isKnownLanguage(language: string): boolean {
  return hljs.getLanguage(language) !== undefined;
}

/** Code with an element around each of its tokens, whose class is one of the highlighter's. */
export function highlighted(code: string, language: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  const { value } = hljs.highlight(code, { language, ignoreIllegals: true });
  // An inert document: nothing in it runs or loads, and only texts and known classes are taken over.
  copyTokens(new DOMParser().parseFromString(`<pre>\n${value}</pre>`, 'text/html').querySelector('pre'), fragment);
  return fragment;
}

function copyTokens(from: Node | null, to: Node): void {
  for (const child of from?.childNodes ?? []) {
    const token = child instanceof Element ? /^hljs-[a-z_-]+/u.exec(child.className)?.[0] : undefined;
    if (token !== undefined) {
      const element = h('span', { class: token });
      copyTokens(child, element);
      to.appendChild(element);
    } else if (child instanceof Element) {
      copyTokens(child, to);
    } else {
      to.appendChild(document.createTextNode(child.textContent ?? ''));
    }
  }
}

/**
 * Cuts code where a reader would: before a line that begins a new part, else at a line's end. A comment or text that
 * goes over such a place loses its colour there, which only very long blocks can show.
 */
export function slicesOf(code: string): string[] {
  const slices: string[] = [];
  let rest = code;
  while (rest.length > SLICE_CHARS) {
    const end = cutAfter(rest);
    slices.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...slices, rest];
}

function cutAfter(code: string): number {
  const window = code.slice(0, SLICE_CHARS);
  for (const boundary of [/^[^]*\n[ \t]*\n(?=[^\s])/u, /^[^]*\n(?=[^\s])/u, /^[^]*\n/u]) {
    const length = boundary.exec(window)?.[0].length ?? 0;
    if (length > SLICE_CHARS / 2) {
      return length;
    }
  }
  return window.length;
}

interface Job {
  /** The text nodes that are still to be coloured, in order. */
  readonly nodes: Text[];
  readonly language: string;
}

/** Colours code blocks one after another, a slice at a time. */
export class Highlighter {
  readonly #later: (callback: () => void) => void;
  readonly #jobs = new Map<Element, Job>();
  #running = false;

  /** `later` runs a callback in a task of its own. */
  constructor(later: (callback: () => void) => void) {
    this.#later = later;
  }

  /** Colours the text of `code` soon. It must not change any more, unless `cancel` is called before. */
  add(code: Element, language: string): void {
    if (this.#jobs.has(code) || code.firstElementChild !== null || !isKnownLanguage(language)) {
      return;
    }
    const nodes = slicesOf(code.textContent).map((slice) => document.createTextNode(slice));
    code.replaceChildren(...nodes);
    this.#jobs.set(code, { nodes, language });
    if (!this.#running) {
      this.#running = true;
      this.#later(() => this.#run());
    }
  }

  /** Leaves a block as it is. */
  cancel(code: Element): void {
    this.#jobs.delete(code);
  }

  #run(): void {
    for (const [code, { nodes, language }] of this.#jobs) {
      const node = code.isConnected ? nodes.shift() : undefined;
      if (node === undefined || nodes.length === 0) {
        this.#jobs.delete(code);
      }
      if (node !== undefined) {
        node.replaceWith(highlighted(node.data, language));
        break;
      }
    }
    this.#running = this.#jobs.size > 0;
    if (this.#running) {
      this.#later(() => this.#run());
    }
  }
}
