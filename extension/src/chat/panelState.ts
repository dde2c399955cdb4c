/** All that the panel shows, and the events that change it. Pure: shared by the host and the panel. */
import type { ChatAction } from './engine.ts';
import type { Attachment } from './images.ts';
import { reduceTranscript } from './transcript.ts';
import type { Transcript, TranscriptEvent } from './transcript.ts';

/** Where the account stands, as far as the panel needs to know: it never learns who the user is. */
export type AccountView = 'restoring' | 'signedOut' | 'ready';

/** A model that the user may choose. */
export interface ModelChoice {
  readonly id: string;
  readonly label: string;
  /** Its price or another short remark; may be empty. */
  readonly detail: string;
  /** Whether it sees images. */
  readonly vision: boolean;
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
  /** Whether the last request found no connection. */
  readonly offline: boolean;
  readonly transcript: Transcript;
  /** The images that the next question takes along. */
  readonly attachments: readonly Attachment[];
}

export type PanelEvent =
  | TranscriptEvent
  | { readonly type: 'accountChanged'; readonly account: AccountView }
  | { readonly type: 'modelChanged'; readonly model: ModelChoice }
  | { readonly type: 'connectionChanged'; readonly offline: boolean }
  | { readonly type: 'attached'; readonly image: Attachment }
  | { readonly type: 'detached'; readonly id: string }
  | { readonly type: 'noticeChanged'; readonly notice: Notice | null };

export function reducePanel(state: PanelState, event: PanelEvent): PanelState {
  switch (event.type) {
    case 'accountChanged':
      return { ...state, account: event.account };
    case 'modelChanged':
      return { ...state, model: event.model };
    case 'noticeChanged':
      return { ...state, notice: event.notice };
    case 'connectionChanged':
      return { ...state, offline: event.offline };
    case 'attached':
      return { ...state, attachments: [...state.attachments, event.image] };
    case 'detached':
      return { ...state, attachments: state.attachments.filter(({ id }) => id !== event.id) };
    case 'asked':
      return { ...state, attachments: [], transcript: reduceTranscript(state.transcript, event) };
    case 'imagesGone':
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
