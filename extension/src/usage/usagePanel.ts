/** `Godoty: Show Usage`: an editor with the usage page; a thin adapter between the page and the feed. */
import * as vscode from 'vscode';

import type { UsageOverview } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService } from '../account.ts';
import { EditorPage } from '../editorPage.ts';
import type { EditorPagePorts } from '../editorPage.ts';
import { wordsFor } from '../words.ts';
import { toCsv } from './csv.ts';
import { toPage } from './page.ts';
import { parsePageMessage } from './pageProtocol.ts';
import type { PageState, PageStrings } from './pageProtocol.ts';
import type { UsageFeed } from './usageFeed.ts';

export interface UsagePanelPorts extends EditorPagePorts {
  readonly account: Pick<AccountService, 'state' | 'restore' | 'onDidChangeState'>;
  readonly feed: UsageFeed;
  readonly runAction: (id: string) => void;
  readonly report: (what: string, error: unknown) => void;
}

export class UsagePanel implements vscode.Disposable {
  static readonly viewType = 'godoty.usage';

  readonly #ports: UsagePanelPorts;
  readonly #page: EditorPage;
  readonly #subscriptions: readonly vscode.Disposable[];
  #overview: UsageOverview | undefined;
  /** Why the account could not be asked the last time. */
  #unread: UsageOverview['unread'];
  #asking = 0;

  constructor(ports: UsagePanelPorts) {
    this.#ports = ports;
    this.#page = new EditorPage(ports, {
      viewType: UsagePanel.viewType,
      files: 'usage',
      title: () => vscode.l10n.t('Godoty Usage'),
      strings: pageStrings,
      receive: (raw) => this.#receive(raw),
    });
    this.#subscriptions = [
      ports.feed.onDidChange(() => this.#update(false)),
      ports.account.onDidChangeState(() => {
        this.#unread = undefined;
        this.#update(false);
      }),
    ];
  }

  /** Shows the page, in a new editor unless there is one. */
  async show(): Promise<void> {
    this.#page.show();
    await this.#ports.account.restore();
  }

  dispose(): void {
    this.#page.dispose();
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
  }

  #receive(raw: unknown): void {
    const { runAction, report } = this.#ports;
    const message = parsePageMessage(raw);
    switch (message?.type) {
      case undefined:
        report('the usage page', new Error('it sent a message that is not of the protocol'));
        break;
      case 'ready':
      case 'refresh':
        // The page comes up anew whenever it was out of sight; each time the account is asked.
        this.#update(true);
        break;
      case 'export':
        this.#export().catch((error: unknown) => report('exporting the usage', error));
        break;
      case 'action':
        runAction(message.id);
        break;
    }
  }

  #update(ask: boolean): void {
    if (!this.#page.isOpen) {
      return;
    }
    this.#read(ask).catch((error: unknown) => this.#ports.report('showing the usage', error));
  }

  async #read(ask: boolean): Promise<void> {
    const { feed } = this.#ports;
    if (ask) {
      this.#asking += 1;
    }
    try {
      // What is known is shown while the account is asked.
      this.#overview = await feed.overview(false);
      await this.#post();
      if (ask) {
        this.#overview = await feed.overview(true);
        this.#unread = this.#overview?.unread;
      }
    } finally {
      if (ask) {
        this.#asking -= 1;
        await this.#post();
      }
    }
  }

  async #post(): Promise<void> {
    await this.#page.post({ type: 'state', state: this.#state() });
  }

  #state(): PageState {
    switch (this.#ports.account.state.kind) {
      case 'restoring':
        return { kind: 'loading' };
      case 'signedOut':
        return { kind: 'signedOut' };
      case 'signedIn':
        return this.#overview === undefined
          ? { kind: 'loading' }
          : toPage(
              { ...this.#overview, ...(this.#unread === undefined ? {} : { unread: this.#unread }) },
              { l10n: vscode.l10n, language: vscode.env.language, busy: this.#asking > 0, wordsFor },
            );
    }
  }

  async #export(): Promise<void> {
    const overview = await this.#ports.feed.overview(false);
    const target = await vscode.window.showSaveDialog({
      title: vscode.l10n.t('Export the requests that are listed'),
      filters: { CSV: ['csv'] },
      saveLabel: vscode.l10n.t('Export'),
    });
    if (target === undefined || overview === undefined) {
      return;
    }
    try {
      await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(toCsv(overview.requests)));
    } catch (error) {
      this.#ports.report('exporting the usage', error);
      const again = vscode.l10n.t('Try Again');
      const words = vscode.l10n.t('The file could not be written. Choose another place.');
      if ((await vscode.window.showErrorMessage(words, again)) === again) {
        await this.#export();
      }
    }
  }
}

function pageStrings(): PageStrings {
  const { l10n } = vscode;
  return {
    title: l10n.t('Usage'),
    refresh: l10n.t('Refresh'),
    refreshing: l10n.t('Asking your account…'),
    refreshed: l10n.t('Up to date'),
    export: l10n.t('Export as CSV'),
    loading: l10n.t('Loading…'),
    signedOutTitle: l10n.t('See what your requests cost'),
    signedOutText: l10n.t('Sign in to see the requests of your account, from every window and device.'),
    signIn: l10n.t('Sign In'),
    emptyTitle: l10n.t('Nothing was asked yet'),
    emptyText: l10n.t('Each request will be listed here with its tokens, its cost and how it ended.'),
    newChat: l10n.t('New Chat'),
    models: l10n.t('By model'),
    model: l10n.t('Model'),
    periods: [l10n.t('Today'), l10n.t('Last 7 days'), l10n.t('This month')],
    requests: l10n.t('Requests'),
    time: l10n.t('Time'),
    tokensIn: l10n.t('Tokens in'),
    tokensOut: l10n.t('Tokens out'),
    cost: l10n.t('Cost'),
    outcome: l10n.t('How it ended'),
    legend: l10n.t('≈ marks an estimate from prices, which the bill replaces; – a cost that is not known.'),
  };
}
