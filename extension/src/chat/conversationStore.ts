/** Keeps the conversation across reloads of the window. It holds what was said, and no secret. */
import * as v from 'valibot';

import { draft, transcript } from './protocol.ts';
import type { Draft } from './protocol.ts';
import { interruptStreaming, withoutImages } from './transcript.ts';
import type { Transcript } from './transcript.ts';

/** The part of VS Code's Memento that is needed; workspaceState is one. */
export interface KeyValueStore {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

export interface Conversation {
  /** The account that the conversation belongs to; null before the first sign-in. */
  readonly owner: string | null;
  /** The model that the user picked; null while it is the default. */
  readonly pickedModel: string | null;
  readonly draft: Draft;
  readonly transcript: Transcript;
}

export const EMPTY_CONVERSATION: Conversation = {
  owner: null,
  pickedModel: null,
  draft: { text: '', revision: 0 },
  transcript: [],
};

const STORE_KEY = 'godoty.chat.conversation';

/** VS Code loads a workspace's state at start and warns of large ones, so only this much text is kept. */
export const MAX_STORED_CHARS = 400_000;

const stored = v.object({
  version: v.literal(1),
  owner: v.nullable(v.string()),
  pickedModel: v.nullable(v.string()),
  draft,
  transcript,
});

export class ConversationStore {
  readonly #store: KeyValueStore;

  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  /**
   * What was kept. An answer that was still streaming is marked as interrupted. Anything that does not parse, such as
   * the state of a future version, counts as an empty conversation.
   */
  load(): Conversation {
    const result = v.safeParse(stored, this.#store.get(STORE_KEY));
    if (!result.success) {
      return EMPTY_CONVERSATION;
    }
    const { owner, pickedModel, draft, transcript } = result.output;
    return { owner, pickedModel, draft, transcript: withoutImages(interruptStreaming(transcript), () => true) };
  }

  async save(conversation: Conversation): Promise<void> {
    const transcript = recent(conversation.transcript);
    await this.#store.update(STORE_KEY, { version: 1, ...conversation, transcript });
  }
}

/** The newest messages that fit; the last exchange is kept whatever its size. */
function recent(transcript: Transcript): Transcript {
  let size = 0;
  let first = transcript.length;
  for (const message of transcript.toReversed()) {
    size += message.text.length;
    size +=
      message.role === 'assistant'
        ? message.reasoning.length
        : message.images.reduce((sum, { thumbnail }) => sum + thumbnail.length, 0);
    if (size > MAX_STORED_CHARS && first <= transcript.length - 2) {
      break;
    }
    first -= 1;
  }
  return transcript.slice(first);
}
