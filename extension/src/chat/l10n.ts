/** The chat's texts. VS Code's `l10n` is handed in and only its type is imported, so that tests run without VS Code. */
import type * as vscode from 'vscode';

import type { ControllerTexts } from './answerEnd.ts';
import type { PanelStrings } from './strings.ts';

/** VS Code's translator: gives the text in the language of the user. */
export type Translator = Pick<typeof vscode.l10n, 't'>;

export function controllerTexts(l10n: Translator): ControllerTexts {
  return {
    toolCalls: l10n.t(
      'The model asked to run a tool, which this panel does not do. Use VS Code’s own chat for work with tools.',
    ),
    unexpected: l10n.t('Something went wrong in Godoty itself. The log has the details.'),
    showLog: l10n.t('Show Log'),
  };
}

export function panelStrings(l10n: Translator): PanelStrings {
  return {
    conversation: l10n.t('Conversation'),
    question: l10n.t('You'),
    answer: l10n.t('Answer by {0}', '{0}'),
    promptLabel: l10n.t('Message'),
    promptPlaceholder: l10n.t('Ask anything'),
    promptHint: l10n.t('Enter sends, Shift+Enter starts a new line'),
    send: l10n.t('Send'),
    stop: l10n.t('Stop (Escape)'),
    pickModel: l10n.t('Model: {0}. Choose another', '{0}'),
    copy: l10n.t('Copy'),
    copied: l10n.t('Copied'),
    insertCode: l10n.t('Insert at cursor'),
    inserted: l10n.t('Inserted into the editor'),
    code: l10n.t('Code'),
    table: l10n.t('Table'),
    attachImages: l10n.t('Attach images'),
    removeImage: l10n.t('Remove {0}', '{0}'),
    imageGone: l10n.t('{0}: the image is no longer here, so the model does not see it', '{0}'),
    imageNoVision: l10n.t('{0} can’t see images. Choose another model or send none.', '{0}'),
    chooseModel: l10n.t('Choose a Model'),
    imageTooMany: l10n.t(
      'A question takes at most {0} images: each is paid for again with every later question.',
      '{0}',
    ),
    imageTooLarge: l10n.t('{0} is larger than {1} MB, and some providers take no larger images.', '{0}', '{1}'),
    imageType: l10n.t('{0} is not a PNG, JPEG, GIF or WebP image, and providers take no others.', '{0}'),
    imageBroken: l10n.t('{0} could not be read as an image.', '{0}'),
    pastedImage: l10n.t('Pasted image'),
    offline: l10n.t('You are offline. Nothing is lost: try again when you are connected.'),
    copyAnswer: l10n.t('Copy answer'),
    retry: l10n.t('Retry'),
    continueAnswer: l10n.t('Continue'),
    thinking: l10n.t('Thinking…'),
    thoughts: l10n.t('Thoughts'),
    answering: l10n.t('Answering…'),
    scrollToEnd: l10n.t('Go to the end'),
    statusStopped: l10n.t('Stopped'),
    statusTruncated: l10n.t('Cut off — the answer is incomplete'),
    statusLength: l10n.t('Reached the length limit'),
    statusFiltered: l10n.t('Ended by the content filter'),
    statusInterrupted: l10n.t('Interrupted — the answer is incomplete'),
    statusError: l10n.t('Failed'),
    tokens: l10n.t('{0} tokens', '{0}'),
    tokensInOut: l10n.t('{0} in, {1} out', '{0}', '{1}'),
    tokensCached: l10n.t('{0} from the cache', '{0}'),
    tokensReasoning: l10n.t('{0} for reasoning', '{0}'),
    costUnknown: l10n.t('cost not known yet'),
    costPartlyUnknown: l10n.t('and a part of unknown cost'),
    emptyTitle: l10n.t('What are you working on?'),
    emptyText: l10n.t('Each answer shows how it ended and what it cost.'),
    suggestions: [
      { label: l10n.t('Explain an error'), prompt: l10n.t('Explain this error and how to fix it:') + '\n\n' },
      { label: l10n.t('Review some code'), prompt: l10n.t('Review this code for mistakes:') + '\n\n' },
      { label: l10n.t('Write a test'), prompt: l10n.t('Write unit tests for this function:') + '\n\n' },
    ],
    signedOutTitle: l10n.t('Chat with any model'),
    signedOutText: l10n.t('Sign in once. Each answer shows how it ended and what it cost.'),
    signIn: l10n.t('Sign In'),
    restoring: l10n.t('Loading…'),
  };
}
