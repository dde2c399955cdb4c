// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';

import { panelHtml } from '../../../extension/src/chat/panelHtml.ts';
import { parseStrings } from '../../../extension/src/chat/strings.ts';
import { strings } from './strings.ts';

const nasty = `"'><script>alert(1)</script>&amp;`;
const html = panelHtml({
  cspSource: 'https://*.vscode-cdn.net',
  nonce: 'n0nce',
  script: 'https://file.vscode-cdn.net/main.js',
  styles: ['https://file.vscode-cdn.net/page.css', 'https://file.vscode-cdn.net/main.css'],
  language: 'de',
  strings: { ...strings, send: nasty },
});
const page = new DOMParser().parseFromString(html, 'text/html');

describe('the page of the panel', () => {
  it('may load its own script, style and fonts, show images that it holds, and nothing else', () => {
    const policy = page.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute('content');
    expect(policy?.split('; ')).toEqual([
      "default-src 'none'",
      'style-src https://*.vscode-cdn.net',
      "script-src 'nonce-n0nce'",
      'img-src data:',
      'font-src https://*.vscode-cdn.net',
      "base-uri 'none'",
      "form-action 'none'",
    ]);
  });

  it('has one script, with the nonce, and no inline code or style', () => {
    expect(Array.from(page.scripts, ({ src, nonce, text }) => ({ src, nonce, text }))).toEqual([
      { src: 'https://file.vscode-cdn.net/main.js', nonce: 'n0nce', text: '' },
    ]);
    expect(page.querySelector('style, [style], [onload]')).toBeNull();
    const styles = Array.from(page.querySelectorAll('link'), ({ rel, href }) => [rel, href.split('/').at(-1)]);
    expect(styles).toEqual([
      ['stylesheet', 'page.css'],
      ['stylesheet', 'main.css'],
    ]);
  });

  it('carries the texts unharmed, whatever is in them', () => {
    expect(parseStrings(page.body.dataset['strings'] ?? '').send).toBe(nasty);
    expect(page.documentElement.lang).toBe('de');
  });
});
