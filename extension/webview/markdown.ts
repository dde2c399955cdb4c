/**
 * Markdown to safe elements. A model's text is a stranger's text: it is parsed, sanitised in an inert document, and
 * only then dressed with the panel's own controls and put on the page.
 */
import DOMPurify from 'dompurify';
import { Marked } from 'marked';
import type { Token, Tokens } from 'marked';

import { isOpenableLink } from '../src/chat/protocol.ts';
import type { PanelStrings } from '../src/chat/strings.ts';
import { h } from './dom.ts';
import { icon } from './icons.ts';

const markdown = new Marked({
  gfm: true,
  async: false,
  renderer: {
    // A box that cannot be ticked is a sign, not a control.
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
    code: ({ text, lang }) => `<pre><code class="language-${escape(languageOf(lang))}">${escape(text)}</code></pre>`,
  },
});

const ALLOWED_TAGS = [
  ...['p', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'hr', 'br', 'details', 'summary', 'div', 'span'],
  ...['ul', 'ol', 'li', 'dl', 'dt', 'dd', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'pre', 'code'],
  ...['a', 'strong', 'b', 'em', 'i', 'del', 's', 'sub', 'sup', 'kbd', 'samp', 'var', 'mark', 'q', 'small', 'img'],
  '#text',
];

const ALLOWED_ATTR = ['href', 'title', 'align', 'start', 'colspan', 'rowspan', 'class', 'src', 'alt'];

/** The blocks of a Markdown text, in order. A text that the parser cannot take is one block of no known type. */
export function lex(text: string): readonly Token[] {
  try {
    return markdown.lexer(text);
  } catch {
    return [{ type: 'unknown', raw: text }];
  }
}

/** What blocks have to do with one another. */
export interface Bonds {
  /** They must be rendered together: HTML that begins in one of them may end in another. */
  readonly together: boolean;
  /** Whether a link anywhere may be defined here. */
  readonly defines: boolean;
}

export function bondsOf(tokens: readonly Token[]): Bonds {
  const blocks = tokens.map((token) => contentOf(token));
  return { together: !blocks.every(({ html }) => isClosed(html)), defines: blocks.some(({ defines }) => defines) };
}

/** Whether a block has HTML in it. */
export function hasHtml(token: Token): boolean {
  return contentOf(token).html !== '';
}

function contentOf(block: Token): { readonly html: string; readonly defines: boolean } {
  let html = '';
  let defines = false;
  try {
    void markdown.walkTokens([block], ({ type, raw }) => {
      html += type === 'html' ? raw : '';
      defines ||= type === 'def';
    });
  } catch {
    // Nested too deeply to be walked, and so to be rendered: it is shown as it was written.
    return { html: '', defines: false };
  }
  return { html, defines };
}

/** Elements that HTML's parser just nests. Others, such as cells, comments and scripts, have rules of their own. */
const NESTED = new Set([
  ...['details', 'summary', 'div', 'span', 'blockquote', 'ul', 'ol', 'dl', 'b', 'strong', 'i', 'em', 'del', 's'],
  ...['sub', 'sup', 'kbd', 'samp', 'var', 'mark', 'q', 'small', 'code'],
]);
const VOID = new Set(['br', 'hr', 'img']);

/** Whether each element that begins in a piece of HTML also ends in it; false when in doubt. */
function isClosed(html: string): boolean {
  const open: string[] = [];
  const rest = html.replaceAll(/<(\/?)([a-z]+)(?:\s[^<>]*)?>/giu, (tag, slash: string, written: string) => {
    const name = written.toLowerCase();
    if (slash === '/') {
      return open.pop() === name ? '' : tag;
    }
    if (NESTED.has(name)) {
      open.push(name);
    }
    return NESTED.has(name) || VOID.has(name) ? '' : tag;
  });
  return open.length === 0 && !rest.includes('<');
}

/**
 * Whether items of a list make it a loose one, whose items are paragraphs, by themselves or by the empty line before
 * `next`, the item that follows.
 */
export function isLooseBefore(items: string, next: string): boolean {
  const marker = /^ *\S+/u.exec(next)?.[0] ?? '';
  const [list] = lex(`${items}${marker} x`);
  return list?.type === 'list' && (list as Tokens.List).loose;
}

/** Renders blocks that belong together. What the parser cannot take is shown as it was written. */
export function renderTokens(tokens: readonly Token[], strings: PanelStrings): DocumentFragment {
  let html: string;
  try {
    html = markdown.parser([...tokens]);
  } catch {
    return renderPlain(tokens.map((token) => token.raw).join(''));
  }
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS,
    ALLOWED_ATTR,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  dress(fragment, strings);
  return fragment;
}

/** Shows a text without reading it as Markdown. */
function renderPlain(text: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  fragment.append(h('p', { class: 'plain', dir: 'auto' }, text));
  return fragment;
}

/** The first word of a fence's info string, such as "ts". */
export function languageOf(info: string | undefined): string {
  return /^\S*/u.exec(info ?? '')?.[0] ?? '';
}

/** A code block with its language and the buttons Copy and Insert, which the message list listens to. */
export function codeBlock(pre: HTMLPreElement, language: string, strings: PanelStrings): HTMLElement {
  pre.tabIndex = 0;
  pre.setAttribute('role', 'group');
  pre.setAttribute('aria-label', strings.code);
  const control = (name: 'copy' | 'insert', label: string): HTMLElement =>
    h(
      'button',
      { type: 'button', class: `text-button ${name}-code`, title: label, 'aria-label': label },
      icon(name),
      name === 'copy' ? h('span', {}, label) : null,
    );
  return h(
    'div',
    { class: 'code', dir: 'ltr' },
    h(
      'div',
      { class: 'code-head' },
      h('span', { class: 'code-language' }, language),
      h('div', { class: 'code-controls' }, control('insert', strings.insertCode), control('copy', strings.copy)),
    ),
    pre,
  );
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** What has a direction of its own: Hebrew beside English, each as it is read. Code is left to right whatever is in it. */
const DIRECTED = 'p, h1, h2, h3, h4, h5, h6, ul, ol, dl, blockquote, details, table';

function dress(fragment: DocumentFragment, strings: PanelStrings): void {
  for (const element of fragment.querySelectorAll(DIRECTED)) {
    // What is within has its direction: a browser looks at no text that has one of its own.
    if (element.closest('[dir]') === null) {
      element.setAttribute('dir', 'auto');
    }
  }
  const languages = new Map<Element, string>();
  for (const element of fragment.querySelectorAll('[class]')) {
    languages.set(element, /(?:^|\s)language-(\S+)/u.exec(element.className)?.[1] ?? '');
    // A class of the page would let an answer dress up as a part of the panel.
    element.removeAttribute('class');
  }
  for (const image of fragment.querySelectorAll('img')) {
    replaceImage(image);
  }
  for (const link of fragment.querySelectorAll('a')) {
    dressLink(link);
  }
  for (const pre of fragment.querySelectorAll('pre')) {
    const code = pre.querySelector('code');
    const language = code === null ? '' : (languages.get(code) ?? '');
    const placeholder = document.createComment('');
    pre.replaceWith(placeholder);
    placeholder.replaceWith(codeBlock(pre, language, strings));
  }
  for (const table of fragment.querySelectorAll('table')) {
    const frame = h('div', { class: 'table', tabindex: '0', role: 'group', 'aria-label': strings.table });
    table.replaceWith(frame);
    frame.append(table);
  }
}

/** Images are not loaded: fetching one tells a stranger that the answer was read, and with what. */
function replaceImage(image: HTMLImageElement): void {
  const source = image.getAttribute('src') ?? '';
  const text = image.getAttribute('alt')?.trim() ?? '';
  const name = text === '' ? source : text;
  if (isOpenableLink(source) && image.closest('a') === null) {
    image.replaceWith(h('a', { href: source }, name));
  } else {
    image.replaceWith(name);
  }
}

function dressLink(link: HTMLAnchorElement): void {
  const target = link.getAttribute('href') ?? '';
  if (!isOpenableLink(target)) {
    link.replaceWith(...link.childNodes);
    return;
  }
  // The address is always visible on hover, whatever the text of the link claims.
  link.title = target;
}
