/** The texts of the panel. The host translates them and hands them over; the panel has no words of its own. */
import * as v from 'valibot';

const text = v.string();

const panelStrings = v.object({
  conversation: text,
  question: text,
  /** {0}: the model. */
  answer: text,
  promptLabel: text,
  promptPlaceholder: text,
  promptHint: text,
  send: text,
  stop: text,
  /** {0}: the model. */
  pickModel: text,
  copy: text,
  copied: text,
  insertCode: text,
  inserted: text,
  code: text,
  table: text,
  attachImages: text,
  removeImage: text,
  imageGone: text,
  imageNoVision: text,
  chooseModel: text,
  imageTooMany: text,
  imageTooLarge: text,
  imageType: text,
  imageBroken: text,
  pastedImage: text,
  offline: text,
  copyAnswer: text,
  retry: text,
  continueAnswer: text,
  thinking: text,
  thoughts: text,
  answering: text,
  scrollToEnd: text,
  statusStopped: text,
  statusTruncated: text,
  statusLength: text,
  statusFiltered: text,
  statusInterrupted: text,
  statusError: text,
  /** {0}: a count. */
  tokens: text,
  /** {0}: tokens of the prompt, {1}: of the answer. */
  tokensInOut: text,
  /** {0}: a count. */
  tokensCached: text,
  /** {0}: a count. */
  tokensReasoning: text,
  costUnknown: text,
  costPartlyUnknown: text,
  emptyTitle: text,
  emptyText: text,
  suggestions: v.array(v.object({ label: text, prompt: text })),
  signedOutTitle: text,
  signedOutText: text,
  signIn: text,
  restoring: text,
});

export type PanelStrings = v.InferOutput<typeof panelStrings>;

/**
 * The texts as the page carries them.
 *
 * @throws when one is missing: the page and its script come from different versions.
 */
export function parseStrings(json: string): PanelStrings {
  return v.parse(panelStrings, JSON.parse(json));
}

/** Puts values into the `{0}`, `{1}`, … of a text. */
export function fill(template: string, ...values: readonly string[]): string {
  return template.replaceAll(/\{(\d)\}/gu, (placeholder, index: string) => values[Number(index)] ?? placeholder);
}
