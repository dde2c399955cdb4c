/** The host's end of the wire to the panel: replay, batching and sequence numbers. */
import type { Draft, HostMessage } from './protocol.ts';
import type { PanelEvent, PanelState } from './panelState.ts';

/** Runs a callback once after a delay in milliseconds; the returned function cancels it. */
export type Schedule = (callback: () => void, delayMs: number) => () => void;

export type PostToPanel = (message: HostMessage) => void;

/** What a panel is told when it loads. */
export interface Replay {
  readonly state: PanelState;
  readonly draft: Draft;
}

/** Events are collected for this long: tokens come in by the hundred per second, frames by the sixty. */
export const BATCH_MS = 30;

/**
 * Sends to at most one panel page. A page that is loading or hidden is sent nothing; when it says that it is ready it
 * gets everything at once, so nothing has to be kept for it.
 */
export class PanelLink {
  readonly #schedule: Schedule;
  readonly #replay: () => Replay;
  #post: PostToPanel | null = null;
  #live = false;
  #seq = 0;
  #pending: PanelEvent[] = [];
  #cancelFlush: (() => void) | null = null;
  #wantsFocus = false;

  constructor(schedule: Schedule, replay: () => Replay) {
    this.#schedule = schedule;
    this.#replay = replay;
  }

  /** A page begins to load. It replaces the one before; `post` is not called until the page is ready. */
  attach(post: PostToPanel): void {
    this.detach();
    this.#post = post;
  }

  /** The page is gone or hidden. */
  detach(): void {
    this.#post = null;
    this.pause();
  }

  /** The page is hidden: it is thrown away, and says that it is ready when it is shown again. */
  pause(): void {
    this.#live = false;
    this.#dropPending();
  }

  /** Sends everything. Called when the page is ready, and when it has noticed a gap. */
  replay(): void {
    this.#dropPending();
    if (this.#post === null) {
      return;
    }
    this.#live = true;
    this.#seq += 1;
    this.#post({ type: 'state', seq: this.#seq, ...this.#replay() });
    if (this.#wantsFocus) {
      this.focus();
    }
  }

  /** Sends everything again to a page that is shown; one that is not will ask for it. */
  replayIfLive(): void {
    if (this.#live) {
      this.replay();
    }
  }

  push(event: PanelEvent): void {
    if (!this.#live) {
      return;
    }
    const last = this.#pending.at(-1);
    if (last?.type === 'grew' && event.type === 'grew' && last.id === event.id) {
      const merged = { ...last, text: last.text + event.text, reasoning: last.reasoning + event.reasoning };
      this.#pending[this.#pending.length - 1] = merged;
    } else {
      this.#pending.push(event);
    }
    this.#cancelFlush ??= this.#schedule(() => {
      this.#flush();
    }, BATCH_MS);
  }

  /** Puts the cursor into the prompt, now or as soon as the page is ready; says whether it did so now. */
  focus(): boolean {
    this.#wantsFocus = !this.#live;
    if (this.#live) {
      this.#flush();
      this.#post?.({ type: 'focus' });
    }
    return this.#live;
  }

  #flush(): void {
    const events = this.#pending;
    this.#dropPending();
    if (events.length > 0) {
      this.#seq += 1;
      this.#post?.({ type: 'patch', seq: this.#seq, events });
    }
  }

  #dropPending(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = null;
    this.#pending = [];
  }
}
