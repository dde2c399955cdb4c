// The panel's page in a real Chromium while an answer streams in at 1,000 tokens a second: the longest task of the main
// thread, beside a page that renders the whole answer again for every batch, as chat panels commonly do.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { tsImport } from 'tsx/esm/api';
import { TEXTS } from './texts.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ORIGIN = 'http://panel.test';
const CHARS_PER_TOKEN = 4;
const TOKENS = 12_000;
/** The host sends what has come in batches of this length. */
const BATCH_MS = 30;

const file = (...path) => readFileSync(join(root, ...path), 'utf8');
const version = (name) => JSON.parse(file('node_modules', name, 'package.json')).version;

const BROWSERS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/microsoft-edge',
];

/** Our page with its built script, and how it takes an answer. */
async function ours() {
  if (!existsSync(join(root, 'dist/webview/main.js')))
    throw new Error('the panel is not built: run `npm run build` first');
  const { panelHtml } = await tsImport('../../extension/src/chat/panelHtml.ts', import.meta.url);
  const { panelStrings } = await tsImport('../../extension/src/chat/l10n.ts', import.meta.url);
  const strings = panelStrings({ t: (message) => String(message) });
  const script = `${ORIGIN}/main.js`;
  const styles = [`${ORIGIN}/main.css`];
  return {
    files: { '/main.js': file('dist/webview/main.js'), '/main.css': file('dist/webview/main.css') },
    html: panelHtml({ cspSource: ORIGIN, nonce: 'bench', script, styles, language: 'en', strings }),
    before: 'window.acquireVsCodeApi = () => ({ postMessage() {}, getState() {}, setState() {} });',
    play: `
      const model = { id: 'm', label: 'm', detail: '', vision: false };
      const answer = { role: 'assistant', id: 'a', model: 'm', text: '', reasoning: '', earlierBills: [], state: { status: 'streaming' } };
      const state = { account: 'ready', model, notice: null, offline: false, transcript: [answer], attachments: [] };
      let seq = 1;
      const post = (message) => window.postMessage(message, '*');
      const patch = (event) => post({ type: 'patch', seq: ++seq, events: [event] });
      post({ type: 'state', seq, state, draft: { text: '', revision: 0 } });
      const grow = (text) => patch({ type: 'grew', id: 'a', text, reasoning: '' });
      const end = () => patch({ type: 'ended', id: 'a', state: { status: 'done', bill: { usage: null, cost: { text: '', detail: '' } } } });
    `,
  };
}

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

/** The longest task of the page's main thread in milliseconds of its CPU, so that a busy machine does not count. */
async function longestTask(browser, contestant, text) {
  const page = await browser.newPage({ viewport: { width: 320, height: 800 } });
  await page.addInitScript({ content: contestant.before });
  await page.route(`${ORIGIN}/**`, (route) => {
    const body = contestant.files[new URL(route.request().url()).pathname];
    const contentType = route.request().url().endsWith('.css') ? 'text/css' : 'text/javascript';
    return route.fulfill(
      body === undefined ? { contentType: 'text/html', body: contestant.html } : { contentType, body },
    );
  });
  await page.goto(`${ORIGIN}/`);
  await browser.startTracing(page, { categories: ['toplevel', 'devtools.timeline', '__metadata'] });
  await page.evaluate(`(async () => {
    ${contestant.play}
    const text = ${JSON.stringify(text)};
    const start = performance.now();
    let at = 0;
    await new Promise((done) => {
      const timer = setInterval(() => {
        // As many characters as the time that has passed is worth, even when a tick came late.
        const due = Math.min(text.length, Math.floor(performance.now() - start) * ${CHARS_PER_TOKEN});
        grow(text.slice(at, due));
        at = due;
        if (at >= text.length) { clearInterval(timer); end(); done(); }
      }, ${BATCH_MS});
    });
    await new Promise((done) => setTimeout(done, 2_000));
  })()`);
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  await page.close();
  const isMain = (event) => event.name === 'thread_name' && event.args.name === 'CrRendererMain';
  const mains = new Set(traceEvents.filter(isMain).map(({ pid, tid }) => `${pid}/${tid}`));
  const tasks = traceEvents.filter(
    ({ name, pid, tid }) => (name === 'RunTask' || name.endsWith('::RunTask')) && mains.has(`${pid}/${tid}`),
  );
  if (tasks.length === 0) throw new Error('the trace has no tasks');
  return tasks.reduce((longest, { tdur, dur }) => Math.max(longest, tdur ?? dur ?? 0), 0) / 1000;
}

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
