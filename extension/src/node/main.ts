/** The extension in Node: on a desktop, or on the remote machine. */
import { Uri } from 'vscode';
import type { ExtensionContext } from 'vscode';

import { newUuid, timing } from '../core/host.ts';
import { activate as compose } from '../extension.ts';
import type { Platform } from '../platform.ts';
import { DiskFiles } from './diskFiles.ts';
import { FileLock } from './fileLock.ts';
import { openLoopback } from './loopback.ts';
import { networkSight } from './networkSight.ts';

const platform: Platform = {
  openLoopback,
  network: networkSight,
  vault: (storage) => {
    const folder = Uri.joinPath(storage, 'vault').fsPath;
    return { files: new DiskFiles(folder, newUuid), lock: new FileLock(folder, timing) };
  },
};

export function activate(context: ExtensionContext): void {
  compose(context, platform);
}
