// The panel's built page in a real Chromium, while an answer streams into it: how long the longest task of its main thread is.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { tsImport } from 'tsx/esm/api';

/**
 * A page that can show an answer.
 *
 * @typedef {object} Contestant
 * @property {string} html
 * @property {Readonly<Record<string, string>>} files what the page loads, by path
 * @property {string} before a script that runs before those of the page
 * @property {string} play a script that gives `grow(text)`, which adds to the answer, and `end()`
 */

/**
 * @typedef {object} TraceEvent
 * @property {string} name
 * @property {number} pid
 * @property {number} tid
 * @property {{readonly name?: string}} [args]
 * @property {number} [tdur] the processor's time, in microseconds
 * @property {number} [dur] the time that passed
 */

const root = fileURLToPath(new URL('../..', import.meta.url));
const ORIGIN = 'http://panel.test';
export const CHARS_PER_TOKEN = 4;
/** The host sends what has come in batches of this length. */
const BATCH_MS = 30;

/**
 * A file of the checkout.
 *
 * @param {readonly string[]} names
 */
export const file = (...names) => readFileSync(path.join(root, ...names), 'utf8');

/**
 * Our page with its built script, and how it takes an answer.
 *
 * @returns {Promise<Contestant>}
 */
export async function ours() {
  if (!existsSync(path.join(root, 'dist/webview/main.js'))) {
    throw new Error('the panel is not built: run `npm run build` first');
  }
  const { panelHtml } = await tsImport('../../extension/src/chat/panelHtml.ts', import.meta.url);
  const { panelStrings } = await tsImport('../../extension/src/chat/l10n.ts', import.meta.url);
  const strings = panelStrings({ t: String });
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

/**
 * The longest task of the page's main thread in milliseconds of its CPU, so that a busy machine does not count, while `text`
 * streams in at 1,000 tokens a second and is coloured after its end.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {Contestant} contestant
 * @param {string} text
 */
export async function longestTask(browser, contestant, text) {
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
    if (document.body.textContent.length < text.length / 3) throw new Error('the page does not show the answer');
  })()`);
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  await page.close();
  /** @type {readonly TraceEvent[]} */
  const events = traceEvents;
  const ofThread = (/** @type {TraceEvent} */ { pid, tid }) => `${pid}/${tid}`;
  const mains = new Set(
    events.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain').map(ofThread),
  );
  const tasks = events.filter(
    (event) => (event.name === 'RunTask' || event.name.endsWith('::RunTask')) && mains.has(ofThread(event)),
  );
  if (tasks.length === 0) throw new Error('the trace has no tasks');
  return tasks.reduce((longest, { tdur, dur }) => Math.max(longest, tdur ?? dur ?? 0), 0) / 1000;
}
