/**
 * The conversation as a pure model: what was asked, what was answered, and how each answer ended. The host and the
 * panel run the same reducer over the same events, so that a panel which has seen every event equals its host.
 */
import type { SentImage } from './images.ts';
import type { ChatError, CostText, PromptMessage, TokenUsage } from './engine.ts';

/** Older messages are dropped beyond this count, so that a conversation of months stays bounded. */
export const MAX_MESSAGES = 1_000;

/** The longest answer that is kept, in UTF-16 code units; a longer one is cut off and says so. */
export const MAX_ANSWER_CHARS = 2_000_000;

/** What a request used and cost; `usage` is null when the provider reported none. */
export interface Bill {
  readonly usage: TokenUsage | null;
  readonly cost: CostText;
}

/** How an answer stands. A null bill means that the cost is not known yet: the request may still be billed. */
export type AnswerState =
  | { readonly status: 'streaming' }
  | { readonly status: 'done' | 'length' | 'filtered'; readonly bill: Bill }
  | { readonly status: 'stopped' | 'truncated'; readonly bill: Bill | null }
  | { readonly status: 'error'; readonly error: ChatError; readonly bill: Bill | null }
  | { readonly status: 'interrupted' };

/** Every way in which an answer can stop growing. */
export type AnswerEnd = Exclude<AnswerState, { readonly status: 'streaming' }>;

export interface UserMessage {
  readonly role: 'user';
  readonly id: string;
  readonly text: string;
  readonly images: readonly SentImage[];
}

export interface Answer {
  readonly role: 'assistant';
  /** Also the call id of its first request. */
  readonly id: string;
  readonly model: string;
  readonly text: string;
  readonly reasoning: string;
  /** What the requests before the last one cost, when the answer was continued; null where it is not known. */
  readonly earlierBills: readonly (Bill | null)[];
  readonly state: AnswerState;
}

export type ChatMessage = UserMessage | Answer;

export type Transcript = readonly ChatMessage[];

export type TranscriptEvent =
  | {
      readonly type: 'asked';
      readonly user: { readonly id: string; readonly text: string; readonly images: readonly SentImage[] };
      readonly answer: { readonly id: string; readonly model: string };
    }
  | { readonly type: 'grew'; readonly id: string; readonly text: string; readonly reasoning: string }
  | { readonly type: 'ended'; readonly id: string; readonly state: AnswerEnd }
  | {
      readonly type: 'retried';
      readonly replaced: string;
      readonly answer: { readonly id: string; readonly model: string };
    }
  | { readonly type: 'continued'; readonly id: string }
  /** The host does not have these any more. */
  | { readonly type: 'imagesGone'; readonly ids: readonly string[] }
  | { readonly type: 'cleared' };

/** The transcript after an event. An event about a message that is gone changes nothing. */
export function reduceTranscript(transcript: Transcript, event: TranscriptEvent): Transcript {
  switch (event.type) {
    case 'asked': {
      const user: UserMessage = { role: 'user', ...event.user };
      return bounded([...transcript, user, newAnswer(event.answer)]);
    }
    case 'grew':
      return changeAnswer(transcript, event.id, (answer) =>
        answer.state.status === 'streaming'
          ? { ...answer, text: answer.text + event.text, reasoning: answer.reasoning + event.reasoning }
          : answer,
      );
    case 'ended':
      return changeAnswer(transcript, event.id, (answer) =>
        mayEndAs(answer.state, event.state) ? { ...answer, state: event.state } : answer,
      );
    case 'retried':
      return transcript.map((message) => (message.id === event.replaced ? newAnswer(event.answer) : message));
    case 'continued':
      return changeAnswer(transcript, event.id, (answer) =>
        mayContinue(answer)
          ? { ...answer, earlierBills: [...answer.earlierBills, billOf(answer.state)], state: { status: 'streaming' } }
          : answer,
      );
    case 'imagesGone': {
      const gone = new Set(event.ids);
      return withoutImages(transcript, (id) => gone.has(id));
    }
    case 'cleared':
      return [];
  }
}

/** The answer that is being streamed, if there is one. It is always the last message. */
export function streamingAnswer(transcript: Transcript): Answer | undefined {
  const last = transcript.at(-1);
  return last?.role === 'assistant' && last.state.status === 'streaming' ? last : undefined;
}

/** The answer that Retry may replace: only the last one, so that a later exchange never loses its premise. */
export function retryableAnswer(transcript: Transcript): Answer | undefined {
  const last = transcript.at(-1);
  if (last?.role !== 'assistant') {
    return undefined;
  }
  return last.state.status === 'streaming' ? undefined : last;
}

/** The answer that Continue may go on with: the last one, when it has text and its request is over. */
export function continuableAnswer(transcript: Transcript): Answer | undefined {
  const last = transcript.at(-1);
  return last?.role === 'assistant' && mayContinue(last) ? last : undefined;
}

/** What an answer's last request used and cost; null when that is not known, or not yet. */
export function billOf(state: AnswerState): Bill | null {
  return state.status === 'streaming' || state.status === 'interrupted' ? null : state.bill;
}

/**
 * Asks for the rest of an answer. It is said in words, since most providers cannot be given the beginning of an answer,
 * and those that could once refuse it now.
 */
const CONTINUE_INSTRUCTION =
  'Your last answer was cut off. Go on exactly where it stops, in the same language and format: begin with the very ' +
  'next character, repeat nothing, do not comment on the cut, and if it stops inside a code block, do not open the ' +
  'block again.';

/** What the model is shown when it has to go on with its last answer. */
export function continuationMessages(transcript: Transcript, imageData: ImageData): PromptMessage[] {
  return [...promptMessages(transcript, imageData), { role: 'user', content: CONTINUE_INSTRUCTION }];
}

/**
 * What the model is shown: every question, and every answer that has text. A partial answer is kept, since the user
 * has read it and may refer to it.
 */
export function promptMessages(transcript: Transcript, imageData: ImageData): PromptMessage[] {
  return transcript
    .filter((message) => message.text !== '' || (message.role === 'user' && message.images.length > 0))
    .map((message) =>
      message.role === 'user' && message.images.length > 0
        ? withImages(message, imageData)
        : { role: message.role, content: message.text },
    );
}

/** The data URL of an image; undefined when it is not there or not for this model. */
export type ImageData = (id: string) => string | undefined;

/** The model is told of an image that it is not shown, so that it does not answer as if there had been none. */
function withImages({ text, images }: UserMessage, imageData: ImageData): PromptMessage {
  const shown = images.map(({ id }) => imageData(id)).filter((data) => data !== undefined);
  const missing = images.length - shown.length;
  const note = missing === 0 ? '' : `[${String(missing)} image(s) of this message can't be shown to you.]`;
  return { role: 'user', content: [text, note].filter((part) => part !== '').join('\n\n'), images: shown };
}

/** Marks images as no longer available; the same transcript when there is none to mark. */
export function withoutImages(transcript: Transcript, isGone: (id: string) => boolean): Transcript {
  return transcript.map((message) =>
    message.role === 'user' && message.images.some((image) => image.available && isGone(image.id))
      ? {
          ...message,
          images: message.images.map((image) => (isGone(image.id) ? { ...image, available: false } : image)),
        }
      : message,
  );
}

/** Marks what was streaming when the host went away: its end was never seen. */
export function interruptStreaming(transcript: Transcript): Transcript {
  return transcript.map((message) =>
    message.role === 'assistant' && message.state.status === 'streaming'
      ? { ...message, state: { status: 'interrupted' } }
      : message,
  );
}

function newAnswer({ id, model }: { readonly id: string; readonly model: string }): Answer {
  return { role: 'assistant', id, model, text: '', reasoning: '', earlierBills: [], state: { status: 'streaming' } };
}

/** An answer ends once; only the bill of a stopped one may arrive later. */
function mayEndAs(current: AnswerState, next: AnswerEnd): boolean {
  return (
    current.status === 'streaming' ||
    (current.status === 'stopped' && current.bill === null && next.status === 'stopped')
  );
}

function mayContinue({ text, reasoning, state }: Answer): boolean {
  if (text === '' || text.length + reasoning.length >= MAX_ANSWER_CHARS) {
    return false;
  }
  switch (state.status) {
    case 'length':
    case 'truncated':
    case 'interrupted':
    case 'error':
      return true;
    case 'stopped':
      // Until its bill has come, its request is still being cancelled.
      return state.bill !== null;
    case 'streaming':
    case 'done':
    case 'filtered':
      return false;
  }
}

function changeAnswer(transcript: Transcript, id: string, change: (answer: Answer) => Answer): Transcript {
  const index = transcript.findLastIndex((message) => message.id === id);
  const found = transcript[index];
  if (found?.role !== 'assistant') {
    return transcript;
  }
  const changed = change(found);
  return changed === found ? transcript : transcript.with(index, changed);
}

function bounded(transcript: Transcript): Transcript {
  return transcript.length > MAX_MESSAGES ? transcript.slice(transcript.length - MAX_MESSAGES) : transcript;
}
