// The panel's page in a real Chromium while an answer streams in at 1,000 tokens a second: the longest task of the main
// thread, beside a page that renders the whole answer again for every batch, as chat panels commonly do.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { CHARS_PER_TOKEN, file, longestTask, ours } from './page.mjs';
import { TEXTS } from './texts.mjs';

const TOKENS = 12_000;

const version = (name) => JSON.parse(file('node_modules', name, 'package.json')).version;

const BROWSERS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/microsoft-edge',
];

/** A page that parses, sanitises and shows the whole answer at each batch, at most once a frame. */
const WHOLE = {
  html: '<!DOCTYPE html><meta charset=utf-8><script src="/marked.js"></script><script src="/purify.js"></script><div id=answer></div>',
  files: {
    '/marked.js': file('node_modules/marked/lib/marked.umd.js'),
    '/purify.js': file('node_modules/dompurify/dist/purify.min.js'),
  },
  before: '',
  play: `
    const answer = document.querySelector('#answer');
    let whole = '';
    let asked = false;
    const show = () => {
      asked = false;
      answer.innerHTML = DOMPurify.sanitize(marked.parse(whole));
      scrollTo(0, document.documentElement.scrollHeight);
    };
    const grow = (text) => {
      whole += text;
      if (!asked) requestAnimationFrame(show);
      asked = true;
    };
    const end = () => grow('');
  `,
};

export const describePanel = (line) =>
  `panel ${line.case.padEnd(6)} ${line.what}: ${line.ours_ms.toFixed(1)} ms; ${line.peer}: ${line.peer_ms.toFixed(1)} ms ` +
  `(${line.ratio.toFixed(2)}×)`;

export async function* benchPanel() {
  const executablePath = process.env.CHROMIUM ?? BROWSERS.find((path) => existsSync(path));
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const panel = await ours();
    const rounded = (number) => Number(number.toFixed(1));
    for (const [name, make] of Object.entries(TEXTS)) {
      const text = make(TOKENS * CHARS_PER_TOKEN);
      const oursMs = await longestTask(browser, panel, text);
      const peerMs = await longestTask(browser, WHOLE, text);
      yield {
        bench: 'panel',
        case: name,
        what: 'longest task at 1,000 tokens/s',
        tokens: TOKENS,
        ours_ms: rounded(oursMs),
        peer: `marked@${version('marked')} whole`,
        peer_ms: rounded(peerMs),
        ratio: Number((peerMs / oursMs).toFixed(2)),
      };
    }
  } finally {
    await browser.close();
  }
}
