/**
 * Shows a Markdown text that grows. Only its last blocks are read and rendered again, and of a long list or table only
 * its last parts; what is before them is settled. When the text is complete it is read once more as a whole, so that the
 * result equals a rendering in one go.
 */
import type { Token } from 'marked';

import type { PanelStrings } from '../src/chat/strings.ts';
import { grownBlock, partsOf, renderBlock } from './blocks.ts';
import type { Block, Parts, Piece } from './blocks.ts';
import { h } from './dom.ts';
import type { Highlighter } from './highlight.ts';
import { bondsOf, hasHtml, isLooseBefore, lex, renderTokens } from './markdown.ts';

/**
 * A block can still change while text is added to it, and so can the two before it: "a", "2. b" and "-" are a paragraph and two
 * lists until "- c" makes the first two one paragraph. Nothing reaches further back than this.
 */
const OPEN_BLOCKS = 3;

/** The same of the items of a list and the rows of a table: "a" and "***" are two until "***b***" makes them one. */
const OPEN_PARTS = 2;

/** The first part of a block is always read: the kind of a list and its first number depend on it. */
const KEPT_PARTS = 1 + OPEN_PARTS;

/** The settled middle of a long list or table, which is not read again. Positions are those in the text. */
interface Gap {
  readonly from: number;
  readonly to: number;
  readonly parts: number;
  /** What is read in its place: an empty line where an item in the gap makes the list a loose one. */
  readonly filler: string;
}

export class StreamedMarkdown {
  readonly element = h('div', { class: 'markdown' });
  readonly #strings: PanelStrings;
  readonly #highlighter: Highlighter;
  #text = '';
  #complete = false;
  #blocks: Block[] = [];
  /** How many blocks, and how many characters of the text, no later text can change. */
  #settled = { blocks: 0, chars: 0 };
  #gap: Gap | null = null;

  constructor(strings: PanelStrings, highlighter: Highlighter) {
    this.#strings = strings;
    this.#highlighter = highlighter;
  }

  /** Shows `text`. While it is not complete it may only grow; anything else is rendered afresh. */
  update(text: string, complete: boolean): void {
    const normal = text.includes('\r') ? text.replaceAll(/\r\n?/gu, '\n') : text;
    if (normal === this.#text && complete === this.#complete) {
      return;
    }
    if (!normal.startsWith(this.#text)) {
      this.#settled = { blocks: 0, chars: 0 };
      this.#gap = null;
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
    let pieces = this.#readTail();
    if (pieces === null || !this.#show(blocks, pieces)) {
      // The block of the gap has become another one.
      this.#gap = null;
      pieces = this.#readTail() ?? [];
      this.#show(blocks, pieces);
    }
    this.#colour(blocks, pieces);
    const length = pieces.reduce((sum, { raw }) => sum + raw.length, 0);
    if (chars + length === this.#text.length) {
      this.#settle(pieces);
    }
  }

  /** The blocks from the first that is not settled; null when the gap is not where parts of a block were any more. */
  #readTail(): Piece[] | null {
    const { chars } = this.#settled;
    const gap = this.#gap;
    if (gap === null) {
      return whole(lex(this.#text.slice(chars)));
    }
    const tail = this.#text.slice(chars, gap.from) + gap.filler + this.#text.slice(gap.to);
    const pieces: Piece[] = [];
    let start = chars;
    let isFound = false;
    for (const token of lex(tail)) {
      const { raw } = token;
      const cut = gap.from - start;
      if (!isFound && cut > 0 && cut < raw.length) {
        const parts = partsOf(token);
        const [first = ''] = parts?.raws ?? [];
        if (parts === null || parts.head + first.length !== cut + gap.filler.length) {
          return null;
        }
        isFound = true;
        const middle = this.#text.slice(gap.from, gap.to);
        const full = raw.slice(0, cut) + middle + raw.slice(cut + gap.filler.length);
        pieces.push({ token, raw: full, leftOut: gap.parts });
        start += full.length;
      } else {
        pieces.push({ token, raw, leftOut: 0 });
        start += raw.length;
      }
    }
    return isFound ? pieces : null;
  }

  /** Settles all but the last blocks, and the middle of the last one. */
  #settle(pieces: readonly Piece[]): void {
    const open = pieces.filter(({ token }) => token.type !== 'space').slice(-OPEN_BLOCKS);
    const closed = pieces.slice(0, open[0] === undefined ? 0 : pieces.indexOf(open[0]));
    closed.forEach((_, offset) => {
      this.#colourBlock(this.#blocks[this.#settled.blocks + offset]);
    });
    this.#settled = {
      blocks: this.#settled.blocks + closed.length,
      chars: closed.reduce((length, { raw }) => length + raw.length, this.#settled.chars),
    };
    if (this.#gap !== null && this.#gap.from <= this.#settled.chars) {
      this.#gap = null;
    }
    const last = open.at(-1);
    if (last === undefined) {
      return;
    }
    const parts = partsOf(last.token);
    const isOther = this.#gap !== null && last.leftOut === 0;
    if (parts !== null && !isOther && parts.raws.length > KEPT_PARTS) {
      let start = this.#settled.chars;
      for (const piece of pieces.slice(closed.length, pieces.indexOf(last))) {
        start += piece.raw.length;
      }
      this.#gap = this.#widerGap(start, parts);
    }
  }

  #widerGap(start: number, { head, raws, frame }: Parts): Gap {
    const [first = ''] = raws;
    const old = this.#gap;
    const news = raws.slice(1, 1 - KEPT_PARTS).join('');
    const from = old?.from ?? start + head + first.length;
    const to = (old?.to ?? from) + news.length;
    const isLoose =
      frame.startsWith('list') &&
      (old?.filler === '\n' || isLooseBefore((old === null ? first : '') + news, raws.at(-OPEN_PARTS) ?? ''));
    return { from, to, parts: (old?.parts ?? 0) + raws.length - KEPT_PARTS, filler: isLoose ? '\n' : '' };
  }

  #renderWhole(): void {
    this.#gap = null;
    const tokens = lex(this.#text);
    const { together, defines } = bondsOf(tokens);
    if (together) {
      this.element.replaceChildren(renderTokens(tokens, this.#strings));
      this.#blocks = [];
      this.#settled = { blocks: 0, chars: 0 };
      this.#colourIn(this.element);
    } else {
      // While the text grew, no link was known whose definition came later, and parts of a block were rendered alone.
      this.#show(0, whole(tokens), ({ token, raw }) => {
        return (defines && raw.includes('[')) || (partsOf(token) !== null && raw.includes('<') && hasHtml(token));
      });
      for (const block of this.#blocks) {
        this.#colourBlock(block);
      }
    }
  }

  /**
   * Makes the blocks from `first` on show `pieces`, touching only what differs and what is stale. False when a block of
   * which parts were left out can't grow in place.
   */
  #show(first: number, pieces: readonly Piece[], isStale: (piece: Piece) => boolean = () => false): boolean {
    if (this.#blocks.length === 0) {
      this.element.replaceChildren();
    }
    for (const [offset, piece] of pieces.entries()) {
      const index = first + offset;
      const old = this.#blocks[index];
      const stale = isStale(piece);
      if (old?.raw === piece.raw && !stale) {
        continue;
      }
      if (old?.code) {
        this.#highlighter.cancel(old.code.element);
      }
      const grown = old === undefined || stale ? null : grownBlock(old, piece, this.#strings);
      if (grown === null && piece.leftOut > 0) {
        return false;
      }
      const block = grown ?? renderBlock(piece, this.#strings);
      if (old === undefined) {
        this.element.append(block.element);
      } else if (old.element !== block.element) {
        old.element.replaceWith(block.element);
      }
      this.#blocks[index] = block;
    }
    for (const block of this.#blocks.splice(first + pieces.length)) {
      block.element.remove();
    }
    return true;
  }

  /** Colours the code blocks that others follow: they are closed. */
  #colour(first: number, pieces: readonly Piece[]): void {
    const last = pieces.findLastIndex(({ token }) => token.type !== 'space');
    for (let offset = 0; offset < last; offset += 1) {
      const block = this.#blocks[first + offset];
      if (block?.code) {
        this.#colourBlock(block);
      }
    }
  }

  #colourBlock(block: Block | undefined): void {
    if (block?.code) {
      this.#highlighter.add(block.code.element, block.code.language);
    } else if (block !== undefined) {
      this.#colourIn(block.element);
    }
  }

  #colourIn(element: HTMLElement): void {
    for (const frame of element.querySelectorAll('.code')) {
      const code = frame.querySelector('pre > code');
      if (code !== null) {
        this.#highlighter.add(code, frame.querySelector('.code-language')?.textContent ?? '');
      }
    }
  }
}

function whole(tokens: readonly Token[]): Piece[] {
  return tokens.map((token) => ({ token, raw: token.raw, leftOut: 0 }));
}
