/** This installation, for which the backend issues a model key. */
import { env } from 'vscode';
import type { Memento } from 'vscode';

export interface Device {
  readonly id: string;
  readonly name: string;
}

const KEY = 'godoty.deviceId';
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/u;

/** The id is made once and is no secret; the name is what a user recognises in a list of devices. */
export function deviceOf(state: Memento, newUuid: () => string): Device {
  const stored = state.get<unknown>(KEY);
  const known = typeof stored === 'string' && UUID.test(stored) ? stored : undefined;
  const id = known ?? newUuid();
  if (known === undefined) {
    void state.update(KEY, id);
  }
  return { id, name: [env.appName, env.remoteName ?? env.appHost].join(' · ').slice(0, 100) };
}
