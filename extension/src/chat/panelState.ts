/** All that the panel shows, and the events that change it. Pure: shared by the host and the panel. */
import type { ChatAction } from './engine.ts';
import { reduceTranscript } from './transcript.ts';
import type { Transcript, TranscriptEvent } from './transcript.ts';

/** Where the account stands, as far as the panel needs to know: it never learns who the user is. */
export type AccountView = 'restoring' | 'signedOut' | 'signingIn' | 'ready';

/** A model that the user may choose. */
export interface ModelChoice {
  readonly id: string;
  readonly label: string;
  /** Its price or another short remark; may be empty. */
  readonly detail: string;
}

/** One line above the composer about something that concerns the whole panel, such as being offline. */
export interface Notice {
  readonly kind: 'info' | 'warning';
  readonly text: string;
  readonly actions: readonly ChatAction[];
}

export interface PanelState {
  readonly account: AccountView;
  readonly model: ModelChoice;
  readonly notice: Notice | null;
  readonly transcript: Transcript;
}

export type PanelEvent =
  | TranscriptEvent
  | { readonly type: 'accountChanged'; readonly account: AccountView }
  | { readonly type: 'modelChanged'; readonly model: ModelChoice }
  | { readonly type: 'noticeChanged'; readonly notice: Notice | null };

export function reducePanel(state: PanelState, event: PanelEvent): PanelState {
  switch (event.type) {
    case 'accountChanged':
      return { ...state, account: event.account };
    case 'modelChanged':
      return { ...state, model: event.model };
    case 'noticeChanged':
      return { ...state, notice: event.notice };
    case 'asked':
    case 'grew':
    case 'ended':
    case 'retried':
    case 'continued':
    case 'cleared': {
      const transcript = reduceTranscript(state.transcript, event);
      return transcript === state.transcript ? state : { ...state, transcript };
    }
  }
}
