/** What was used, as the core's ledger has it. Where there is no session it loads nothing. */
import { EventEmitter } from 'vscode';

import type { GodotyClient, UsageOverview, UsageSnapshot } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService } from '../account.ts';

export interface UsageFeedPorts {
  readonly account: Pick<AccountService, 'state' | 'client' | 'loadedClient' | 'onUsageChanged' | 'onDidChangeState'>;
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
  #client: GodotyClient | undefined;
  #cancelMidnight = (): void => undefined;

  readonly onDidChange = this.#changed.event;

  constructor(ports: UsageFeedPorts) {
    this.#ports = ports;
    this.#subscriptions = [
      ports.account.onUsageChanged(() => this.#look()),
      ports.account.onDidChangeState(() => this.#look()),
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

  /**
   * The requests, too. `ask` asks the account first, and loads a core when a defect has ended the one before. Undefined while
   * nobody is signed in.
   */
  async overview(ask: boolean): Promise<UsageOverview | undefined> {
    const { account, showEstimates } = this.#ports;
    if (account.state.kind !== 'signedIn') {
      return undefined;
    }
    const client = ask ? await account.client() : account.loadedClient;
    return await client?.usageOverview(showEstimates(), ask);
  }

  dispose(): void {
    this.#cancelMidnight();
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
    this.#changed.dispose();
  }

  /** Another user's sums are the account's to say, and what another core, which has seen no calls yet, is to add to. */
  #look(): void {
    const { state, loadedClient } = this.#ports.account;
    const userId = state.kind === 'signedIn' ? state.account.userId : undefined;
    const client = userId === undefined ? undefined : loadedClient;
    const isOther = userId !== this.#userId || (client !== undefined && client !== this.#client);
    this.#userId = userId;
    this.#client = client;
    if (isOther) {
      this.#askAgain();
    } else {
      this.refresh();
    }
  }

  /** The answer comes as a change; a failure is part of it. */
  #askAgain(): void {
    this.refresh();
    this.overview(true).catch((error: unknown) => this.#ports.report('reading the usage', error));
  }
}
