/** The extension in a worker of the browser. */
import { Uri, workspace } from 'vscode';
import type { ExtensionContext } from 'vscode';

import { newUuid, schedule, timing } from '../core/host.ts';
import { activate as compose } from '../extension.ts';
import type { Platform } from '../platform.ts';
import { LeaseLock } from './leaseLock.ts';
import { WebLock } from './webLock.ts';
import { WorkspaceFiles } from './workspaceFiles.ts';

const platform: Platform = {
  vault: (storage) => {
    const folder = Uri.joinPath(storage, 'vault');
    const lock = new LeaseLock(new WebLock(folder.toString(), schedule), workspace.fs, folder, timing, newUuid);
    return { files: new WorkspaceFiles(workspace.fs, folder), lock };
  },
};

export function activate(context: ExtensionContext): void {
  compose(context, platform);
}
