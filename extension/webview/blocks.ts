/**
 * One block of a Markdown text on the page. Code, lists and tables grow in place: of a list or a table only the parts that
 * changed are rendered, so that the cost of a new item does not grow with the number of those before it.
 */
import type { Token, Tokens } from 'marked';

import type { PanelStrings } from '../src/chat/strings.ts';
import { h } from './dom.ts';
import { codeBlock, languageOf, renderTokens } from './markdown.ts';

/** A block as it was read. Of a growing one, parts after the first may have been left out of the token, not of `raw`. */
export interface Piece {
  readonly token: Token;
  readonly raw: string;
  readonly leftOut: number;
}

export interface Block {
  readonly raw: string;
  readonly element: HTMLElement;
  readonly code: CodeText | null;
  readonly parts: ShownParts | null;
}

interface CodeText {
  readonly language: string;
  readonly text: string;
  readonly element: HTMLElement;
}

interface ShownParts {
  /** What every part depends on; when it changes, all of them are rendered again. */
  readonly frame: string;
  /** The list or the table's body. */
  readonly container: Element;
  readonly raws: readonly string[];
}

/** The items of a list or the rows of a table, as they were written. */
export interface Parts {
  readonly frame: string;
  /** How many characters stand before the first part. */
  readonly head: number;
  readonly raws: readonly string[];
}

/** The parts of a list or a table, or null when it is neither or can't be taken apart. */
export function partsOf(token: Token): Parts | null {
  if (isList(token)) {
    const raws = token.items.map((item) => item.raw);
    const frame = `list ${String(token.ordered)} ${String(token.start)} ${String(token.loose)}`;
    return token.raw.startsWith(raws.join('')) ? { frame, head: 0, raws } : null;
  }
  if (isTable(token)) {
    const lines = token.raw.split(/(?<=\n)/u);
    const frame = lines.slice(0, 2).join('');
    const raws = lines.slice(2, 2 + token.rows.length);
    return raws.length === token.rows.length && raws.length > 0 ? { frame, head: frame.length, raws } : null;
  }
  return null;
}

export function renderBlock({ token, raw }: Piece, strings: PanelStrings): Block {
  if (isCode(token)) {
    const language = languageOf(token.lang);
    const code = h('code', {}, token.text);
    const element = codeBlock(h('pre', {}, code), language, strings);
    return { raw, element, code: { language, text: token.text, element: code }, parts: null };
  }
  const element = h('div', { class: 'block' });
  element.append(renderTokens([token], strings));
  return { raw, element, code: null, parts: shownParts(token, element) };
}

/** The same block with what was added to it, or null when it must be rendered afresh. */
export function grownBlock(old: Block, piece: Piece, strings: PanelStrings): Block | null {
  return isCode(piece.token) ? grownCode(old, piece, piece.token) : grownParts(old, piece, strings);
}

function grownCode(old: Block, { raw }: Piece, token: Tokens.Code): Block | null {
  const { code } = old;
  if (code?.language !== languageOf(token.lang) || !token.text.startsWith(code.text)) {
    return null;
  }
  const { element } = code;
  const only = element.childNodes.length === 1 ? element.firstChild : null;
  if (only instanceof Text) {
    // A selection in it survives.
    only.appendData(token.text.slice(code.text.length));
  } else {
    element.replaceChildren(token.text);
  }
  return { ...old, raw, code: { ...code, text: token.text } };
}

function grownParts(old: Block, { token, raw, leftOut }: Piece, strings: PanelStrings): Block | null {
  const parts = partsOf(token);
  const shown = old.parts;
  if (parts === null || shown?.frame !== parts.frame) {
    return null;
  }
  const { container, raws } = shown;
  const place = (index: number): number => (index === 0 ? 0 : index + leftOut);
  const changed = parts.raws.map((_, index) => index).filter((index) => parts.raws[index] !== raws[place(index)]);
  const rendered = renderParts(token, new Set(changed), strings);
  if (rendered.length !== changed.length) {
    return null;
  }
  const news = [...raws];
  changed.forEach((index, at) => {
    const before = container.children[place(index)];
    const element = rendered[at] ?? '';
    if (before === undefined) {
      container.append(element);
    } else {
      before.replaceWith(element);
    }
    news[place(index)] = parts.raws[index] ?? '';
  });
  const count = place(parts.raws.length - 1) + 1;
  while (container.children.length > count) {
    container.lastElementChild?.remove();
  }
  return { ...old, raw, parts: { frame: parts.frame, container, raws: news.slice(0, count) } };
}

function shownParts(token: Token, element: HTMLElement): ShownParts | null {
  const parts = partsOf(token);
  const container = containerIn(element, token);
  // HTML in an answer may have taken the list apart.
  return parts !== null && container?.children.length === parts.raws.length
    ? { frame: parts.frame, container, raws: parts.raws }
    : null;
}

/** The elements of some of the parts. */
function renderParts(token: Token, indices: ReadonlySet<number>, strings: PanelStrings): Element[] {
  if (indices.size === 0) {
    return [];
  }
  const some = <T>(all: readonly T[]): T[] => all.filter((_, index) => indices.has(index));
  const reduced = isList(token)
    ? { ...token, items: some(token.items) }
    : isTable(token)
      ? { ...token, rows: some(token.rows) }
      : token;
  return [...(containerIn(renderTokens([reduced], strings), reduced)?.children ?? [])];
}

function containerIn(rendered: ParentNode, token: Token): Element | null {
  return rendered.querySelector(isList(token) ? 'ul, ol' : 'tbody');
}

const isCode = (token: Token): token is Tokens.Code => token.type === 'code';
const isList = (token: Token): token is Tokens.List => token.type === 'list';
const isTable = (token: Token): token is Tokens.Table => token.type === 'table';
