/** What several checks rest on, looked at once for each run. */
import type { GodotyClient, ProbeFinding, ProbeId } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService, AccountState } from '../account.ts';

export class Looks {
  readonly #account: Pick<AccountService, 'client' | 'restore' | 'state'>;
  readonly #probes = new Map<ProbeId, Promise<ProbeFinding>>();

  constructor(account: Pick<AccountService, 'client' | 'restore' | 'state'>) {
    this.#account = account;
  }

  /** The core's client. Rejects when the core can't be loaded, or does not take the settings. */
  client(): Promise<GodotyClient> {
    return this.#account.client();
  }

  /** The client, or undefined where a line of its own says why there is none. */
  async clientIfAny(): Promise<GodotyClient | undefined> {
    try {
      return await this.client();
    } catch {
      return undefined;
    }
  }

  /** Who is signed in, after the stored session was looked for. */
  async state(): Promise<AccountState> {
    await this.#account.restore();
    return this.#account.state;
  }

  /** One call for all who ask; it ends with the run. */
  probe(client: GodotyClient, id: ProbeId, signal: AbortSignal): Promise<ProbeFinding> {
    const known = this.#probes.get(id) ?? client.probe(id, signal);
    this.#probes.set(id, known);
    return known;
  }
}
