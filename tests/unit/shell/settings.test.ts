import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';

import { BACKEND_SETTINGS, readSettings, sameBackend } from '../../../extension/src/settings.ts';
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
