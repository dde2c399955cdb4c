/** `Godoty: Doctor`: an editor with the doctor's page; a thin adapter between the page and the doctor. */
import * as vscode from 'vscode';

import { EditorPage } from '../editorPage.ts';
import type { EditorPagePorts } from '../editorPage.ts';
import type { Doctor } from './doctor.ts';
import { toPage } from './page.ts';
import { parsePageMessage } from './pageProtocol.ts';
import type { HostMessage, PageStrings } from './pageProtocol.ts';
import { toReport } from './report.ts';

export interface DoctorPanelPorts extends EditorPagePorts {
  readonly doctor: Doctor;
  readonly runAction: (id: string) => void;
  /** Texts that may stand nowhere in the report. */
  readonly secrets: () => readonly string[];
  /** Now, as ISO 8601. */
  readonly time: () => string;
  readonly report: (what: string, error: unknown) => void;
}

export class DoctorPanel implements vscode.Disposable {
  readonly #ports: DoctorPanelPorts;
  readonly #page: EditorPage;
  readonly #subscription: vscode.Disposable;

  constructor(ports: DoctorPanelPorts) {
    this.#ports = ports;
    this.#page = new EditorPage(ports, {
      viewType: 'godoty.doctor',
      files: 'doctor',
      title: () => vscode.l10n.t('Godoty Doctor'),
      strings: pageStrings,
      receive: (raw) => this.#receive(raw),
      closed: () => ports.doctor.cancel(),
    });
    this.#subscription = ports.doctor.onDidChange(() => this.#show());
  }

  /** Shows the page and begins anew. */
  show(): void {
    this.#page.show();
    this.#ports.doctor.start();
  }

  dispose(): void {
    this.#page.dispose();
    this.#subscription.dispose();
  }

  #receive(raw: unknown): void {
    const { doctor, report } = this.#ports;
    const message = parsePageMessage(raw);
    switch (message?.type) {
      case undefined:
        report('the doctor’s page', new Error('it sent a message that is not of the protocol'));
        break;
      case 'ready':
        // The page comes up anew whenever it was out of sight.
        this.#show();
        break;
      case 'again':
        doctor.start();
        break;
      case 'cancel':
        doctor.cancel();
        break;
      case 'copy':
        this.#copy().catch((error: unknown) => report('copying the report', error));
        break;
      case 'step':
        this.#take(message.id);
        break;
    }
  }

  #take(id: string): void {
    const { doctor, runAction } = this.#ports;
    switch (id) {
      case 'retry':
        doctor.start();
        break;
      case 'testWayBack':
      case 'testAnswer':
        doctor.test(id);
        break;
      default:
        runAction(id);
    }
  }

  async #copy(): Promise<void> {
    const { doctor, secrets, time } = this.#ports;
    await vscode.env.clipboard.writeText(toReport(doctor.lines, time(), secrets()));
    this.#say({ type: 'copied' });
  }

  #show(): void {
    this.#say({ type: 'state', state: toPage(this.#ports.doctor.lines) });
  }

  #say(message: HostMessage): void {
    this.#page.post(message).catch((error: unknown) => this.#ports.report('showing the doctor’s page', error));
  }
}

function pageStrings(): PageStrings {
  const { l10n } = vscode;
  return {
    title: l10n.t('Doctor'),
    progress: l10n.t('Checks that have ended'),
    again: l10n.t('Check Again'),
    cancel: l10n.t('Cancel'),
    copy: l10n.t('Copy Report'),
    copied: l10n.t('Copied'),
  };
}
