/** The page's end of the wire to the extension host, and the page's own small memory. */
import * as v from 'valibot';

import { draft } from '../src/chat/protocol.ts';
import type { Draft, PanelMessage } from '../src/chat/protocol.ts';

/** What VS Code gives to a webview's script, once. */
export interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

const kept = v.object({ draft });

export class Host {
  readonly #api: VsCodeApi;

  constructor(api: VsCodeApi) {
    this.#api = api;
  }

  post(message: PanelMessage): void {
    this.#api.postMessage(message);
  }

  /** The draft that an earlier page of this view kept, or null. */
  keptDraft(): Draft | null {
    const result = v.safeParse(kept, this.#api.getState());
    return result.success ? result.output.draft : null;
  }

  keepDraft(draft: Draft): void {
    this.#api.setState({ draft });
  }
}
