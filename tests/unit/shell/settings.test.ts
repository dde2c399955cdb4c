import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { schedule } from '../../../extension/src/core/host.ts';
import { BACKEND_SETTINGS, onDidChangeSettings, readSettings, sameBackend } from '../../../extension/src/settings.ts';
import { host } from './vscode.ts';

interface Manifest {
  readonly contributes: {
    readonly configuration: {
      readonly properties: Readonly<
        Record<string, { readonly default: unknown; readonly scope: string; readonly ignoreSync?: boolean }>
      >;
    };
  };
}

const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as Manifest;
const { properties } = manifest.contributes.configuration;

beforeEach(() => {
  host.reset();
  for (const [name, { default: preset }] of Object.entries(properties)) {
    host.settings.set(name, preset);
  }
});

describe('the settings', () => {
  it('have the presets of the manifest', () => {
    expect(readSettings()).toEqual({
      backend: {
        supabaseUrl: 'https://kbnaymejrngxhpigwphh.supabase.co',
        supabaseKey: 'sb_publishable_crqwAKS-G2fVqkyOTr95lQ_SQu-vaj3',
        litellmUrl: 'https://litellm-production-150c.up.railway.app',
      },
      autoSignIn: true,
      showCostEstimates: true,
      defaultModel: 'gpt-4o-mini',
      network: { timeoutSeconds: 120, maxRetries: 3 },
    });
  });

  it('are all of application scope, and where servers are stays on the machine', () => {
    expect(Object.values(properties).map(({ scope }) => scope)).toEqual(
      Object.values(properties).map(() => 'application'),
    );
    for (const name of Object.values(BACKEND_SETTINGS)) {
      expect(properties[name]?.ignoreSync, name).toBe(true);
    }
  });

  it.each([null, undefined, 42, {}, [], 'a text', true, Number.NaN, -1, 1.5])('take no harm from %j', (value) => {
    for (const name of Object.keys(properties)) {
      host.settings.set(name, value);
    }
    const { backend, autoSignIn, showCostEstimates, defaultModel, network } = readSettings();
    const text = typeof value === 'string' ? value : '';
    expect(backend).toEqual({ supabaseUrl: text, supabaseKey: text, litellmUrl: text });
    expect([autoSignIn, showCostEstimates]).toEqual([true, true]);
    expect(defaultModel).toBe(text || 'gpt-4o-mini');
    expect(network).toEqual({ timeoutSeconds: value === 42 ? 42 : 120, maxRetries: 3 });
  });

  it('are trimmed, so that a copied space makes no other backend', () => {
    const before = readSettings().backend;
    host.settings.set(BACKEND_SETTINGS.supabaseUrl, ` ${before.supabaseUrl}\n`);
    expect(sameBackend(before, readSettings().backend)).toBe(true);
    for (const name of Object.values(BACKEND_SETTINGS)) {
      const old = host.settings.get(name);
      host.settings.set(name, 'other');
      expect(sameBackend(before, readSettings().backend), name).toBe(false);
      host.settings.set(name, old);
    }
  });
});

describe('a change of the settings', () => {
  const url = 'godoty.backend.supabaseUrl';
  const change = (section = 'godoty'): void => {
    host.settingsChanged.fire({ affectsConfiguration: (asked) => asked === section });
  };

  beforeEach(() => {
    vi.useFakeTimers();
    return () => vi.useRealTimers();
  });

  it('counts once they have rested, so that a file which is being written sends nobody elsewhere', () => {
    const seen: string[] = [];
    const watch = onDidChangeSettings(() => seen.push(readSettings().backend.supabaseUrl), schedule);
    host.settings.set(url, 'https://preset.example');
    change();
    vi.advanceTimersByTime(300);
    host.settings.set(url, 'https://own.example');
    change();
    vi.advanceTimersByTime(300);
    expect(seen).toEqual([]);
    vi.runAllTimers();
    expect(seen).toEqual(['https://own.example']);
    watch.dispose();
  });

  it('is not heard when it is of another extension, or once nobody listens', () => {
    const heard = vi.fn();
    const watch = onDidChangeSettings(heard, schedule);
    change('editor');
    vi.runAllTimers();
    change();
    watch.dispose();
    vi.runAllTimers();
    expect(heard).not.toHaveBeenCalled();
  });
});
