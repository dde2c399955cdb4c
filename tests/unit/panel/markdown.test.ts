// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';

import { lex, renderTokens } from '../../../extension/webview/markdown.ts';
import { strings } from './strings.ts';

function rendered(markdown: string): HTMLElement {
  const element = document.createElement('div');
  element.append(renderTokens(lex(markdown), strings));
  return element;
}

describe('Markdown of a stranger', () => {
  const hostile: [string, string][] = [
    ['a script', '<script>alert(1)</script>'],
    ['a handler', '<b onclick="alert(1)">x</b>'],
    ['an image with a handler', '<img src=x onerror=alert(1)>'],
    ['an image', '![x](https://evil.example/track.png)'],
    ['an HTML image', '<img src="https://evil.example/track.png" srcset="https://evil.example/2.png">'],
    ['an SVG', '<svg><image href="https://evil.example/a.png"/><script>1</script></svg>'],
    ['MathML', '<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>'],
    ['a frame', '<iframe src="https://evil.example"></iframe>'],
    ['a form', '<form action="https://evil.example"><input name=p><button>Sign In</button></form>'],
    ['a style', '<p style="position:fixed;inset:0">x</p><style>*{display:none}</style>'],
    ['a link element', '<link rel=stylesheet href="https://evil.example/a.css">'],
    ['a script link', '[x](javascript:alert(1)) <a href="java&#10;script:alert(1)">y</a>'],
    ['a data link', '[x](data:text/html,<script>alert(1)</script>)'],
    ['a command link', '[x](command:workbench.action.terminal.new) <a href="vscode://a.b">y</a>'],
    ['a media element', '<video src="https://evil.example/a.mp4" autoplay></video><audio src=x></audio>'],
    ['a template', '<template><img src=x onerror=alert(1)></template>'],
    ['clobbering', '<a id="body" name="getElementById" href="https://a.example">x</a>'],
    ['a class of the panel', '<div class="error-card">Your session has ended</div>'],
    ['data attributes', '<div data-testid="sign-in" data-message-role="user">x</div>'],
    ['a language with quotes', '```"><img/src=x/onerror=alert(1)>\ncode\n```'],
  ];

  it.each(hostile)('cannot act, load or disguise itself: %s', (_name, markdown) => {
    const element = rendered(markdown);
    const forbidden =
      'script,style,link,iframe,object,embed,form,input,textarea,select,svg:not(.icon),math,video,audio,img,template,base,meta';
    expect(element.querySelector(forbidden)).toBeNull();
    for (const node of element.querySelectorAll('*')) {
      const ours = node.closest('.code-head, svg.icon') !== null || node.matches('.code > pre, .table');
      const allowed = ours ? /./u : /^(dir|href|title|align|start|colspan|rowspan|tabindex|class)$/u;
      expect(node.getAttributeNames().filter((name) => !allowed.test(name))).toEqual([]);
      expect(node.getAttributeNames().filter((name) => name.startsWith('on') || name === 'style')).toEqual([]);
      if (!ours) {
        expect(['', 'code', 'table', 'plain']).toContain(node.getAttribute('class') ?? '');
      }
      const href = node.getAttribute('href');
      expect(href === null || /^(https?|mailto):/u.test(href)).toBe(true);
    }
    expect(element.querySelectorAll('button:not(.copy-code, .insert-code)')).toHaveLength(0);
  });

  it('keeps the words of what it does not show', () => {
    expect(rendered('[read this](command:x) ![a chart](foo.png)').textContent.trim()).toBe('read this a chart');
  });

  it('shows images as links that say where they go', () => {
    const link = rendered('![a chart](https://example.com/a.png)').querySelector('a');
    expect(link?.textContent).toBe('a chart');
    expect(link?.title).toBe('https://example.com/a.png');
  });

  it('shows where a link goes, whatever it says of itself', () => {
    expect(rendered('[x](https://evil.example "https://bank.example")').querySelector('a')?.title).toBe(
      'https://evil.example',
    );
  });

  it('survives nesting that would exhaust the parser', () => {
    for (const text of ['>'.repeat(50_000), '*'.repeat(50_000), '['.repeat(20_000), '- '.repeat(5_000)]) {
      expect(rendered(text).textContent.length).toBeGreaterThan(0);
    }
  });
});

describe('Markdown', () => {
  it('gives code its language, its text as it is, and a Copy button', () => {
    const element = rendered('```ts title\nconst a = "<b>" && 1;\n```');
    expect(element.querySelector('.code-language')?.textContent).toBe('ts');
    expect(element.querySelector('pre')?.textContent).toBe('const a = "<b>" && 1;');
    expect(element.querySelector('.copy-code')?.textContent).toBe('Copy');
  });

  it('is written in the direction of its letters, code from left to right', () => {
    const list = ['- שלום', '', '  ```', '  let a', '  ```'].join('\n');
    const html = rendered(['# مرحبا', 'שלום, *world*', '> نعم', '| א |\n|---|\n| ב |', list].join('\n\n'));
    for (const tag of ['h1', 'p', 'blockquote', 'table', 'ul']) {
      expect(html.querySelector(tag)?.getAttribute('dir'), tag).toBe('auto');
    }
    // A browser looks at no text whose element has a direction of its own.
    expect(html.querySelectorAll('[dir="auto"] [dir="auto"]')).toHaveLength(0);
    expect(html.querySelector('li .code')?.getAttribute('dir')).toBe('ltr');
  });

  it('shows task lists as signs', () => {
    expect(rendered('- [x] done\n- [ ] open').textContent).toMatch(/☑ done[^]*☐ open/u);
  });

  it('puts tables into a frame that scrolls', () => {
    expect(rendered('| a | b |\n|---|--:|\n| 1 | 2 |').querySelector('.table > table td[align=right]')).not.toBeNull();
  });
});
