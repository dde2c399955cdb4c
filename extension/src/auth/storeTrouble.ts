/** What the user reads when a session can't be stored or found, and what can be done about it. */
import { l10n, window } from 'vscode';

import { action, offerActions } from '../words.ts';
import type { ActionId, Words } from '../words.ts';
import type { StoreTrouble } from './sessionStore.ts';

export async function tellStoreTrouble(trouble: StoreTrouble, act: (id: ActionId) => void): Promise<void> {
  const picked = await offerActions(
    (message, ...labels) => window.showWarningMessage(message, ...labels),
    storeTroubleWords(trouble),
  );
  if (picked !== undefined) {
    act(picked);
  }
}

export function storeTroubleWords(trouble: StoreTrouble): Words {
  const say = (message: string, remedy: ActionId): Words => ({ message, actions: [action(remedy)] });
  switch (trouble) {
    case 'unreadable':
      return say(l10n.t('The stored Godoty session is damaged, so you are signed out here. Sign in again.'), 'signIn');
    case 'newer':
      return say(
        l10n.t(
          'A newer version of Godoty stored your session, so you are signed out here. Update the extension, or sign in again.',
        ),
        'signIn',
      );
    case 'keyLost':
      return say(
        l10n.t(
          'VS Code’s secret storage has lost the key to your Godoty session, so you are signed out here. If it loses keys again, a keyring is missing.',
        ),
        'keyring',
      );
    case 'keyForgotten':
      return say(
        l10n.t(
          'VS Code’s secret storage has lost Godoty’s key before, so you may have to sign in again after a restart. A keyring, such as gnome-keyring or KWallet, cures that.',
        ),
        'keyring',
      );
    case 'elsewhere':
      return say(
        l10n.t('You have signed in to Godoty in another window. Reload this one to be signed in here too.'),
        'reloadWindow',
      );
    case 'secretStorage':
      return say(
        l10n.t(
          'VS Code’s secret storage does not work here, so a sign-in holds for this session only. A keyring, such as gnome-keyring or KWallet, cures that.',
        ),
        'keyring',
      );
    case 'diskFull':
      return say(
        l10n.t(
          'The disk is full, so your Godoty session can’t be stored: you stay signed in for this session only. Make room.',
        ),
        'showLog',
      );
    case 'readOnly':
      return say(
        l10n.t(
          'VS Code’s storage folder can’t be read or written, so a sign-in holds for this session only. Check its permissions.',
        ),
        'showLog',
      );
    case 'busy':
      return say(
        l10n.t(
          'Another window keeps the stored Godoty session locked, so a change of it could not be stored. Close windows that hang.',
        ),
        'showLog',
      );
    case 'failed':
      return say(
        l10n.t(
          'Your Godoty session can’t be read or stored, so a sign-in holds for this session only. The log says why.',
        ),
        'showLog',
      );
  }
}
