/** The extension in a worker of the browser. */
import { Uri, workspace } from 'vscode';
import type { ExtensionContext } from 'vscode';

import { activate as compose } from '../extension.ts';
import type { Platform } from '../platform.ts';
import { WebLock } from './webLock.ts';
import { WorkspaceFiles } from './workspaceFiles.ts';

const platform: Platform = {
  vault: (storage) => {
    const folder = Uri.joinPath(storage, 'vault');
    return { files: new WorkspaceFiles(workspace.fs, folder), lock: new WebLock(folder.toString()) };
  },
};

export function activate(context: ExtensionContext): void {
  compose(context, platform);
}
