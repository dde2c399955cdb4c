/**
 * Shows a Markdown text that grows. Only its last blocks are read and rendered again; those before them are settled.
 * When the text is complete it is read once more as a whole, so that the result equals a rendering in one go.
 */
import type { Token, Tokens } from 'marked';

import type { PanelStrings } from '../src/chat/strings.ts';
import { h } from './dom.ts';
import { areDependent, codeBlock, languageOf, lex, renderTokens } from './markdown.ts';

/**
 * A block can still change while text is added to it, and so can the one before it: "a" and "***" are a paragraph and
 * a rule until "***b***" makes them one paragraph. Nothing reaches further back than this.
 */
const OPEN_BLOCKS = 2;

interface Block {
  readonly raw: string;
  readonly element: HTMLElement;
  /** The text node of a code block, which grows in place: a selection in it survives. */
  readonly code: { readonly language: string; readonly text: Text } | null;
}

export class StreamedMarkdown {
  readonly element = h('div', { class: 'markdown' });
  readonly #strings: PanelStrings;
  #text = '';
  #complete = false;
  #blocks: Block[] = [];
  /** How many blocks, and how many characters of the text, no later text can change. */
  #settled = { blocks: 0, chars: 0 };

  constructor(strings: PanelStrings) {
    this.#strings = strings;
  }

  /** Shows `text`. While it is not complete it may only grow; anything else is rendered afresh. */
  update(text: string, complete: boolean): void {
    const normal = text.includes('\r') ? text.replaceAll(/\r\n?/gu, '\n') : text;
    if (normal === this.#text && complete === this.#complete) {
      return;
    }
    if (!normal.startsWith(this.#text)) {
      this.#settled = { blocks: 0, chars: 0 };
    }
    this.#text = normal;
    this.#complete = complete;
    if (complete) {
      this.#renderWhole();
    } else {
      this.#renderTail();
    }
  }

  #renderTail(): void {
    const { blocks, chars } = this.#settled;
    const tail = this.#text.slice(chars);
    const tokens = lex(tail);
    this.#show(blocks, tokens);
    if (tokens.reduce((length, token) => length + token.raw.length, 0) !== tail.length) {
      return;
    }
    const open = tokens.filter((token) => token.type !== 'space').slice(-OPEN_BLOCKS);
    const closed = tokens.slice(
      0,
      tokens.findIndex((token) => token === open[0]),
    );
    this.#settled = {
      blocks: blocks + closed.length,
      chars: closed.reduce((length, token) => length + token.raw.length, chars),
    };
  }

  #renderWhole(): void {
    const tokens = lex(this.#text);
    if (areDependent(tokens)) {
      this.element.replaceChildren(renderTokens(tokens, this.#strings));
      this.#blocks = [];
      this.#settled = { blocks: 0, chars: 0 };
    } else {
      this.#show(0, tokens);
    }
  }

  /** Makes the blocks from `first` on show `tokens`, touching only what differs. */
  #show(first: number, tokens: readonly Token[]): void {
    if (this.#blocks.length === 0) {
      this.element.replaceChildren();
    }
    tokens.forEach((token, offset) => {
      const index = first + offset;
      const old = this.#blocks[index];
      if (old?.raw === token.raw) {
        return;
      }
      const block = (old === undefined ? null : grownCode(old, token)) ?? this.#render(token);
      if (old === undefined) {
        this.element.append(block.element);
      } else if (old.element !== block.element) {
        old.element.replaceWith(block.element);
      }
      this.#blocks[index] = block;
    });
    for (const block of this.#blocks.splice(first + tokens.length)) {
      block.element.remove();
    }
  }

  #render(token: Token): Block {
    const code = codeOf(token);
    if (code !== null) {
      const language = languageOf(code.lang);
      const text = document.createTextNode(code.text);
      const element = codeBlock(h('pre', {}, h('code', {}, text)), language, this.#strings);
      return { raw: token.raw, element, code: { language, text } };
    }
    const element = h('div', { class: 'block' });
    element.append(renderTokens([token], this.#strings));
    return { raw: token.raw, element, code: null };
  }
}

/** The same code block with more text, or null when the token is not that. */
function grownCode(old: Block, token: Token): Block | null {
  const code = codeOf(token);
  if (old.code === null || code === null) {
    return null;
  }
  const { language, text } = old.code;
  if (languageOf(code.lang) !== language || !code.text.startsWith(text.data)) {
    return null;
  }
  text.appendData(code.text.slice(text.length));
  return { raw: token.raw, element: old.element, code: old.code };
}

function codeOf(token: Token): Tokens.Code | null {
  return token.type === 'code' ? (token as Tokens.Code) : null;
}
