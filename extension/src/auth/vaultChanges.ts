/** Notices that another window may have changed the vault: by its files, and, where nothing is heard of those, on focus. */
import { EventEmitter, RelativePattern, Uri, window, workspace } from 'vscode';
import type { Disposable } from 'vscode';

import type { Changes } from './vault/ports.ts';

export class VaultChanges implements Changes, Disposable {
  readonly #changed = new EventEmitter<void>();
  readonly #folder: Uri;
  #subscriptions: Disposable[] | undefined;

  readonly onDidChange = this.#changed.event;

  constructor(storage: Uri) {
    this.#folder = Uri.joinPath(storage, 'vault');
  }

  start(): void {
    if (this.#subscriptions !== undefined) {
      return;
    }
    const changed = (): void => this.#changed.fire();
    const watcher = workspace.createFileSystemWatcher(new RelativePattern(this.#folder, '*.json'));
    this.#subscriptions = [
      watcher,
      watcher.onDidCreate(changed),
      watcher.onDidChange(changed),
      watcher.onDidDelete(changed),
      window.onDidChangeWindowState(({ focused }) => {
        if (focused) {
          changed();
        }
      }),
    ];
  }

  dispose(): void {
    for (const subscription of this.#subscriptions ?? []) {
      subscription.dispose();
    }
    this.#changed.dispose();
  }
}
