/** The usage of this window, as the core's ledger has it. It never loads the core by itself. */
import { EventEmitter } from 'vscode';

import type { GodotyClient, UsageSnapshot } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService } from '../account.ts';

export class UsageFeed {
  readonly #account: AccountService;
  readonly #showEstimates: () => boolean;
  readonly #changed = new EventEmitter<void>();
  readonly #subscription: { dispose(): void };
  #current: UsageSnapshot | undefined;

  readonly onDidChange = this.#changed.event;

  constructor(account: AccountService, showEstimates: () => boolean) {
    this.#account = account;
    this.#showEstimates = showEstimates;
    this.#subscription = account.onUsageChanged(() => this.refresh());
  }

  /** Undefined until the core is loaded: nothing was spent in this window then. */
  get current(): UsageSnapshot | undefined {
    return this.#account.state.kind === 'signedIn' ? this.#current : undefined;
  }

  refresh(): void {
    const client: GodotyClient | undefined = this.#account.loadedClient;
    this.#current = client?.usage(this.#showEstimates());
    this.#changed.fire();
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changed.dispose();
  }
}
