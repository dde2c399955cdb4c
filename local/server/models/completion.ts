import type { Usage } from './catalog.ts';

/** How a text ended: by itself, at the limit of tokens, or because nobody listens any more. */
export type TextEnd = 'stop' | 'length' | 'aborted';

/** An answer in the making. */
export interface Completion {
  /** The text, piece by piece; ends early when the signal is aborted. To be called once. */
  text(signal: AbortSignal): AsyncGenerator<string, TextEnd>;
  /** What has been used up to now. */
  usage(): Usage;
}
