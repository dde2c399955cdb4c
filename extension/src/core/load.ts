/** Loads the core's WebAssembly once, from bytes that VS Code reads: that works on every host. */
import { Uri, workspace } from 'vscode';

import { GodotyClient, abandon, initSync, isTrap, onTrap } from '../../../crate/wasm/pkg/godoty_core.js';
import type { ClientConfig, CoreHost } from '../../../crate/wasm/pkg/godoty_core.js';
// The import makes the bundler ship the file; its place is dist/godoty_core.wasm for both hosts.
import '../../../crate/wasm/pkg/godoty_core_bg.wasm';
import { CoreLifetime } from './lifetime.ts';

const lifetime = new CoreLifetime({ GodotyClient, abandon, isTrap, onTrap });
let loading: Promise<void> | undefined;

/** A client of the core, which is loaded first. `onEnd` is called when a defect has ended the core, and the client with it. */
export async function openClient(
  extensionUri: Uri,
  config: ClientConfig,
  host: CoreHost,
  onEnd: () => void,
): Promise<GodotyClient> {
  await loadCore(extensionUri);
  return lifetime.open(config, host, onEnd);
}

/** The version of the core, which has been loaded. */
export const coreVersion = (): string => lifetime.run(() => GodotyClient.coreVersion());

/** The core's judgement of an answer whose pieces came within `spreadMs`, out of `wholeMs` since it was asked for. */
export const cameAtOnce = (spreadMs: number, wholeMs: number): boolean =>
  lifetime.run(() => GodotyClient.cameAtOnce(spreadMs, wholeMs));

/** Rejects when the file can't be read or is not a WebAssembly module; the next call tries again. */
function loadCore(extensionUri: Uri): Promise<void> {
  loading ??= load(extensionUri).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(extensionUri: Uri): Promise<void> {
  const bytes = await workspace.fs.readFile(Uri.joinPath(extensionUri, 'dist', 'godoty_core.wasm'));
  // Some hosts hand out a view of a larger buffer, which WebAssembly refuses: copy it.
  initSync({ module: new Uint8Array(bytes) });
}
