// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';

import { Highlighter, highlighted, isKnownLanguage, slicesOf } from '../../../extension/webview/highlight.ts';
import { StreamedMarkdown } from '../../../extension/webview/streamedMarkdown.ts';
import { strings } from './strings.ts';

/** A highlighter whose tasks are run by hand. */
function played() {
  const tasks: (() => void)[] = [];
  const highlighter = new Highlighter((task) => tasks.push(task));
  const run = (): number => {
    let count = 0;
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      task();
      count += 1;
    }
    return count;
  };
  return { highlighter, run };
}

function codeOnPage(text: string): HTMLElement {
  const code = document.createElement('code');
  code.textContent = text;
  document.body.append(code);
  return code;
}

const long = Array.from({ length: 900 }, (_, n) => `const a${String(n)} = 'b'; // c${n % 9 === 0 ? '\n' : ''}`).join(
  '\n',
);

describe('code in colours', () => {
  it.each([
    ['ts', 'const a = "<b>&amp;</b>"; // <script>'],
    ['python', 'def f(x):\n    """doc"""\n    return f"{x}"\n'],
    ['html', '<img src=x onerror=alert(1)><script>let a = 1</script>'],
    ['rust', '\nfn main() {}\n\n'],
  ])('is the same text: %s', (language, code) => {
    const fragment = highlighted(code, language);
    expect(fragment.textContent).toBe(code);
    expect(fragment.querySelectorAll('span').length).toBeGreaterThan(0);
    for (const element of fragment.querySelectorAll('*')) {
      expect(element.tagName).toBe('SPAN');
      expect(element.getAttributeNames()).toEqual(['class']);
      expect(element.className).toMatch(/^hljs-[a-z_-]+$/u);
    }
  });

  it('tells keywords from texts and comments', () => {
    const fragment = highlighted("const a = 'b'; // c", 'typescript');
    const text = (name: string): string | undefined => fragment.querySelector(`.hljs-${name}`)?.textContent;
    expect([text('keyword'), text('string'), text('comment')]).toEqual(['const', "'b'", '// c']);
  });

  it('knows the usual names of languages, and no others', () => {
    for (const name of [
      'ts',
      'tsx',
      'js',
      'jsx',
      'py',
      'rs',
      'sh',
      'html',
      'yml',
      'c++',
      'cs',
      'ps1',
      'toml',
      'JSON',
    ]) {
      expect(isKnownLanguage(name), name).toBe(true);
    }
    expect(isKnownLanguage('')).toBe(false);
    expect(isKnownLanguage('klingon')).toBe(false);
  });

  it('is cut into slices at the ends of lines', () => {
    const slices = slicesOf(long);
    expect(slices.join('')).toBe(long);
    expect(slices.length).toBeGreaterThan(3);
    expect(slices.slice(0, -1).every((slice) => slice.endsWith('\n\n') && slice.length <= 6_000)).toBe(true);
    const one = 'x'.repeat(20_000);
    expect(slicesOf(one).join('')).toBe(one);
    expect(slicesOf('')).toEqual(['']);
  });

  it('gets them a slice at a task, block after block', () => {
    const { highlighter, run } = played();
    const [first, second] = [codeOnPage(long), codeOnPage('let a')];
    highlighter.add(first, 'ts');
    highlighter.add(second, 'ts');
    highlighter.add(codeOnPage('let a'), 'klingon');
    expect(run()).toBe(slicesOf(long).length + 1);
    expect(first.textContent).toBe(long);
    expect([first, second].every((code) => code.querySelector('.hljs-keyword') !== null)).toBe(true);
  });

  it('is left alone when it is gone or cancelled', () => {
    const { highlighter, run } = played();
    const [gone, cancelled] = [codeOnPage('let a'), codeOnPage('let a')];
    highlighter.add(gone, 'ts');
    highlighter.add(cancelled, 'ts');
    gone.remove();
    highlighter.cancel(cancelled);
    run();
    expect(gone.firstElementChild ?? cancelled.firstElementChild).toBeNull();
  });
});

describe('a code block of an answer', () => {
  function shown(text: string, complete: boolean) {
    const { highlighter, run } = played();
    const streamed = new StreamedMarkdown(strings, highlighter);
    document.body.replaceChildren(streamed.element);
    streamed.update(text, complete);
    run();
    return { streamed, run, isColoured: () => streamed.element.querySelector('code .hljs-keyword') !== null };
  }

  it.each([
    ['not while it grows', '```ts\nlet a', false, false],
    ['once something follows it', '```ts\nlet a\n```\n\ntext', false, true],
    ['at the end', '```ts\nlet a', true, true],
    ['in a list', '- ```ts\n  let a\n  ```', true, true],
    ['beside HTML', '```ts\nlet a\n```\n\n<b>x</b>', true, true],
  ])('is coloured %s', (_name, text, complete, expected) => {
    expect(shown(text, complete).isColoured()).toBe(expected);
  });

  it('grows again when the answer is continued, and is coloured anew', () => {
    const { streamed, run, isColoured } = shown('```ts\nlet a', true);
    streamed.update('```ts\nlet a = 1;\nlet', false);
    run();
    expect(streamed.element.querySelector('code')?.textContent).toBe('let a = 1;\nlet');
    expect(isColoured()).toBe(false);
    streamed.update('```ts\nlet a = 1;\nlet b;\n```', true);
    run();
    expect(streamed.element.querySelector('code')?.textContent).toBe('let a = 1;\nlet b;');
    expect(streamed.element.querySelectorAll('.hljs-keyword')).toHaveLength(2);
  });
});
