/** The panel: takes the host's messages, shows the state, and sends what the user wishes. */
import type { Notice, PanelState } from '../src/chat/panelState.ts';
import { parseHostMessage } from '../src/chat/protocol.ts';
import type { Draft, PanelMessage } from '../src/chat/protocol.ts';
import type { PanelStrings } from '../src/chat/strings.ts';
import { retryableAnswer, streamingAnswer } from '../src/chat/transcript.ts';
import { Announcer } from './announcer.ts';
import { attachImages } from './attaching.ts';
import type { GivenFile, ImageReader } from './attaching.ts';
import { Composer } from './composer.ts';
import { button, h } from './dom.ts';
import { Highlighter } from './highlight.ts';
import type { Host, Place } from './host.ts';
import { icon } from './icons.ts';
import { MessageList } from './messageList.ts';
import { NoticeBar } from './noticeBar.ts';
import { Pacer } from './pacer.ts';
import type { PacerClock } from './pacer.ts';
import { Replica } from './replica.ts';
import { emptyScreen, restoringScreen, signedOutScreen } from './screens.ts';
import type { Screen } from './screens.ts';
import { Scroller } from './scroller.ts';
import type { Wishes } from './wishes.ts';

/** A draft is told to the host this long after the last key, and kept by the page at once. */
const DRAFT_MS = 200;

/** The page keeps the reader's place this long after the reader has moved. */
const PLACE_MS = 200;

/** The notice's own action; the others are the host's. */
const RETRY_ACTION = 'retry';

export class App {
  readonly #host: Host;
  readonly #clock: PacerClock;
  readonly #images: ImageReader;
  readonly #strings: PanelStrings;
  readonly #wishes: Wishes;
  readonly #replica = new Replica();
  readonly #pacer: Pacer;
  readonly #list: MessageList;
  readonly #announcer: Announcer;
  readonly #notice: NoticeBar;
  readonly #composer: Composer;
  readonly #scroller: Scroller;
  /** The part of the page that scrolls. */
  readonly area: HTMLElement;
  readonly #content = h('div', { class: 'content' });
  readonly #toEnd: HTMLButtonElement;
  #screen: Screen | null = null;
  /** The id of the last question that was seen, so that a new one is noticed. */
  #lastQuestion: string | null = null;
  /** Whether the prompt holds something that the host has not been told. */
  #draftIsNews = false;
  #draftRevision = 0;
  #online = true;
  readonly #offline: { readonly plain: Notice; readonly retry: Notice };
  #attaching: Promise<void> = Promise.resolve();
  /** Where an earlier page was being read, until this one has been rendered. */
  #formerPlace: Place | null;
  #placeIsNews = false;
  /** Whether the prompt gets the cursor once it is shown. */
  #wantsFocus = false;
  /** How many images the host was given, as far as it has not said itself. */
  #attached = 0;

  constructor(root: HTMLElement, host: Host, strings: PanelStrings, clock: PacerClock, images: ImageReader) {
    this.#images = images;
    this.#host = host;
    this.#clock = clock;
    const plain: Notice = { kind: 'warning', text: strings.offline, actions: [] };
    this.#offline = { plain, retry: { ...plain, actions: [{ id: RETRY_ACTION, label: strings.retry }] } };
    this.#strings = strings;
    this.#wishes = {
      retry: (id) => this.#askAgain({ type: 'retry', id }),
      continueAnswer: (id) => this.#askAgain({ type: 'continue', id }),
      action: (id) => this.#act(id),
      copy: (text) => {
        host.post({ type: 'copy', text });
        this.#announcer.tell(strings.copied);
      },
      insertCode: (text) => host.post({ type: 'insertCode', text }),
      openLink: (href) => host.post({ type: 'openLink', href }),
    };
    this.#pacer = new Pacer(clock, () => this.#render());
    this.#list = new MessageList(strings, this.#wishes, new Highlighter((callback) => clock.after(callback, 0)));
    this.#announcer = new Announcer(strings);
    this.#notice = new NoticeBar(this.#wishes);
    this.#composer = new Composer(strings, {
      send: (text) => this.#send(text),
      stop: () => this.#stop(),
      pickModel: () => host.post({ type: 'pickModel' }),
      attach: (files) => this.#attach(files),
      pickImages: () => host.post({ type: 'pickImages' }),
      detach: (id) => host.post({ type: 'detach', id }),
      draft: (text) => this.#onDraft(text),
    });
    this.area = h(
      'div',
      { class: 'area', tabindex: '0', role: 'region', 'aria-label': strings.conversation },
      this.#content,
    );
    this.#toEnd = button(
      { class: 'round to-end', title: strings.scrollToEnd, 'aria-label': strings.scrollToEnd, hidden: '' },
      () => {
        this.#scroller.toEnd();
        // The button goes, and the focus would be nowhere.
        this.area.focus();
      },
      icon('down'),
    );
    this.#scroller = new Scroller(
      this.area,
      (follows) => {
        this.#toEnd.hidden = follows;
      },
      () => this.#onMove(),
    );
    this.#formerPlace = host.keptPlace();
    root.append(
      h('div', { class: 'upper' }, this.area, this.#toEnd),
      h('footer', { class: 'lower' }, this.#notice.element, this.#composer.element),
      this.#announcer.element,
    );
    root.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !event.isComposing) {
        this.#stop();
      }
    });
    // What is dropped anywhere on the page is meant for the question.
    root.addEventListener('dragover', (event) => {
      if (event.dataTransfer?.types.includes('Files') === true) {
        event.preventDefault();
      }
    });
    root.addEventListener('drop', (event) => {
      this.#composer.takeFiles(event, event.dataTransfer);
    });
    this.#composer.element.hidden = true;
  }

  /** Tells the host that the page is there, and what it had kept. */
  start(): void {
    const draft = this.#host.keptDraft();
    if (draft !== null) {
      this.#takeDraft(draft);
    }
    this.#host.post({ type: 'ready', draft });
  }

  /** Takes a message of the host, if it is one. */
  receive(raw: unknown): void {
    const message = parseHostMessage(raw);
    if (message === null) {
      return;
    }
    if (message.type === 'focus') {
      // What is not shown yet takes no focus, and the state that shows it may still wait for its frame.
      this.#wantsFocus = this.#composer.element.hidden !== false;
      this.#composer.focus();
      return;
    }
    if (message.type === 'picked') {
      const { name, bytes } = message;
      this.#attach([{ name, blob: bytes === null ? null : new Blob([bytes as Uint8Array<ArrayBuffer>]) }]);
      return;
    }
    if (message.type === 'inserted') {
      this.#announcer.tell(this.#strings.inserted);
      return;
    }
    const applied = this.#replica.apply(message);
    this.#attached = 0;
    if (applied === 'gap') {
      this.#tellDraft();
      this.#host.post({ type: 'sync' });
    } else if (applied === 'changed') {
      // What was typed since the host last heard of the prompt has a higher revision, and stays.
      if (message.type === 'state' && message.draft.revision >= this.#draftRevision) {
        this.#takeDraft(message.draft);
        this.#host.keepDraft(message.draft);
      }
      this.#pacer.request();
    }
  }

  /** The area has another size: the page was resized, or the prompt has grown. */
  resized(): void {
    this.#scroller.contentChanged();
  }

  /** The machine has lost its connection, or has one again. */
  connectionChanged(online: boolean): void {
    if (online && !this.#online) {
      this.#host.post({ type: 'online' });
    }
    this.#online = online;
    this.#pacer.request();
  }

  /** The page is about to be thrown away. */
  leaving(): void {
    this.#tellDraft();
    this.#keepPlace();
  }

  #render(): void {
    const { state } = this.#replica;
    if (state === null) {
      return;
    }
    const screen = screenOf(state);
    const ready = state.account === 'ready';
    const streaming = streamingAnswer(state.transcript) !== undefined;
    this.#noticeQuestion(state);
    this.#showScreen(screen);
    if (screen === 'conversation') {
      this.#list.update(state.transcript, ready);
    }
    this.#notice.update(state.notice ?? this.#offlineNotice(state));
    this.#composer.element.hidden = screen !== 'conversation' && screen !== 'empty';
    this.#composer.update({ model: state.model, attachments: state.attachments, streaming, ready });
    this.#announcer.update(state.transcript, (id) => this.#list.plainText(id));
    this.#scroller.contentChanged();
    if (screen === 'conversation') {
      this.#goToFormerPlace();
    }
    if (this.#wantsFocus && screen !== 'restoring') {
      this.#wantsFocus = false;
      if (!this.#composer.element.hidden) {
        this.#composer.focus();
      }
    }
  }

  /** A new question at the end was asked here or from a command: either way the reader wants to see its answer. */
  #noticeQuestion({ transcript }: PanelState): void {
    const question = transcript.findLast((message) => message.role === 'user');
    if (question !== undefined && question.id !== this.#lastQuestion) {
      this.#composer.accepted(question.text);
      this.#scroller.toEnd();
    }
    this.#lastQuestion = question?.id ?? null;
  }

  /** A page that was hidden is made anew when it is shown again: it goes on where it was being read. */
  #goToFormerPlace(): void {
    const place = this.#formerPlace;
    this.#formerPlace = null;
    if (place !== null && place.question === this.#lastQuestion) {
      this.#scroller.goTo(place.top);
    }
  }

  #onMove(): void {
    if (!this.#placeIsNews) {
      this.#placeIsNews = true;
      this.#clock.after(() => this.#keepPlace(), PLACE_MS);
    }
  }

  #keepPlace(): void {
    if (this.#placeIsNews) {
      this.#placeIsNews = false;
      const { place: top } = this.#scroller;
      this.#host.keepPlace(top === null || this.#lastQuestion === null ? null : { question: this.#lastQuestion, top });
    }
  }

  #showScreen(screen: Screen): void {
    if (screen === this.#screen) {
      return;
    }
    this.#screen = screen;
    this.#content.replaceChildren(this.#screenElement(screen));
    this.#scroller.begin(screen === 'conversation');
  }

  #screenElement(screen: Screen): HTMLElement {
    switch (screen) {
      case 'conversation':
        return this.#list.element;
      case 'empty':
        return emptyScreen(this.#strings, (prompt) => this.#composer.suggest(prompt));
      case 'signedOut':
        return signedOutScreen(this.#strings, this.#wishes);
      case 'restoring':
        return restoringScreen(this.#strings);
    }
  }

  #send(text: string): void {
    this.#tellDraft();
    this.#host.post({ type: 'send', text });
  }

  /** One after another, so that each sees how many there are. */
  #attach(files: readonly GivenFile[]): void {
    this.#attaching = this.#attaching.then(async () => {
      const { state } = this.#replica;
      if (state?.account !== 'ready') {
        return;
      }
      const attachState = { count: Math.max(this.#attached, state.attachments.length), model: state.model };
      const complaint = await attachImages(files, attachState, this.#images, this.#strings, (message) => {
        this.#attached = Math.max(this.#attached, state.attachments.length) + 1;
        this.#host.post(message);
      });
      this.#composer.complain(complaint);
    });
  }

  #act(id: string): void {
    if (id === RETRY_ACTION) {
      const answer = retryableAnswer(this.#replica.state?.transcript ?? []);
      if (answer !== undefined) {
        this.#wishes.retry(answer.id);
      }
    } else {
      this.#host.post({ type: 'action', id });
    }
  }

  /** Offline is what the browser knows, or what the last request met with; it does not forbid to try. */
  #offlineNotice({ account, offline, transcript }: PanelState): Notice | null {
    const isOffline = account === 'ready' && (offline || !this.#online);
    const mayRetry = retryableAnswer(transcript)?.state.status === 'error';
    return isOffline ? (mayRetry ? this.#offline.retry : this.#offline.plain) : null;
  }

  /** The button that was pressed goes away, so the focus moves on to the prompt. */
  #askAgain(message: PanelMessage): void {
    this.#host.post(message);
    this.#composer.focus();
    this.#scroller.toEnd();
  }

  #stop(): void {
    const { state } = this.#replica;
    if (state !== null && streamingAnswer(state.transcript) !== undefined) {
      this.#host.post({ type: 'stop' });
    }
  }

  #onDraft(text: string): void {
    this.#draftRevision += 1;
    this.#host.keepDraft({ text, revision: this.#draftRevision });
    if (!this.#draftIsNews) {
      this.#draftIsNews = true;
      this.#clock.after(() => this.#tellDraft(), DRAFT_MS);
    }
  }

  #takeDraft({ text, revision }: Draft): void {
    this.#draftRevision = revision;
    this.#composer.setText(text);
  }

  #tellDraft(): void {
    if (this.#draftIsNews) {
      this.#draftIsNews = false;
      this.#host.post({ type: 'draft', draft: { text: this.#composer.text, revision: this.#draftRevision } });
    }
  }
}

function screenOf({ account, transcript }: PanelState): Screen {
  switch (account) {
    case 'signedOut':
      return account;
    case 'restoring':
      return transcript.length > 0 ? 'conversation' : 'restoring';
    case 'ready':
      return transcript.length > 0 ? 'conversation' : 'empty';
  }
}
