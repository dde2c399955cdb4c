/** The status bar entry: a thin adapter around {@link toStatus}. */
import { MarkdownString, StatusBarAlignment, ThemeColor, env, l10n, window } from 'vscode';
import type { StatusBarItem } from 'vscode';

import { toStatus } from './model.ts';
import type { StatusInput } from './model.ts';

export class StatusBar {
  readonly #item: StatusBarItem;

  constructor() {
    this.#item = window.createStatusBarItem('godoty.usage', StatusBarAlignment.Right, 100);
    this.#item.name = l10n.t('Godoty Usage');
  }

  update(input: StatusInput): void {
    const status = toStatus(input, l10n, env.language);
    if (status.kind === 'hidden') {
      this.#item.hide();
      return;
    }
    this.#item.text = status.text;
    this.#item.tooltip = new MarkdownString(status.tooltip);
    this.#item.accessibilityInformation = { label: status.accessible, role: 'button' };
    this.#item.command = status.command;
    this.#item.backgroundColor = status.warns ? new ThemeColor('statusBarItem.warningBackground') : undefined;
    this.#item.show();
  }

  dispose(): void {
    this.#item.dispose();
  }
}
