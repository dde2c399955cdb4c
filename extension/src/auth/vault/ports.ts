/** What a vault needs of its host. */

/** Files of one folder, by name. */
export interface VaultFiles {
  /** The bytes of a file; undefined when there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Replaces a file as a whole: whoever reads gets the old bytes or the new ones, and so after a crash. */
  replace(name: string, bytes: Uint8Array): Promise<void>;
  /** Removes a file, if there is one. */
  remove(name: string): Promise<void>;
}

/** Excludes the other windows. */
export interface VaultLock {
  /**
   * Runs `work` while no other window runs any under the same name, and lets go however that ends. `assertHeld` rejects when the
   * lock has gone to another window, which happens to one that did not run for a while.
   */
  run<T>(name: string, work: (assertHeld: () => Promise<void>) => Promise<T>): Promise<T>;
}

/**
 * Remembers the ids of the keys that this browser or desktop had, which are no secret, so that the loss of a key is noticed.
 * VS Code's global state is enough. The oldest comes first.
 */
export interface KeyMarker {
  /** What was known when this window was loaded. */
  readonly former: readonly string[];
  /** What is known now: another window may have added a key. */
  get(): readonly string[];
  add(id: string): void;
}

/** Something that may have changed the files: a watcher, the window getting the focus. */
export interface Changes {
  /** Begins to watch, which costs something. Before that nothing is heard; further calls do nothing. */
  start(): void;
  onDidChange(listener: () => void): { dispose(): void };
}

/** What differs between the hosts of extensions. */
export interface VaultHost {
  readonly files: VaultFiles;
  readonly lock: VaultLock;
}
