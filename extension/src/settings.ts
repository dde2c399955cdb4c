/** The settings, read as `unknown` and narrowed. All are of application scope: a workspace can't redirect anything. */
import * as v from 'valibot';
import { workspace } from 'vscode';

import type { schedule } from './core/host.ts';

export interface BackendSettings {
  readonly supabaseUrl: string;
  readonly supabaseKey: string;
  readonly litellmUrl: string;
}

export interface Settings {
  readonly backend: BackendSettings;
  readonly autoSignIn: boolean;
  readonly showCostEstimates: boolean;
  readonly defaultModel: string;
  readonly network: {
    /** How long to wait for the first byte of an answer, and then for each further one, in seconds. */
    readonly timeoutSeconds: number;
    readonly maxRetries: number;
  };
}

/** The fields of the core's configuration that come from a setting, by name. */
export const BACKEND_SETTINGS = {
  supabaseUrl: 'godoty.backend.supabaseUrl',
  supabaseKey: 'godoty.backend.supabaseKey',
  litellmUrl: 'godoty.backend.litellmUrl',
} as const;

const text = v.fallback(v.string(), '');
const whole = (minimum: number, maximum: number, preset: number) =>
  v.fallback(v.pipe(v.number(), v.integer(), v.minValue(minimum), v.maxValue(maximum)), preset);

export function readSettings(): Settings {
  const configuration = workspace.getConfiguration('godoty');
  const get = (name: string): unknown => configuration.get<unknown>(name);
  const backend = (name: string): string => v.parse(text, get(`backend.${name}`)).trim();
  return {
    backend: {
      supabaseUrl: backend('supabaseUrl'),
      supabaseKey: backend('supabaseKey'),
      litellmUrl: backend('litellmUrl'),
    },
    autoSignIn: v.parse(v.fallback(v.boolean(), true), get('auth.autoSignIn')),
    showCostEstimates: v.parse(v.fallback(v.boolean(), true), get('usage.showCostEstimates')),
    defaultModel: v.parse(text, get('chat.defaultModel')).trim() || 'gpt-4o-mini',
    network: {
      timeoutSeconds: v.parse(whole(5, 3600, 120), get('network.timeoutSeconds')),
      maxRetries: v.parse(whole(0, 10, 3), get('network.maxRetries')),
    },
  };
}

/** What VS Code is told about proxies and certificates. */
export interface ProxySettings {
  readonly proxy: string;
  readonly support: string;
  readonly strictSsl: boolean;
}

export function readProxySettings(): ProxySettings {
  const configuration = workspace.getConfiguration('http');
  return {
    proxy: v.parse(text, configuration.get<unknown>('proxy')).trim(),
    support: v.parse(text, configuration.get<unknown>('proxySupport')),
    strictSsl: v.parse(v.fallback(v.boolean(), true), configuration.get<unknown>('proxyStrictSSL')),
  };
}

export function sameBackend(a: BackendSettings, b: BackendSettings): boolean {
  return a.supabaseUrl === b.supabaseUrl && a.supabaseKey === b.supabaseKey && a.litellmUrl === b.litellmUrl;
}

/** How long the settings have to rest, in milliseconds, before a change counts. */
const restMilliseconds = 500;

/**
 * Calls the listener once the settings have rested after a change. While VS Code writes the file, a window may find it
 * empty, with every setting at its preset for a moment: acted upon at once, that would be a turn to another backend.
 */
export function onDidChangeSettings(listener: () => void, after: typeof schedule): { dispose(): void } {
  let cancel: (() => void) | undefined;
  const subscription = workspace.onDidChangeConfiguration((change) => {
    if (change.affectsConfiguration('godoty')) {
      cancel?.();
      cancel = after(listener, restMilliseconds);
    }
  });
  return {
    dispose: () => {
      subscription.dispose();
      cancel?.();
    },
  };
}
