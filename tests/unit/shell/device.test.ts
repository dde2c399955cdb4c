import { describe, expect, it } from 'vitest';
import type { Memento } from 'vscode';

import { newUuid } from '../../../extension/src/core/host.ts';
import { deviceOf } from '../../../extension/src/device.ts';

function memento(stored?: unknown) {
  const values = new Map<string, unknown>(stored === undefined ? [] : [['godoty.deviceId', stored]]);
  const memory = {
    values,
    keys: () => [...values.keys()],
    get: (key: string) => values.get(key),
    update: (key: string, value: unknown) => {
      values.set(key, value);
      return Promise.resolve();
    },
  };
  return memory as typeof memory & Memento;
}

describe('this device', () => {
  it('gets an id once and keeps it', () => {
    const state = memento();
    const first = deviceOf(state, newUuid);
    expect(first.id).toMatch(/^[\da-f-]{36}$/u);
    expect(first.name).toBe('Test Code · desktop');
    expect(deviceOf(state, newUuid)).toEqual(first);
    expect(state.values.get('godoty.deviceId')).toBe(first.id);
  });

  it.each([42, null, '', 'not a UUID', '../../x'])('gets a new id in place of a stored %j', (stored) => {
    const state = memento(stored);
    const { id } = deviceOf(state, newUuid);
    expect(id).not.toBe(stored);
    expect(state.values.get('godoty.deviceId')).toBe(id);
  });
});
