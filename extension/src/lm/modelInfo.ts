/** A model as VS Code's model picker shows it. */
import { l10n } from 'vscode';
import type { LanguageModelChatInformation } from 'vscode';

import type { ModelInfo } from '../../../crate/wasm/pkg/godoty_core.js';

/**
 * The window of a model of which nobody knows it. VS Code shortens the conversation to fit it: a small figure costs an
 * early summary, a large one an error in the middle of the work.
 */
const UNKNOWN_INPUT_TOKENS = 32_768;
const UNKNOWN_OUTPUT_TOKENS = 4_096;

export function toModelInformation(
  model: ModelInfo,
  formatNumber: (value: number) => string,
): LanguageModelChatInformation {
  const { id, vision, tools } = model;
  return {
    id,
    name: id,
    // `openai/gpt-4o` is of the family `gpt-4o`, by which others look for models.
    family: id.slice(id.lastIndexOf('/') + 1),
    // What stands behind the name is the endpoint's to change.
    version: 'latest',
    detail: shortPrice(model),
    tooltip: tooltip(model, formatNumber),
    maxInputTokens: model.maxInputTokens ?? UNKNOWN_INPUT_TOKENS,
    maxOutputTokens: model.maxOutputTokens ?? UNKNOWN_OUTPUT_TOKENS,
    capabilities: {
      imageInput: vision ?? false,
      // Without tools VS Code does not offer a model in agent mode at all; a server that has none says so itself.
      toolCalling: tools ?? true,
    },
  };
}

/** Undefined when nobody knows the price. */
export function priceText({ inputPerMillion, outputPerMillion }: ModelInfo): string | undefined {
  return inputPerMillion === undefined || outputPerMillion === undefined
    ? undefined
    : l10n.t('{0} in, {1} out per million tokens', inputPerMillion, outputPerMillion);
}

/** The model picker is narrow: a longer text takes the place of the model's name. */
function shortPrice({ inputPerMillion, outputPerMillion }: ModelInfo): string {
  return inputPerMillion === undefined || outputPerMillion === undefined
    ? l10n.t('price not known')
    : l10n.t('{0} in, {1} out / 1M', inputPerMillion, outputPerMillion);
}

function tooltip(model: ModelInfo, formatNumber: (value: number) => string): string {
  const { id, provider, maxInputTokens, maxOutputTokens } = model;
  const price = priceText(model);
  return [
    provider === undefined ? l10n.t('{0} through Godoty.', id) : l10n.t('{0} of {1} through Godoty.', id, provider),
    price === undefined ? l10n.t('Its price is not known.') : l10n.t('Price: {0}.', price),
    maxInputTokens === undefined ? '' : l10n.t('Reads up to {0} tokens.', formatNumber(maxInputTokens)),
    maxOutputTokens === undefined ? '' : l10n.t('Writes up to {0} tokens.', formatNumber(maxOutputTokens)),
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}
