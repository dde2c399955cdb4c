/** A question for one line of text, with the way back to the question before it. */
import { QuickInputButtons, window } from 'vscode';

export interface Question {
  readonly title: string;
  readonly prompt: string;
  readonly placeholder?: string;
  /** What is in the box at first. */
  readonly value?: string;
  readonly password?: boolean;
  /** What is wrong with a text, or undefined. */
  readonly check: (text: string) => string | undefined;
}

export type Reply = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'back' | 'left' };

/** Asks until the text passes the check, or the user goes back or leaves. An abort leaves as well. */
export async function ask(question: Question, signal: AbortSignal): Promise<Reply> {
  const input = window.createInputBox();
  const leave = (): void => input.hide();
  try {
    return await new Promise<Reply>((resolve) => {
      input.title = question.title;
      input.prompt = question.prompt;
      input.placeholder = question.placeholder;
      input.value = question.value ?? '';
      input.password = question.password ?? false;
      input.ignoreFocusOut = true;
      input.buttons = [QuickInputButtons.Back];
      input.onDidTriggerButton(() => resolve({ kind: 'back' }));
      input.onDidHide(() => resolve({ kind: 'left' }));
      input.onDidChangeValue(() => {
        input.validationMessage = undefined;
      });
      input.onDidAccept(() => {
        input.validationMessage = question.check(input.value);
        if (input.validationMessage === undefined) {
          resolve({ kind: 'text', text: input.value });
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
