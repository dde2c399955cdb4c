/** Starts the doctor's page. */
import '../page.css';
import './doctor.css';

import { parsePageStrings } from '../../src/doctor/pageProtocol.ts';
import type { PageMessage } from '../../src/doctor/pageProtocol.ts';
import { DoctorPage } from './doctorPage.ts';

declare function acquireVsCodeApi(): { postMessage(message: PageMessage): void };

const host = acquireVsCodeApi();
const strings = parsePageStrings(document.body.dataset['strings'] ?? '');
const page = new DoctorPage(document.body, strings, (message) => host.postMessage(message));

window.addEventListener('message', (event: MessageEvent<unknown>) => {
  page.receive(event.data);
});
page.start();
