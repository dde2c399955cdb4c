/**
 * The messages between the extension host and the panel. Both ends treat what arrives as `unknown` until one of the
 * parsers here has accepted it; every text has a bound.
 *
 * The host replays everything as `state`, then sends batches of events as `patch`. Sequence numbers are consecutive;
 * a panel that sees a gap asks for `sync` and gets a new `state`.
 */
import * as v from 'valibot';

import type { ChatAction, ChatError, CostText, TokenUsage } from './engine.ts';
import { isImageData, isThumbnail, MAX_IMAGES } from './images.ts';
import type { Attachment, SentImage } from './images.ts';
import type { ModelChoice, Notice, PanelEvent, PanelState } from './panelState.ts';
import { MAX_ANSWER_CHARS, MAX_MESSAGES } from './transcript.ts';
import type { AnswerEnd, AnswerState, Bill, ChatMessage } from './transcript.ts';

/** The longest prompt or draft, in UTF-16 code units. */
export const MAX_PROMPT_CHARS = 500_000;
/** The longest id. */
export const MAX_ID_CHARS = 200;
const MAX_LINK_CHARS = 8_192;
/** The longest label, model name or price. */
export const MAX_LABEL_CHARS = 500;
/** The longest message to the user. */
export const MAX_SENTENCE_CHARS = 10_000;
const MAX_ACTIONS = 10;
const MAX_EVENTS = 10_000;

/**
 * The unsent text of the prompt. The page and the host both keep it, and either copy may be the older one after a
 * reload; the higher revision is the newer text.
 */
export interface Draft {
  readonly text: string;
  readonly revision: number;
}

export type HostMessage =
  | { readonly type: 'state'; readonly seq: number; readonly state: PanelState; readonly draft: Draft }
  | { readonly type: 'patch'; readonly seq: number; readonly events: readonly PanelEvent[] }
  | { readonly type: 'focus' }
  /** A file that the user picked as an image; without bytes when it is too large. */
  | { readonly type: 'picked'; readonly name: string; readonly bytes: Uint8Array | null }
  /** The code that the page asked to insert is in the editor. */
  | { readonly type: 'inserted' };

export type PanelMessage =
  /** The page has loaded. It brings the draft that it had kept, if any. */
  | { readonly type: 'ready'; readonly draft: Draft | null }
  | { readonly type: 'sync' }
  | { readonly type: 'send'; readonly text: string }
  | { readonly type: 'stop' }
  | { readonly type: 'newChat' }
  | { readonly type: 'retry'; readonly id: string }
  | { readonly type: 'continue'; readonly id: string }
  | { readonly type: 'draft'; readonly draft: Draft }
  | { readonly type: 'attach'; readonly name: string; readonly data: string; readonly thumbnail: string }
  | { readonly type: 'detach'; readonly id: string }
  | { readonly type: 'pickImages' }
  /** The machine has a connection again. */
  | { readonly type: 'online' }
  | { readonly type: 'pickModel' }
  | { readonly type: 'action'; readonly id: string }
  | { readonly type: 'openLink'; readonly href: string }
  | { readonly type: 'copy'; readonly text: string }
  | { readonly type: 'insertCode'; readonly text: string };

/** The action that the panel itself offers while signed out. */
export const SIGN_IN_ACTION = 'signIn';

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_ID_CHARS));
const label = v.pipe(v.string(), v.maxLength(MAX_LABEL_CHARS));
const sentence = v.pipe(v.string(), v.maxLength(MAX_SENTENCE_CHARS));
const prompt = v.pipe(v.string(), v.maxLength(MAX_PROMPT_CHARS));
const answerText = v.pipe(v.string(), v.maxLength(MAX_ANSWER_CHARS));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const thumbnail = v.pipe(v.string(), v.check(isThumbnail));
const attachment: v.GenericSchema<unknown, Attachment> = v.object({ id, name: label, thumbnail });
const sentImage: v.GenericSchema<unknown, SentImage> = v.object({ id, name: label, thumbnail, available: v.boolean() });
const images = v.pipe(v.array(sentImage), v.maxLength(MAX_IMAGES));

const action: v.GenericSchema<unknown, ChatAction> = v.object({ id, label });
const actions = v.pipe(v.array(action), v.maxLength(MAX_ACTIONS));
const usageParts = { promptTokens: count, completionTokens: count, cachedTokens: count, reasoningTokens: count };
const usage: v.GenericSchema<unknown, TokenUsage | null> = v.union([
  v.object({ ...usageParts, totalTokens: count }),
  // Conversations of before the total was kept have none, and it is the core's to tell.
  v.pipe(
    v.object(usageParts),
    v.transform(() => null),
  ),
]);
const cost: v.GenericSchema<unknown, CostText> = v.object({ text: label, detail: sentence });
const bill: v.GenericSchema<unknown, Bill> = v.object({ usage: v.nullable(usage), cost });
const chatError: v.GenericSchema<unknown, ChatError> = v.object({ code: label, message: sentence, actions });

const endedStates = [
  v.object({ status: v.picklist(['done', 'length', 'filtered']), bill }),
  v.object({ status: v.picklist(['stopped', 'truncated']), bill: v.nullable(bill) }),
  v.object({ status: v.literal('error'), error: chatError, bill: v.nullable(bill) }),
  v.object({ status: v.literal('interrupted') }),
] as const;
const answerEnd: v.GenericSchema<unknown, AnswerEnd> = v.variant('status', endedStates);
const answerState: v.GenericSchema<unknown, AnswerState> = v.variant('status', [
  v.object({ status: v.literal('streaming') }),
  ...endedStates,
]);

const chatMessage: v.GenericSchema<unknown, ChatMessage> = v.variant('role', [
  // Conversations of before images could be sent have none.
  v.object({ role: v.literal('user'), id, text: prompt, images: v.optional(images, []) }),
  v.object({
    role: v.literal('assistant'),
    id,
    model: label,
    text: answerText,
    reasoning: answerText,
    // Conversations of before answers could be continued have none.
    earlierBills: v.optional(v.pipe(v.array(v.nullable(bill)), v.maxLength(MAX_MESSAGES)), []),
    state: answerState,
  }),
]);
/** The messages of a conversation; also what is found in the store. */
export const transcript = v.pipe(v.array(chatMessage), v.maxLength(MAX_MESSAGES));
export const draft: v.GenericSchema<unknown, Draft> = v.object({ text: prompt, revision: count });

const account = v.picklist(['restoring', 'signedOut', 'ready']);
const model: v.GenericSchema<unknown, ModelChoice> = v.object({ id, label, detail: label, vision: v.boolean() });
const notice: v.GenericSchema<unknown, Notice> = v.object({
  kind: v.picklist(['info', 'warning']),
  text: sentence,
  actions,
});
const newAnswer = v.object({ id, model: label });

const panelState: v.GenericSchema<unknown, PanelState> = v.object({
  account,
  model,
  notice: v.nullable(notice),
  offline: v.boolean(),
  transcript,
  attachments: v.pipe(v.array(attachment), v.maxLength(MAX_IMAGES)),
});

const panelEvent: v.GenericSchema<unknown, PanelEvent> = v.variant('type', [
  v.object({ type: v.literal('asked'), user: v.object({ id, text: prompt, images }), answer: newAnswer }),
  v.object({ type: v.literal('grew'), id, text: answerText, reasoning: answerText }),
  v.object({ type: v.literal('ended'), id, state: answerEnd }),
  v.object({ type: v.literal('retried'), replaced: id, answer: newAnswer }),
  v.object({ type: v.literal('continued'), id }),
  v.object({ type: v.literal('imagesGone'), ids: v.pipe(v.array(id), v.maxLength(MAX_MESSAGES)) }),
  v.object({ type: v.literal('attached'), image: attachment }),
  v.object({ type: v.literal('detached'), id }),
  v.object({ type: v.literal('connectionChanged'), offline: v.boolean() }),
  v.object({ type: v.literal('cleared') }),
  v.object({ type: v.literal('accountChanged'), account }),
  v.object({ type: v.literal('modelChanged'), model }),
  v.object({ type: v.literal('noticeChanged'), notice: v.nullable(notice) }),
]);

const hostMessage: v.GenericSchema<unknown, HostMessage> = v.variant('type', [
  v.object({ type: v.literal('state'), seq: count, state: panelState, draft }),
  v.object({
    type: v.literal('patch'),
    seq: count,
    events: v.pipe(v.array(panelEvent), v.maxLength(MAX_EVENTS)),
  }),
  v.object({ type: v.literal('focus') }),
  v.object({ type: v.literal('picked'), name: label, bytes: v.nullable(v.instance(Uint8Array)) }),
  v.object({ type: v.literal('inserted') }),
]);

const panelMessage: v.GenericSchema<unknown, PanelMessage> = v.variant('type', [
  v.object({ type: v.literal('ready'), draft: v.nullable(draft) }),
  v.object({ type: v.literal('sync') }),
  v.object({ type: v.literal('send'), text: prompt }),
  v.object({ type: v.literal('stop') }),
  v.object({ type: v.literal('newChat') }),
  v.object({ type: v.literal('retry'), id }),
  v.object({ type: v.literal('continue'), id }),
  v.object({ type: v.literal('draft'), draft }),
  v.object({ type: v.literal('attach'), name: label, data: v.pipe(v.string(), v.check(isImageData)), thumbnail }),
  v.object({ type: v.literal('detach'), id }),
  v.object({ type: v.literal('pickImages') }),
  v.object({ type: v.literal('online') }),
  v.object({ type: v.literal('pickModel') }),
  v.object({ type: v.literal('action'), id }),
  v.object({ type: v.literal('openLink'), href: v.pipe(v.string(), v.check(isOpenableLink)) }),
  v.object({ type: v.literal('copy'), text: answerText }),
  v.object({ type: v.literal('insertCode'), text: answerText }),
]);

/** What the host sent, or null when it is not a message of this protocol. */
export function parseHostMessage(raw: unknown): HostMessage | null {
  const result = v.safeParse(hostMessage, raw);
  return result.success ? result.output : null;
}

/** What the panel sent, or null when it is not a message of this protocol. */
export function parsePanelMessage(raw: unknown): PanelMessage | null {
  const result = v.safeParse(panelMessage, raw);
  return result.success ? result.output : null;
}

/**
 * Whether a link of an answer may be offered and opened: web and mail addresses only. A model's text is a stranger's
 * text, and `command:`, `vscode:` or `file:` links would act on the user's machine.
 */
export function isOpenableLink(href: string): boolean {
  if (href.length > MAX_LINK_CHARS) {
    return false;
  }
  const scheme = /^(https?|mailto):/iu.exec(href)?.[1];
  if (scheme === undefined) {
    return false;
  }
  return URL.canParse(href);
}
