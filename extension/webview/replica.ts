/** The panel's copy of the host's state. It knows whether it has seen everything. Pure. */
import { reducePanel } from '../src/chat/panelState.ts';
import type { PanelState } from '../src/chat/panelState.ts';
import type { HostMessage } from '../src/chat/protocol.ts';

type StateMessage = Extract<HostMessage, { readonly type: 'state' | 'patch' }>;

/** `changed`: the state is new. `gap`: a message was lost and the host must replay. `ignored`: nothing to do. */
export type Applied = 'changed' | 'gap' | 'ignored';

export class Replica {
  #state: PanelState | null = null;
  #seq = 0;
  #waiting = false;

  /** Null until the first replay. */
  get state(): PanelState | null {
    return this.#state;
  }

  apply(message: StateMessage): Applied {
    if (message.type === 'state') {
      this.#state = message.state;
      this.#seq = message.seq;
      this.#waiting = false;
      return 'changed';
    }
    // Once a replay was asked for, what comes before it is of no use, and one request is enough.
    if (this.#state === null || this.#waiting || message.seq <= this.#seq) {
      return 'ignored';
    }
    if (message.seq !== this.#seq + 1) {
      this.#waiting = true;
      return 'gap';
    }
    this.#seq = message.seq;
    this.#state = message.events.reduce(reducePanel, this.#state);
    return 'changed';
  }
}
