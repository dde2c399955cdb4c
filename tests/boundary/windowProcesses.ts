/** Windows as processes: opened, killed and opened anew, and what they say. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { ClientConfig, CoreEvent } from '../../crate/wasm/pkg/godoty_core.js';

export interface WindowConfig extends ClientConfig {
  /** The folder of the vault. */
  readonly folder: string;
  readonly userId: string;
  /** What SecretStorage has: the vault's key. */
  readonly secrets: readonly (readonly [name: string, value: string])[];
  /** The user does something every so many milliseconds. */
  readonly everyMs: number;
  readonly model: string;
}

/** When to die while the lock is held: before anything is sent, before the answer is stored, before the lock is let go. */
export const MOMENTS = ['answered', 'stored', 'locked'] as const;
export type Moment = (typeof MOMENTS)[number];

export type Order =
  | { readonly kind: 'focus'; readonly focused: boolean }
  | { readonly kind: 'dieWhen'; readonly moment: Moment | undefined }
  | { readonly kind: 'chat' };

export type Report =
  | { readonly kind: 'restored'; readonly userId: string | undefined }
  | { readonly kind: 'called' }
  | { readonly kind: 'chatted' }
  | { readonly kind: 'event'; readonly event: CoreEvent }
  | { readonly kind: 'failed'; readonly what: string };

const program = fileURLToPath(new URL('windowProcess.ts', import.meta.url));
/** What a window may hear while somebody is signed in and stays so. */
const USUAL = new Set(['signedIn', 'refreshed', 'usageChanged']);

export class WindowProcesses {
  readonly #config: WindowConfig;
  readonly #open = new Set<ChildProcess>();
  readonly #chatted = new Set<ChildProcess>();
  #moment: Moment | undefined;
  #closing = false;

  #fail: (error: Error) => void = () => undefined;

  /** Rejects when something happens in a window that should not. */
  readonly failed = new Promise<never>((_, reject) => {
    this.#fail = reject;
  });
  /** When windows were killed, in milliseconds since the Unix epoch. */
  readonly kills: number[] = [];
  /** When, in a renewal, those windows died that did so by themselves. */
  readonly deaths: Moment[] = [];
  /** Calls of the account's server that were answered. */
  calls = 0;

  constructor(config: WindowConfig) {
    this.#config = config;
  }

  /** How many of the windows that are open have had an answer of a model. */
  get chatted(): number {
    return [...this.#chatted].filter((window) => this.#open.has(window)).length;
  }

  open(count: number): void {
    for (let index = 0; index < count; index += 1) this.#start();
  }

  /** Gives the focus to one window alone. */
  focus(which: number): void {
    const focused = this.#at(which);
    for (const window of this.#open) order(window, { kind: 'focus', focused: window === focused });
  }

  /** The next window that holds the lock kills itself at this moment. */
  dieWhen(moment: Moment | undefined): void {
    this.#moment = moment;
    for (const window of this.#open) order(window, { kind: 'dieWhen', moment });
  }

  /** Kills a window, wherever it is. Another is opened in its place. */
  kill(which: number): void {
    this.#at(which)?.kill('SIGKILL');
  }

  /** Asks a model something in each window. */
  chat(): void {
    for (const window of this.#open) order(window, { kind: 'chat' });
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(
      [...this.#open].map(
        (window) =>
          new Promise((resolve) => {
            window.on('exit', resolve);
            window.kill('SIGKILL');
          }),
      ),
    );
  }

  #problem(what: string): void {
    this.#fail(new Error(what));
  }

  #at(which: number): ChildProcess | undefined {
    return [...this.#open][which % this.#open.size];
  }

  #start(): void {
    const window = fork(program, [JSON.stringify(this.#config)], { execArgv: ['--import', 'tsx'] });
    this.#open.add(window);
    window.on('message', (report: Report) => {
      this.#hear(window, report);
    });
    window.on('error', (error) => this.#problem(String(error)));
    window.on('exit', (_, signal) => {
      this.#open.delete(window);
      if (!this.#closing) this.#ended(window, signal);
    });
  }

  #ended(window: ChildProcess, signal: NodeJS.Signals | null): void {
    if (signal !== 'SIGKILL') {
      this.#problem('a window ended by itself');
      return;
    }
    this.kills.push(Date.now());
    if (!window.killed && this.#moment !== undefined) {
      this.deaths.push(this.#moment);
      // The others still wait for its lock: nobody else has come to this moment.
      this.dieWhen(undefined);
    }
    this.#start();
  }

  #hear(window: ChildProcess, report: Report): void {
    switch (report.kind) {
      case 'restored':
        if (report.userId !== this.#config.userId) this.#problem(`a window began as ${String(report.userId)}`);
        return;
      case 'called':
        this.calls += 1;
        return;
      case 'chatted':
        this.#chatted.add(window);
        return;
      case 'event':
        if (!USUAL.has(report.event.kind)) this.#problem(`a window heard ${report.event.kind}`);
        return;
      case 'failed':
        this.#problem(report.what);
        return;
    }
  }
}

function order(window: ChildProcess, what: Order): void {
  // One that has just been killed takes none.
  if (window.connected) window.send(what);
}
