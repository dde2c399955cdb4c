/** What was used, as the core's ledger has it. Where there is no session it loads nothing. */
import { EventEmitter } from 'vscode';

import type { UsageOverview, UsageSnapshot } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService } from '../account.ts';

export interface UsageFeedPorts {
  readonly account: Pick<AccountService, 'state' | 'loadedClient' | 'onUsageChanged' | 'onDidChangeState'>;
  readonly showEstimates: () => boolean;
  /** Runs something once after so many milliseconds, unless it is cancelled. */
  readonly schedule: (run: () => void, milliseconds: number) => () => void;
  readonly report: (what: string, error: unknown) => void;
}

export class UsageFeed {
  readonly #ports: UsageFeedPorts;
  readonly #changed = new EventEmitter<void>();
  readonly #subscriptions: readonly { dispose(): void }[];
  #current: UsageSnapshot | undefined;
  #userId: string | undefined;
  #cancelMidnight = (): void => undefined;

  readonly onDidChange = this.#changed.event;

  constructor(ports: UsageFeedPorts) {
    this.#ports = ports;
    this.#subscriptions = [
      ports.account.onUsageChanged(() => this.refresh()),
      ports.account.onDidChangeState(() => this.#accountChanged()),
    ];
  }

  /** Undefined while nobody is signed in. */
  get current(): UsageSnapshot | undefined {
    return this.#current;
  }

  /** Takes what this window knows now. */
  refresh(): void {
    const { account, showEstimates, schedule } = this.#ports;
    this.#cancelMidnight();
    this.#current = account.state.kind === 'signedIn' ? account.loadedClient?.usage(showEstimates()) : undefined;
    if (this.#current !== undefined) {
      // Then another day begins, and what lies before it has to be asked for anew.
      this.#cancelMidnight = schedule(() => this.#askAgain(), this.#current.msToTomorrow);
    }
    this.#changed.fire();
  }

  /** The requests, too. `ask` asks the account first; undefined while nobody is signed in. */
  async overview(ask: boolean): Promise<UsageOverview | undefined> {
    const { account, showEstimates } = this.#ports;
    return account.state.kind === 'signedIn'
      ? await account.loadedClient?.usageOverview(showEstimates(), ask)
      : undefined;
  }

  dispose(): void {
    this.#cancelMidnight();
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
    this.#changed.dispose();
  }

  #accountChanged(): void {
    const { state } = this.#ports.account;
    const userId = state.kind === 'signedIn' ? state.account.userId : undefined;
    if (userId !== this.#userId) {
      this.#userId = userId;
      this.#askAgain();
    }
  }

  /** The answer comes as a change; a failure is part of it. */
  #askAgain(): void {
    this.refresh();
    this.overview(true).catch((error: unknown) => this.#ports.report('reading the usage', error));
  }
}
