/** Drives the conversation: takes the user's wishes, runs the engine, keeps the transcript, tells the panel. */
import { answerEndOf, unexpectedEnd } from './answerEnd.ts';
import type { ControllerTexts } from './answerEnd.ts';
import type { ConversationStore } from './conversationStore.ts';
import type { ChatDelta, ChatEngine, PromptMessage } from './engine.ts';
import { MAX_IMAGES } from './images.ts';
import { ImageShelf } from './imageShelf.ts';
import { PanelLink } from './panelLink.ts';
import type { PostToPanel, Schedule } from './panelLink.ts';
import { reducePanel } from './panelState.ts';
import type { AccountView, ModelChoice, Notice, PanelEvent, PanelState } from './panelState.ts';
import { MAX_ID_CHARS, MAX_LABEL_CHARS } from './protocol.ts';
import type { Draft, PanelMessage } from './protocol.ts';
import {
  continuableAnswer,
  continuationMessages,
  MAX_ANSWER_CHARS,
  promptMessages,
  retryableAnswer,
  streamingAnswer,
} from './transcript.ts';
import type { AnswerEnd } from './transcript.ts';

export interface ControllerPorts {
  readonly engine: ChatEngine;
  readonly store: ConversationStore;
  readonly schedule: Schedule;
  /** Makes a UUID. */
  readonly newId: () => string;
  readonly texts: ControllerTexts;
  /** Told of faults that the user cannot act on: an engine that threw, a store that failed. */
  readonly report: (error: unknown) => void;
}

/** The account as the host knows it; `id` is any stable name of it, and is not shown to the panel. */
export type ChatAccount =
  { readonly kind: 'restoring' | 'signedOut' } | { readonly kind: 'ready'; readonly id: string };

/** The wishes that the controller fulfils; the others are the view's. */
export type ConversationMessage = Extract<
  PanelMessage,
  {
    readonly type:
      'ready' | 'sync' | 'send' | 'stop' | 'newChat' | 'retry' | 'continue' | 'draft' | 'attach' | 'detach' | 'online';
  }
>;

/** While an answer grows it is written to the store this often, so that a killed host loses little of it. */
export const SAVE_MS = 1_000;

/** Why a request was aborted: by the user, by a bound, or because nobody waits for the answer any more. */
type AbortCause = 'stopped' | 'tooLong' | 'discarded';

export class ChatController {
  readonly #ports: ControllerPorts;
  readonly #link: PanelLink;
  readonly #shelf = new ImageShelf();
  readonly #running = new Map<string, AbortController>();
  #state: PanelState;
  #draft: Draft;
  #owner: string | null;
  #models: readonly ModelChoice[] = [];
  #defaultModel: string;
  #pickedModel: string | null;
  #cancelSave: (() => void) | null = null;

  constructor(ports: ControllerPorts, defaultModel: string) {
    const { owner, pickedModel, draft, transcript } = ports.store.load();
    this.#ports = ports;
    this.#owner = owner;
    this.#draft = draft;
    this.#defaultModel = defaultModel;
    this.#pickedModel = pickedModel;
    this.#state = {
      account: 'restoring',
      model: this.#chosenModel(),
      notice: null,
      offline: false,
      transcript,
      attachments: [],
    };
    this.#link = new PanelLink(ports.schedule, () => ({ state: this.#state, draft: this.#draft }));
  }

  /** The models that may be picked, in the order in which the host gave them. */
  get models(): readonly ModelChoice[] {
    return this.#models;
  }

  /** The id of the model that the next question goes to. */
  get model(): string {
    return this.#state.model.id;
  }

  attach(post: PostToPanel): void {
    this.#link.attach(post);
  }

  detach(): void {
    this.#link.detach();
  }

  /** The panel is hidden; its page is thrown away and will ask for everything when it is shown again. */
  pause(): void {
    this.#link.pause();
  }

  /** Puts the cursor into the prompt, now or as soon as the page is ready; says whether it did so now. */
  focus(): boolean {
    return this.#link.focus();
  }

  receive(message: ConversationMessage): void {
    switch (message.type) {
      case 'ready':
        if (message.draft !== null && message.draft.revision > this.#draft.revision) {
          this.#keepDraft(message.draft);
        }
        this.#link.replay();
        break;
      case 'sync':
        this.#link.replay();
        break;
      case 'send':
        this.#send(message.text);
        break;
      case 'stop':
        this.stop();
        break;
      case 'newChat':
        this.newChat();
        break;
      case 'retry':
        this.#retry(message.id);
        break;
      case 'continue':
        this.#continue(message.id);
        break;
      case 'draft':
        this.#keepDraft(message.draft);
        break;
      case 'attach':
        this.#attach(message);
        break;
      case 'online':
        this.#setOffline(false);
        break;
      case 'detach':
        this.#shelf.remove(message.id);
        this.#apply({ type: 'detached', id: message.id });
        break;
    }
  }

  /**
   * Takes over the state of the account. Signing out stops the answer that is under way; another account than the one
   * that the conversation belongs to starts with an empty one. Models that were read before are another account's or another
   * server's.
   */
  setAccount(account: ChatAccount): void {
    if (account.kind === 'signedOut') {
      this.stop();
    }
    if (account.kind === 'ready') {
      this.#adopt(account.id);
    } else {
      this.#models = [];
    }
    const view: AccountView = account.kind;
    if (view !== this.#state.account) {
      this.#apply({ type: 'accountChanged', account: view });
    }
  }

  /** Offers these models. A model that the user picked stays chosen as long as it is among them. */
  setModels(models: readonly ModelChoice[], defaultModel: string): void {
    this.#models = models
      .filter((model) => model.id.length > 0 && model.id.length <= MAX_ID_CHARS)
      .map(({ id, label, detail, vision }) => ({
        vision,
        id,
        label: label.slice(0, MAX_LABEL_CHARS),
        detail: detail.slice(0, MAX_LABEL_CHARS),
      }));
    this.setDefaultModel(defaultModel);
  }

  /** The setting has changed. A model that the user picked stays. */
  setDefaultModel(id: string): void {
    this.#defaultModel = id;
    this.#showModel();
  }

  selectModel(id: string): void {
    this.#pickedModel = id;
    this.#showModel();
    this.#saveNow();
  }

  setNotice(notice: Notice | null): void {
    this.#apply({ type: 'noticeChanged', notice });
  }

  /** Stops the answer that is under way, if any. Its text stays; its cost arrives when the engine knows it. */
  stop(): void {
    const answer = streamingAnswer(this.#state.transcript);
    if (answer !== undefined) {
      this.#apply({ type: 'ended', id: answer.id, state: { status: 'stopped', bill: null } });
      this.#abort(answer.id, 'stopped');
      this.#saveNow();
    }
  }

  newChat(): void {
    this.#abortAll();
    this.#apply({ type: 'cleared' });
    this.#shelf.keepOnly(new Set(this.#state.attachments.map(({ id }) => id)));
    this.#saveNow();
  }

  /** Ends every request and writes the conversation; a streaming answer is found as interrupted the next time. */
  dispose(): void {
    this.#abortAll();
    this.#saveNow();
    this.#link.detach();
  }

  #adopt(owner: string): void {
    if (this.#owner === owner) {
      return;
    }
    const isStranger = this.#owner !== null;
    this.#owner = owner;
    if (isStranger) {
      this.#models = [];
      this.#clearDraft();
      for (const { id } of this.#state.attachments) {
        this.#apply({ type: 'detached', id });
      }
      this.newChat();
      // The panel still shows the other account's draft; only a replay takes it away.
      this.#link.replayIfLive();
    } else {
      this.#saveNow();
    }
  }

  #send(text: string): void {
    const { attachments, model } = this.#state;
    const isEmpty = text.trim() === '' && attachments.length === 0;
    if (!this.#mayAsk() || isEmpty || (attachments.length > 0 && !model.vision)) {
      return;
    }
    const { newId } = this.#ports;
    const answer = { id: newId(), model: model.id };
    const images = attachments.map((image) => ({ ...image, available: this.#shelf.get(image.id) !== undefined }));
    this.#clearDraft();
    this.#apply({ type: 'asked', user: { id: newId(), text, images }, answer });
    this.#saveNow();
    const messages = promptMessages(this.#state.transcript, this.#imageData(model.id));
    void this.#run({ ...answer, callId: answer.id, size: 0 }, messages);
  }

  #retry(id: string): void {
    const { transcript } = this.#state;
    if (!this.#mayAsk() || retryableAnswer(transcript)?.id !== id) {
      return;
    }
    const answer = { id: this.#ports.newId(), model: this.model };
    const messages = promptMessages(transcript.slice(0, -1), this.#imageData(answer.model));
    this.#apply({ type: 'retried', replaced: id, answer });
    this.#saveNow();
    void this.#run({ ...answer, callId: answer.id, size: 0 }, messages);
  }

  /** Lets the model that began an answer go on with it. */
  #continue(id: string): void {
    const { transcript } = this.#state;
    const answer = continuableAnswer(transcript);
    if (!this.#mayAsk() || answer?.id !== id) {
      return;
    }
    const { model, text, reasoning } = answer;
    this.#apply({ type: 'continued', id });
    this.#saveNow();
    const size = text.length + reasoning.length;
    const messages = continuationMessages(transcript, this.#imageData(model));
    void this.#run({ id, callId: this.#ports.newId(), model, size }, messages);
  }

  #attach({ name, data, thumbnail }: Extract<PanelMessage, { readonly type: 'attach' }>): void {
    if (this.#state.attachments.length >= MAX_IMAGES) {
      return;
    }
    const id = this.#ports.newId();
    const gone = this.#shelf.add(id, data);
    if (gone.length > 0) {
      this.#apply({ type: 'imagesGone', ids: gone });
    }
    this.#apply({ type: 'attached', image: { id, name, thumbnail } });
  }

  /** What a model gets of the images: nothing, when it does not see. */
  #imageData(model: string): (id: string) => string | undefined {
    const sees = this.#models.find(({ id }) => id === model)?.vision ?? false;
    return (id) => (sees ? this.#shelf.get(id) : undefined);
  }

  #mayAsk(): boolean {
    return this.#state.account === 'ready' && streamingAnswer(this.#state.transcript) === undefined;
  }

  async #run(answer: AnswerRequest, messages: PromptMessage[]): Promise<void> {
    const { engine, texts, report } = this.#ports;
    const abort = new AbortController();
    this.#running.set(answer.id, abort);
    let { size } = answer;
    const onDelta = ({ text = '', reasoning = '' }: ChatDelta): void => {
      size += text.length + reasoning.length;
      if (size > MAX_ANSWER_CHARS) {
        this.#abort(answer.id, 'tooLong');
        return;
      }
      this.#setOffline(false);
      this.#apply({ type: 'grew', id: answer.id, text, reasoning });
      this.#saveSoon();
    };
    let end: AnswerEnd;
    try {
      const request = { callId: answer.callId, model: answer.model, messages };
      const ended = await engine.stream(request, onDelta, abort.signal);
      if (!abort.signal.aborted) {
        this.#setOffline(ended.outcome === 'error' && ended.error.offline === true);
      }
      end = answerEndOf(ended, texts);
    } catch (error) {
      report(error);
      end = unexpectedEnd(texts);
    }
    this.#running.delete(answer.id);
    const cause = causeOf(abort.signal);
    // Nobody waits for a discarded answer: its conversation was cleared, or the host is going away.
    if (cause !== 'discarded') {
      this.#apply({ type: 'ended', id: answer.id, state: cause === null ? end : abortedEnd(cause, end) });
      this.#saveNow();
    }
  }

  #setOffline(offline: boolean): void {
    if (offline !== this.#state.offline) {
      this.#apply({ type: 'connectionChanged', offline });
    }
  }

  #abort(id: string, cause: AbortCause): void {
    this.#running.get(id)?.abort(cause);
  }

  #abortAll(): void {
    for (const id of this.#running.keys()) {
      this.#abort(id, 'discarded');
    }
  }

  #clearDraft(): void {
    this.#draft = { text: '', revision: this.#draft.revision + 1 };
  }

  #keepDraft(draft: Draft): void {
    this.#draft = draft;
    this.#saveSoon();
  }

  #showModel(): void {
    const model = this.#chosenModel();
    this.#apply({ type: 'modelChanged', model });
  }

  #chosenModel(): ModelChoice {
    const find = (id: string): ModelChoice | undefined => this.#models.find((model) => model.id === id);
    const nameless = (id: string): ModelChoice => ({ id, label: id, detail: '', vision: false });
    if (this.#pickedModel !== null) {
      const picked = find(this.#pickedModel);
      if (picked !== undefined) {
        return picked;
      }
      // Before the list has been loaded the user's choice is believed.
      if (this.#models.length === 0) {
        return nameless(this.#pickedModel);
      }
    }
    return find(this.#defaultModel) ?? nameless(this.#defaultModel);
  }

  #apply(event: PanelEvent): void {
    this.#state = reducePanel(this.#state, event);
    this.#link.push(event);
  }

  #saveSoon(): void {
    this.#cancelSave ??= this.#ports.schedule(() => {
      this.#saveNow();
    }, SAVE_MS);
  }

  #saveNow(): void {
    this.#cancelSave?.();
    this.#cancelSave = null;
    const { transcript } = this.#state;
    const conversation = {
      owner: this.#owner,
      pickedModel: this.#pickedModel,
      draft: this.#draft,
      transcript,
    };
    this.#ports.store.save(conversation).catch(this.#ports.report);
  }
}

/** A request for an answer, or for more of it. */
interface AnswerRequest {
  /** The answer's id. */
  readonly id: string;
  readonly callId: string;
  readonly model: string;
  /** How many characters the answer already has. */
  readonly size: number;
}

function causeOf(signal: AbortSignal): AbortCause | null {
  return signal.aborted ? (signal.reason as AbortCause) : null;
}

/** How an aborted answer ended: the cause decides what is shown, the engine's end what it cost. */
function abortedEnd(cause: AbortCause, end: AnswerEnd): AnswerEnd {
  const bill = end.status === 'interrupted' ? null : end.bill;
  return { status: cause === 'tooLong' ? 'truncated' : 'stopped', bill };
}
