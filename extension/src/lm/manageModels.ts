/** `Godoty: Manage Models`, which VS Code also offers beside Godoty's models. */
import { commands, l10n, window } from 'vscode';

import type { AccountService } from '../account.ts';

export async function manageModels(account: AccountService): Promise<void> {
  await account.restore();
  if (account.state.kind !== 'signedIn') {
    await commands.executeCommand('godoty.signIn');
    return;
  }
  const items = [
    { label: `$(pulse) ${l10n.t('Show Usage')}`, run: () => commands.executeCommand('godoty.showUsage') },
    {
      label: `$(settings-gear) ${l10n.t('Open Settings')}`,
      run: () => commands.executeCommand('workbench.action.openSettings', '@ext:godoty.godoty'),
    },
    { label: `$(sign-out) ${l10n.t('Sign Out')}`, run: () => commands.executeCommand('godoty.signOut') },
  ];
  const picked = await window.showQuickPick(items, {
    title: l10n.t('Godoty models: signed in as {0}', account.state.account.email),
    placeHolder: l10n.t('What do you want to do?'),
  });
  await picked?.run();
}
