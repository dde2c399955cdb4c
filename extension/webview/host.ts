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

/** Where somebody was reading who had scrolled up. */
export interface Place {
  /** The id of the last question: of another conversation the place says nothing. */
  readonly question: string;
  /** Pixels from the top. */
  readonly top: number;
}

const draftKept = v.object({ draft });
const placeKept = v.object({ place: v.object({ question: v.string(), top: v.pipe(v.number(), v.minValue(0)) }) });

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
    const result = v.safeParse(draftKept, this.#api.getState());
    return result.success ? result.output.draft : null;
  }

  keepDraft(draft: Draft): void {
    this.#keep({ draft, place: this.keptPlace() });
  }

  /** Where an earlier page of this view was being read, or null when it followed the end. */
  keptPlace(): Place | null {
    const result = v.safeParse(placeKept, this.#api.getState());
    return result.success ? result.output.place : null;
  }

  keepPlace(place: Place | null): void {
    this.#keep({ draft: this.keptDraft(), place });
  }

  #keep({ draft, place }: { readonly draft: Draft | null; readonly place: Place | null }): void {
    this.#api.setState({ ...(draft === null ? {} : { draft }), ...(place === null ? {} : { place }) });
  }
}
