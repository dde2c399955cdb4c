/** The status bar entry: a thin adapter around {@link toStatus}. */
import { MarkdownString, StatusBarAlignment, env, l10n, window } from 'vscode';
import type { StatusBarItem } from 'vscode';

import { toStatus } from './model.ts';
import type { StatusInput, StatusTexts } from './model.ts';

export class StatusBar {
  readonly #item: StatusBarItem;
  readonly #numbers = new Intl.NumberFormat(env.language);

  constructor() {
    this.#item = window.createStatusBarItem('godoty.usage', StatusBarAlignment.Right, 100);
    this.#item.name = l10n.t('Godoty Usage');
    this.#item.command = 'godoty.showUsage';
  }

  update(input: StatusInput): void {
    const status = toStatus(input, texts(), (value) => this.#numbers.format(value));
    if (status.kind === 'hidden') {
      this.#item.hide();
      return;
    }
    this.#item.text = status.text;
    this.#item.tooltip = new MarkdownString(status.tooltip);
    this.#item.accessibilityInformation = { label: status.accessible, role: 'button' };
    this.#item.show();
  }

  dispose(): void {
    this.#item.dispose();
  }
}

function texts(): StatusTexts {
  return {
    title: l10n.t('Godoty in this window'),
    cost: l10n.t('Cost'),
    requests: l10n.t('Requests'),
    tokens: l10n.t('Tokens'),
    inOut: l10n.t('{0} in, {1} out', '{0}', '{1}'),
    cached: l10n.t('of these from the cache'),
    lastModel: l10n.t('Last model'),
    unknownCosts: l10n.t('{0} requests have no known cost and are not in the sum.', '{0}'),
    estimates: l10n.t('≈ marks an estimate from prices; the bill may differ.'),
    hint: l10n.t('Click for the list of requests.'),
    accessible: l10n.t('Godoty: {0} spent in this window. Show usage', '{0}'),
  };
}
