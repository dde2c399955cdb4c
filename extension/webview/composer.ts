/** The prompt, the model it goes to, and Send or Stop. */
import type { Attachment } from '../src/chat/images.ts';
import type { ModelChoice } from '../src/chat/panelState.ts';
import { MAX_PROMPT_CHARS } from '../src/chat/protocol.ts';
import { fill } from '../src/chat/strings.ts';
import type { PanelStrings } from '../src/chat/strings.ts';
import type { GivenFile } from './attaching.ts';
import { button, h } from './dom.ts';
import { icon } from './icons.ts';
import { ImageTray } from './imageTray.ts';

export interface ComposerWishes {
  send(text: string): void;
  stop(): void;
  pickModel(): void;
  /** Images were pasted or dropped. */
  attach(files: readonly GivenFile[]): void;
  pickImages(): void;
  detach(id: string): void;
  /** The text in the prompt has changed. */
  draft(text: string): void;
}

export interface ComposerModel {
  readonly model: ModelChoice;
  readonly attachments: readonly Attachment[];
  readonly streaming: boolean;
  /** Whether a question may be sent, apart from one being answered. */
  readonly ready: boolean;
}

const MAX_ROWS = 10;

export class Composer {
  readonly element: HTMLElement;
  readonly #strings: PanelStrings;
  readonly #wishes: ComposerWishes;
  readonly #prompt: HTMLTextAreaElement;
  readonly #send: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #model: HTMLButtonElement;
  readonly #modelName = h('span', { class: 'model-name' });
  readonly #images: ImageTray;
  readonly #words = h('div', { class: 'composer-words', role: 'status', hidden: '' });
  #complaint: string | null = null;
  #attachments: readonly Attachment[] = [];
  #vision = false;
  #ready = false;
  #streaming = false;
  /** What was sent and is not yet seen in the conversation: until then it stays in the prompt. */
  #sent: string | null = null;

  constructor(strings: PanelStrings, wishes: ComposerWishes) {
    this.#strings = strings;
    this.#wishes = wishes;
    this.#prompt = h('textarea', {
      'data-testid': 'prompt',
      rows: '1',
      dir: 'auto',
      maxlength: String(MAX_PROMPT_CHARS),
      placeholder: strings.promptPlaceholder,
      'aria-label': strings.promptLabel,
      'aria-describedby': 'prompt-hint',
    });
    this.#send = button(
      { class: 'round primary', 'data-testid': 'send', title: strings.send, 'aria-label': strings.send },
      () => this.#onSend(),
      icon('send'),
    );
    this.#stop = button(
      { class: 'round stop', 'data-testid': 'stop', title: strings.stop, 'aria-label': strings.stop },
      () => this.#onStop(),
      icon('stop'),
    );
    this.#model = button(
      { class: 'text-button model', 'data-testid': 'pick-model' },
      () => this.#wishes.pickModel(),
      this.#modelName,
      icon('chevron'),
    );
    this.#images = new ImageTray(strings, (id) => {
      this.#complaint = null;
      this.#wishes.detach(id);
      this.focus();
    });
    const attach = button(
      {
        class: 'icon-button',
        'data-testid': 'attach',
        title: strings.attachImages,
        'aria-label': strings.attachImages,
      },
      () => this.#onAttach(),
      icon('image'),
    );
    this.element = h(
      'div',
      { class: 'composer' },
      this.#images.element,
      this.#prompt,
      this.#words,
      h('div', { class: 'composer-row' }, attach, this.#model, this.#send, this.#stop),
      h('span', { id: 'prompt-hint', class: 'visually-hidden' }, strings.promptHint),
    );
    this.#prompt.addEventListener('input', () => this.#onInput());
    this.#prompt.addEventListener('keydown', (event) => {
      this.#onKey(event);
    });
    this.#prompt.addEventListener('paste', (event) => {
      if (!isFormattedText(event.clipboardData)) {
        this.#onFiles(event, event.clipboardData);
      }
    });
    // The whole box is the prompt's, as far as a mouse is concerned.
    this.element.addEventListener('click', (event) => {
      if (event.target instanceof Element && event.target.closest('button, textarea') === null) {
        this.focus();
      }
    });
  }

  get text(): string {
    return this.#prompt.value;
  }

  /** Replaces what is in the prompt without telling anybody. */
  setText(text: string): void {
    if (text !== this.#prompt.value) {
      this.#prompt.value = text;
      this.#afterChange();
    }
  }

  /** Offers a text to go on with, the cursor at its end. */
  suggest(text: string): void {
    this.setText(text);
    this.#wishes.draft(text);
    this.focus();
    this.#prompt.setSelectionRange(text.length, text.length);
  }

  focus(): void {
    this.#prompt.focus();
  }

  update({ model, attachments, streaming, ready }: ComposerModel): void {
    const label = fill(this.#strings.pickModel, model.label);
    if (this.#model.title !== label) {
      this.#modelName.textContent = model.label;
      this.#model.title = label;
      this.#model.setAttribute('aria-label', label);
    }
    this.#images.update(attachments);
    if (model.vision !== this.#vision) {
      this.#complaint = null;
    }
    this.#attachments = attachments;
    this.#vision = model.vision;
    this.#showWords(attachments.length > 0 && !model.vision ? fill(this.#strings.imageNoVision, model.label) : null);
    this.#ready = ready;
    this.#streaming = streaming;
    const focusIsLost = document.activeElement === (streaming ? this.#send : this.#stop);
    this.#send.hidden = streaming;
    this.#stop.hidden = !streaming;
    this.#model.disabled = !ready;
    this.#send.disabled = !this.#maySend();
    if (focusIsLost) {
      this.focus();
    }
  }

  /** A question has appeared in the conversation: if it is the one that was sent, it leaves the prompt. */
  accepted(text: string): void {
    if (this.#sent !== text) {
      return;
    }
    this.#sent = null;
    this.#complaint = null;
    // What was typed since then stays.
    const { value } = this.#prompt;
    this.setText(value.startsWith(text) ? value.slice(text.length) : value);
    this.#wishes.draft(this.#prompt.value);
  }

  /** Says why an image was not taken. */
  complain(complaint: string | null): void {
    this.#complaint = complaint;
    this.#showWords(null);
  }

  /** Takes the images out of what was pasted or dropped, if there are any. */
  takeFiles(event: Event, data: DataTransfer | null): void {
    this.#onFiles(event, data);
  }

  #onFiles(event: Event, data: DataTransfer | null): void {
    const files = [...(data?.files ?? [])];
    if (files.length > 0) {
      event.preventDefault();
      // Browsers name what was copied from a screen "image.png".
      const { pastedImage } = this.#strings;
      this.#wishes.attach(
        files.map((file) => ({ name: file.name === 'image.png' ? pastedImage : file.name, blob: file })),
      );
    }
  }

  #onAttach(): void {
    if (this.#vision) {
      this.#wishes.pickImages();
    } else {
      this.#wishes.attach([]);
    }
  }

  #showWords(standing: string | null): void {
    const words = standing ?? this.#complaint;
    if ((words ?? '') === this.#words.firstElementChild?.textContent) {
      return;
    }
    this.#words.hidden = words === null;
    this.#words.replaceChildren(
      ...(words === null ? [] : [h('span', {}, words)]),
      ...(words === null || this.#vision
        ? []
        : [button({ class: 'link-button' }, () => this.#wishes.pickModel(), this.#strings.chooseModel)]),
    );
  }

  #onInput(): void {
    this.#afterChange();
    this.#wishes.draft(this.#prompt.value);
  }

  #onKey(event: KeyboardEvent): void {
    // While an input method is composing, Enter chooses a word.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#onSend();
    }
  }

  #onSend(): void {
    const { value } = this.#prompt;
    if (!this.#streaming && this.#maySend()) {
      this.#sent = value;
      this.#wishes.send(value);
      this.focus();
    }
  }

  #onStop(): void {
    this.#wishes.stop();
    this.focus();
  }

  #maySend(): boolean {
    const hasImages = this.#attachments.length > 0;
    return this.#ready && (hasImages ? this.#vision : /\S/u.test(this.#prompt.value));
  }

  #afterChange(): void {
    const { value } = this.#prompt;
    this.#send.disabled = !this.#maySend();
    // Browsers that cannot size the field by its content get rows instead.
    this.#prompt.rows = Math.min(MAX_ROWS, value.split('\n', MAX_ROWS).length);
  }
}

/** Office programs put a picture beside the text that was copied: it is the text that is meant. */
function isFormattedText(data: DataTransfer | null): boolean {
  return data !== null && data.types.includes('text/html') && data.getData('text/plain').trim() !== '';
}
