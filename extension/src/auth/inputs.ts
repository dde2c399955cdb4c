/** Questions: one line of text, with the way back to the question before it, or a choice. An abort leaves them. */
import { QuickInputButtons, window } from 'vscode';
import type { QuickInputButton, QuickPickItem } from 'vscode';

export interface Question {
  readonly title: string;
  readonly prompt: string;
  readonly placeholder?: string;
  /** What is in the box at first. */
  readonly value?: string;
  readonly password?: boolean;
  /** A further button of the box. */
  readonly button?: QuickInputButton;
  /** What is wrong with a text, or undefined. What it throws ends the question. */
  readonly check: (text: string) => string | undefined | Promise<string | undefined>;
}

export type Reply = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'back' | 'left' | 'button' };

/** Asks until the text passes the check, or the user goes back or leaves. */
export async function ask(question: Question, signal: AbortSignal): Promise<Reply> {
  const input = window.createInputBox();
  const leave = (): void => input.hide();
  try {
    return await new Promise<Reply>((resolve, reject) => {
      input.title = question.title;
      input.prompt = question.prompt;
      input.placeholder = question.placeholder;
      input.value = question.value ?? '';
      input.password = question.password ?? false;
      input.ignoreFocusOut = true;
      const { button } = question;
      input.buttons = [QuickInputButtons.Back, ...(button === undefined ? [] : [button])];
      input.onDidTriggerButton((pressed) => resolve({ kind: pressed === button ? 'button' : 'back' }));
      input.onDidHide(() => resolve({ kind: 'left' }));
      input.onDidChangeValue(() => {
        input.validationMessage = undefined;
      });
      const accept = async (): Promise<void> => {
        const text = input.value;
        const complaint = question.check(text);
        if (complaint instanceof Promise) {
          input.busy = true;
          input.enabled = false;
        }
        input.validationMessage = await complaint;
        input.busy = false;
        input.enabled = true;
        if (input.validationMessage === undefined) {
          resolve({ kind: 'text', text });
        }
      };
      input.onDidAccept(() => {
        if (!input.busy) {
          accept().catch(reject);
        }
      });
      signal.addEventListener('abort', leave, { once: true });
      input.show();
      if (signal.aborted) {
        leave();
      }
    });
  } finally {
    signal.removeEventListener('abort', leave);
    input.dispose();
  }
}

export interface Choice<T> {
  readonly title: string;
  readonly placeholder: string;
  /** May come later: the list shows that it waits for them. */
  readonly items: Promise<readonly (QuickPickItem & { readonly value: T })[]>;
}

/** Lets the user choose one item; undefined when they leave. */
export async function choose<T>(choice: Choice<T>, signal: AbortSignal): Promise<T | undefined> {
  const pick = window.createQuickPick<QuickPickItem & { readonly value: T }>();
  const leave = (): void => pick.hide();
  try {
    return await new Promise<T | undefined>((resolve, reject) => {
      pick.title = choice.title;
      pick.placeholder = choice.placeholder;
      pick.ignoreFocusOut = true;
      pick.busy = true;
      pick.onDidHide(() => resolve(undefined));
      pick.onDidAccept(() => {
        const [chosen] = pick.selectedItems;
        if (chosen !== undefined) {
          resolve(chosen.value);
        }
      });
      choice.items.then((items) => {
        pick.items = items;
        pick.busy = false;
      }, reject);
      signal.addEventListener('abort', leave, { once: true });
      pick.show();
      if (signal.aborted) {
        leave();
      }
    });
  } finally {
    signal.removeEventListener('abort', leave);
    pick.dispose();
  }
}
