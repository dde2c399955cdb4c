// @vitest-environment jsdom
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Highlighter } from '../../../extension/webview/highlight.ts';
import { lex, renderTokens } from '../../../extension/webview/markdown.ts';
import { StreamedMarkdown } from '../../../extension/webview/streamedMarkdown.ts';
import { strings } from './strings.ts';

/** The elements without the wrappers that let blocks be replaced one by one. */
function normalised(element: Element): string {
  const copy = element.cloneNode(true) as Element;
  for (const block of copy.querySelectorAll(':scope > .block')) {
    block.replaceWith(...block.childNodes);
  }
  return copy.innerHTML.replaceAll(/>\s+</gu, '><').trim();
}

/** Nothing is coloured here. */
const streaming = (): StreamedMarkdown => new StreamedMarkdown(strings, new Highlighter(() => undefined));

function inOneGo(text: string): string {
  const element = document.createElement('div');
  element.append(renderTokens(lex(text.replaceAll(/\r\n?/gu, '\n')), strings));
  return normalised(element);
}

const piece = fc.constantFrom(
  ...['a', 'word ', '**bold**', '*', '`code`', '``', '[l](https://e.example)', '![i](https://e.example/a.png)'],
  ...[
    '\n',
    '\n\n',
    '\r\n',
    '# h\n',
    '- item\n',
    '  - deep\n',
    '1. one\n',
    '> quote\n',
    '---\n',
    '***',
    '===\n',
    '    ',
  ],
  ...['```ts\n', '```\n', '~~~\n', 'let x = 1;\n', '| a | b |\n', '|---|---|\n', '| 1 | 2 |\n', '\\', '&amp;', '<'],
  ...['<b>x</b>', '<b>', '</b>', '<br>', '<i title="y">z</i>', '<td>', '<!-- c -->', '<div>\n\n', '</div>\n'],
  ...['<details>\n', '</details>\n', '[r]: https://r.example\n', '[r]', '[r][r]', '- [x] t\n', '☃', '  \n'],
);
const anyText = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));

/** Long lists and tables, of which only the ends are read again. */
const item = fc.constantFrom(
  ...['- a\n', '- b\n\n', '- c\n  more\n', '- d\n\n  more\n', '- ', '-', '- - -\n', '* e\n', '  - deep\n', '   - f\n'],
  ...[
    '1. a\n',
    '2. b\n',
    '10. c\n\n',
    '7) d\n',
    '- [x] t\n',
    '- ```\n  code\n  ```\n',
    '> q\n',
    'lazy\n',
    '\n',
    '\n\n',
    '---\n',
  ],
  ...[
    '| a | b |\n|---|--:|\n',
    '| 1 | 2 |\n',
    '| **3** |\n',
    '|',
    '| `4` | 5 | 6 |\n',
    '# h\n',
    '===\n',
    '  \n',
    '    x\n',
  ],
);
const longBlocks = fc
  .array(fc.tuple(item, fc.integer({ min: 1, max: 6 })), { maxLength: 10 })
  .map((runs) => runs.map(([text, times]) => text.repeat(times)).join(''));

// A page without a browser is slow, and the machine may be busy with other suites.
const timeout = 120_000;

describe('a Markdown text that grows', () => {
  it('ends as the same page, however it was split', { timeout }, () => {
    fc.assert(
      fc.property(anyText, fc.array(fc.nat({ max: 200 }), { maxLength: 8 }), (text, cuts) => {
        const streamed = streaming();
        for (const cut of cuts.toSorted((a, b) => a - b)) {
          streamed.update(text.slice(0, cut), false);
        }
        streamed.update(text, true);
        expect(normalised(streamed.element)).toBe(inOneGo(text));
      }),
      { numRuns: 150 },
    );
  });

  it('looks, at every moment, like what has come so far', { timeout }, () => {
    // Definitions and HTML reach over blocks, and are only right at the end.
    const local = anyText.filter((text) => !/\[r\]|</u.test(text));
    fc.assert(
      fc.property(local, fc.integer({ min: 1, max: 9 }), (text, step) => {
        const streamed = streaming();
        for (let length = step; length <= text.length; length += step) {
          streamed.update(text.slice(0, length), false);
          expect(normalised(streamed.element)).toBe(inOneGo(text.slice(0, length)));
        }
      }),
      {
        numRuns: 40,
        examples: [
          ['a\n***b***\n\nc', 1],
          ['a\n- b\n', 1],
          ['| a |\n|---|\n| b |\n', 1],
          ['- a\n\n  b\n\nc', 1],
          ['a\n2. b\n2. b\n  - c\n', 1],
        ],
      },
    );
  });

  it('looks, at every moment, like what has come so far: long lists and tables', { timeout }, () => {
    fc.assert(
      fc.property(longBlocks, fc.integer({ min: 1, max: 23 }), (text, step) => {
        const streamed = streaming();
        for (let length = step; length < text.length + step; length += step) {
          streamed.update(text.slice(0, length), false);
          expect(normalised(streamed.element)).toBe(inOneGo(text.slice(0, length)));
        }
        streamed.update(text, true);
        expect(normalised(streamed.element)).toBe(inOneGo(text));
      }),
      {
        numRuns: 30,
        endOnFailure: true,
        examples: [
          ['- a\n'.repeat(9) + '\n- b\n- c\n', 1],
          ['- a\n\n' + '- b\n'.repeat(9) + '- - -\n', 1],
          ['intro\n1. a\n' + '2. b\n'.repeat(9) + '\nend', 2],
          ['10. c\n' + '   - f\n'.repeat(9), 3],
          ['| a | b |\n|---|--:|\n' + '| 1 | 2 |\n'.repeat(9) + '# h\n', 2],
        ],
      },
    );
  });

  it('ends as the same page where HTML or links reach over the parts of a list or a table', { timeout }, () => {
    const reaching = fc.constantFrom('<b>x</b> ', '<b>', '</b>', '[r]', '\n\n[r]: https://r.example\n\n', '\n</b>\n');
    const mixed = fc.array(fc.oneof(item, reaching), { maxLength: 25 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(mixed, fc.integer({ min: 5, max: 23 }), (text, step) => {
        const streamed = streaming();
        for (let length = step; length < text.length; length += step) {
          streamed.update(text.slice(0, length), false);
        }
        streamed.update(text, true);
        expect(normalised(streamed.element)).toBe(inOneGo(text));
      }),
      { numRuns: 40 },
    );
  });

  it('leaves the settled items of a list and rows of a table alone', () => {
    for (const [head, part] of [
      ['', '- item\n'],
      ['| a |\n|---|\n', '| 1 |\n'],
    ] as const) {
      const streamed = streaming();
      for (let count = 1; count < 30; count += 1) {
        streamed.update(head + part.repeat(count), false);
      }
      const before = [...streamed.element.querySelectorAll('li, tbody tr')];
      streamed.update(head + part.repeat(40), true);
      const after = [...streamed.element.querySelectorAll('li, tbody tr')];
      expect(after).toHaveLength(40);
      expect(after.slice(0, 26)).toEqual(before.slice(0, 26));
      expect(after.slice(0, 26).every((element, index) => element === before[index])).toBe(true);
    }
  });

  it('leaves settled blocks alone', () => {
    const streamed = streaming();
    streamed.update('# One\n\ntwo\n\nthree\n\nfour', false);
    const [first, , second] = streamed.element.children;
    streamed.update('# One\n\ntwo\n\nthree\n\nfour and more\n\nfive', false);
    streamed.update('# One\n\ntwo\n\nthree\n\nfour and more\n\nfive', true);
    expect(first?.textContent.trim()).toBe('One');
    expect(streamed.element.contains(first ?? null)).toBe(true);
    expect(streamed.element.contains(second ?? null)).toBe(true);
  });

  it('leaves settled blocks alone at the end, too, when HTML stays within blocks and links are defined', () => {
    const text = 'one <b>two</b>\n\nthree<br>four\n\n[r] five\n\nsix\n\n[r]: https://r.example\n';
    const streamed = streaming();
    for (let length = 1; length < text.length; length += 1) {
      streamed.update(text.slice(0, length), false);
    }
    const paragraph = (name: string) =>
      [...streamed.element.querySelectorAll('p')].find(({ textContent }) => textContent.includes(name));
    const before = ['one', 'three', 'six'].map(paragraph);
    expect(paragraph('five')?.querySelector('a')).toBe(null);
    streamed.update(text, true);
    expect(['one', 'three', 'six'].every((name, index) => paragraph(name) === before[index])).toBe(true);
    expect(paragraph('five')?.querySelector('a')?.title).toBe('https://r.example');
  });

  it('lets a code block grow in place, so that a selection in it stays', () => {
    const streamed = streaming();
    streamed.update('```ts\nlet a', false);
    const pre = streamed.element.querySelector('pre');
    streamed.update('```ts\nlet a = 1;\nlet b', false);
    streamed.update('```ts\nlet a = 1;\nlet b = 2;\n```', true);
    expect(streamed.element.querySelector('pre')).toBe(pre);
    expect(pre?.textContent).toBe('let a = 1;\nlet b = 2;');
  });

  it('can go on after it was complete', () => {
    const streamed = streaming();
    streamed.update('a <b>b</b>', true);
    streamed.update('a <b>b</b> c', false);
    expect(streamed.element.textContent.trim()).toBe('a b c');
  });

  it('starts again when the text is another one', () => {
    const streamed = streaming();
    streamed.update('# A\n\nb\n\nc\n\nd', false);
    streamed.update('other', false);
    expect(streamed.element.textContent).toBe('other\n');
  });
});
