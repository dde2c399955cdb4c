/** What the user reads when a session can't be stored or found, and what can be done about it. */
import { Uri, commands, env, l10n, window } from 'vscode';

import type { StoreTrouble } from './sessionStore.ts';

const KEYRING_HELP =
  'https://code.visualstudio.com/docs/configure/settings-sync#_recommended-configure-the-keyring-to-use-with-vs-code';

type Remedy = 'signIn' | 'keyring' | 'reload' | 'log';

interface Words {
  readonly message: string;
  readonly remedy: Remedy;
}

export async function tellStoreTrouble(trouble: StoreTrouble, act: (id: string) => void): Promise<void> {
  const { message, remedy } = wordsOf(trouble);
  if ((await window.showWarningMessage(message, buttonOf(remedy))) !== undefined) {
    await run(remedy, act);
  }
}

function wordsOf(trouble: StoreTrouble): Words {
  switch (trouble) {
    case 'unreadable':
      return {
        message: l10n.t('The stored Godoty session is damaged, so you are signed out here. Sign in again.'),
        remedy: 'signIn',
      };
    case 'newer':
      return {
        message: l10n.t(
          'A newer version of Godoty stored your session, so you are signed out here. Update the extension, or sign in again.',
        ),
        remedy: 'signIn',
      };
    case 'keyLost':
      return {
        message: l10n.t(
          'VS Code’s secret storage has lost the key to your Godoty session, so you are signed out here. If it loses keys again, a keyring is missing.',
        ),
        remedy: 'keyring',
      };
    case 'keyForgotten':
      return {
        message: l10n.t(
          'VS Code’s secret storage has lost Godoty’s key before, so you may have to sign in again after a restart. A keyring, such as gnome-keyring or KWallet, cures that.',
        ),
        remedy: 'keyring',
      };
    case 'elsewhere':
      return {
        message: l10n.t('You have signed in to Godoty in another window. Reload this one to be signed in here too.'),
        remedy: 'reload',
      };
    case 'secretStorage':
      return {
        message: l10n.t(
          'VS Code’s secret storage does not work here, so you stay signed in for this session only. A keyring, such as gnome-keyring or KWallet, cures that.',
        ),
        remedy: 'keyring',
      };
    case 'diskFull':
      return {
        message: l10n.t(
          'The disk is full, so your Godoty session can’t be stored: you stay signed in for this session only. Make room.',
        ),
        remedy: 'log',
      };
    case 'readOnly':
      return {
        message: l10n.t(
          'VS Code’s storage folder can’t be read or written, so you stay signed in for this session only. Check its permissions.',
        ),
        remedy: 'log',
      };
    case 'busy':
      return {
        message: l10n.t(
          'Another window keeps the stored Godoty session locked, so a change of it could not be stored. Close windows that hang.',
        ),
        remedy: 'log',
      };
    case 'failed':
      return {
        message: l10n.t(
          'Your Godoty session can’t be stored, so you stay signed in for this session only. The log says why.',
        ),
        remedy: 'log',
      };
  }
}

function buttonOf(remedy: Remedy): string {
  switch (remedy) {
    case 'signIn':
      return l10n.t('Sign In');
    case 'keyring':
      return l10n.t('How to Get a Keyring');
    case 'reload':
      return l10n.t('Reload Window');
    case 'log':
      return l10n.t('Show Log');
  }
}

async function run(remedy: Remedy, act: (id: string) => void): Promise<void> {
  switch (remedy) {
    case 'signIn':
      act('signIn');
      return;
    case 'keyring':
      await env.openExternal(Uri.parse(KEYRING_HELP));
      return;
    case 'reload':
      await commands.executeCommand('workbench.action.reloadWindow');
      return;
    case 'log':
      act('showLog');
      return;
  }
}
