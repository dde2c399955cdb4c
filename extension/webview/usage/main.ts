/** Starts the usage page. */
import '../page.css';
import './usage.css';

import { parsePageStrings } from '../../src/usage/pageProtocol.ts';
import type { PageMessage } from '../../src/usage/pageProtocol.ts';
import { UsagePage } from './usagePage.ts';

declare function acquireVsCodeApi(): { postMessage(message: PageMessage): void };

const host = acquireVsCodeApi();
const strings = parsePageStrings(document.body.dataset['strings'] ?? '');
const page = new UsagePage(document.body, strings, (message) => host.postMessage(message));

window.addEventListener('message', (event: MessageEvent<unknown>) => {
  page.receive(event.data);
});
page.start();
