/** What differs between the two hosts in which VS Code runs extensions; each has an `activate` of its own. */
import type { Uri } from 'vscode';

import type { VaultHost } from './auth/vault/ports.ts';

/** A port that waits for one browser to come back. */
export interface Loopback {
  /** Where the browser is to come back to. */
  readonly redirectTo: string;
  close(): void;
}

/** What the browser shows in the end. */
export interface LoopbackTexts {
  readonly done: string;
  readonly failed: string;
}

export type OpenLoopback = (texts: LoopbackTexts, take: (address: string) => Promise<boolean>) => Promise<Loopback>;

/** How far a connection to a server comes, and what stops it there. */
export interface Inspection {
  readonly reached: 'nothing' | 'name' | 'port' | 'certificate';
  /** The system's code for what went wrong. */
  readonly code?: string;
  /** What the server shows of itself, trusted or not. */
  readonly certificate?: {
    readonly protocol: string;
    readonly issuer: string;
    /** Milliseconds since 1970. */
    readonly validTo: number;
  };
}

/** What Node sees of the way to a server, and a browser does not say. */
export interface NetworkSight {
  /** Operating system and architecture. */
  readonly system: string;
  /** Connects without sending anything; past any proxy. */
  inspect(origin: string, signal: AbortSignal): Promise<Inspection>;
  /** Opens an address of this machine; resolves with the status of the answer. */
  knock(address: string, signal: AbortSignal): Promise<number>;
  /** The variables of the environment that name proxies, as they are: they may hold a password. */
  proxyVariables(): readonly (readonly [name: string, value: string])[];
}

export interface Platform {
  /** The vault's files and lock, for the folder in which the extension keeps what all windows share. */
  vault(storage: Uri): VaultHost;
  /** Opens a port for a callback; absent where no port can be opened. */
  readonly openLoopback?: OpenLoopback;
  readonly network?: NetworkSight;
}
