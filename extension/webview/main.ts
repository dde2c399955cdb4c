/** Starts the panel in its page. */
import './chat.css';

import { parseStrings } from '../src/chat/strings.ts';
import { App } from './app.ts';
import { Host } from './host.ts';
import type { VsCodeApi } from './host.ts';
import { browserImageReader } from './imageReader.ts';

declare function acquireVsCodeApi(): VsCodeApi;

const app = new App(
  document.body,
  new Host(acquireVsCodeApi()),
  parseStrings(document.body.dataset['strings'] ?? ''),
  {
    now: () => performance.now(),
    frame: (callback) => {
      requestAnimationFrame(callback);
    },
    after: (callback, delayMs) => {
      setTimeout(callback, delayMs);
    },
  },
  browserImageReader,
);

window.addEventListener('message', (event: MessageEvent<unknown>) => {
  app.receive(event.data);
});
new ResizeObserver(() => {
  app.resized();
}).observe(app.area);
const connectionChanged = (): void => {
  app.connectionChanged(navigator.onLine);
};
window.addEventListener('online', connectionChanged);
window.addEventListener('offline', connectionChanged);
window.addEventListener('pagehide', () => {
  app.leaving();
});
app.start();
connectionChanged();
