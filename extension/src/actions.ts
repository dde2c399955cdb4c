/** The next steps that errors and the panel offer. */
import { Uri, commands, env } from 'vscode';

import type { ChatViewProvider } from './chat/view.ts';

const KEYRING_HELP =
  'https://code.visualstudio.com/docs/configure/settings-sync#_recommended-configure-the-keyring-to-use-with-vs-code';

export async function runAction(id: string, chat: ChatViewProvider): Promise<void> {
  switch (id) {
    case 'signIn':
    case 'createAccount':
    case 'resetPassword':
    case 'otherWays':
      await commands.executeCommand('godoty.signIn');
      return;
    case 'openSettings':
      await commands.executeCommand('workbench.action.openSettings', 'godoty.backend');
      return;
    case 'openProxySettings':
      await commands.executeCommand('workbench.action.openSettings', 'http.proxy');
      return;
    case 'pickModel':
      await chat.pickModel();
      return;
    case 'newChat':
      await chat.newChat();
      return;
    case 'showUsage':
      await commands.executeCommand('godoty.showUsage');
      return;
    case 'showLog':
      await commands.executeCommand('godoty.showLog');
      return;
    case 'doctor':
      await commands.executeCommand('godoty.doctor');
      return;
    case 'keyring':
      await env.openExternal(Uri.parse(KEYRING_HELP));
      return;
    case 'reloadWindow':
      await commands.executeCommand('workbench.action.reloadWindow');
      return;
  }
}
