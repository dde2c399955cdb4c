/** The panel's texts in English, as the host gives them. */
import { panelStrings } from '../../../extension/src/chat/l10n.ts';

export const strings = panelStrings({ t: (message: unknown) => String(message) });
