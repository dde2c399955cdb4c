/** What the user reads when a session can't be stored or found, and what the button does. */
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { StoreTrouble } from '../../../extension/src/auth/sessionStore.ts';
import { tellStoreTrouble } from '../../../extension/src/auth/storeTrouble.ts';
import { host } from './vscode.ts';

/** What each trouble says, in part, and its button. */
const TOLD: Record<StoreTrouble, readonly [says: RegExp, button: string]> = {
  unreadable: [/damaged, so you are signed out here/u, 'Sign In'],
  newer: [/newer version .* signed out here\. Update/u, 'Sign In'],
  keyLost: [/lost the key .* signed out here/u, 'How to Get a Keyring'],
  keyForgotten: [/lost Godoty’s key before, so you may have to sign in again/u, 'How to Get a Keyring'],
  elsewhere: [/in another window\. Reload this one/u, 'Reload Window'],
  secretStorage: [/does not work here, so a sign-in holds for this session only/u, 'How to Get a Keyring'],
  diskFull: [/disk is full.* for this session only\. Make room/u, 'Show Log'],
  readOnly: [/can’t be read or written, so a sign-in holds.* Check its permissions/u, 'Show Log'],
  busy: [/Another window keeps .* locked.* Close windows that hang/u, 'Show Log'],
  failed: [/can’t be read or stored, so a sign-in holds.* The log says why/u, 'Show Log'],
};

/** What each button leads to. */
const REMEDIES: Readonly<Record<string, string>> = {
  'Sign In': 'signIn',
  'How to Get a Keyring': 'keyring',
  'Reload Window': 'reloadWindow',
  'Show Log': 'showLog',
};

const act = vi.fn();

beforeEach(() => {
  host.reset();
  act.mockReset();
});

const names = Object.keys(TOLD) as StoreTrouble[];

describe.each(names)('the trouble %s', (trouble) => {
  const [says, button] = TOLD[trouble];

  it('is told as a warning with its cause, what follows from it, and one button', async () => {
    const told = tellStoreTrouble(trouble, act);
    const shown = await host.shown.next();
    expect(shown).toMatchObject({ kind: 'warning', buttons: [button] });
    expect(shown.message).toMatch(says);
    shown.press();
    await told;
    expect(act).not.toHaveBeenCalled();
  });

  it('is followed by its remedy when the button is pressed', async () => {
    const told = tellStoreTrouble(trouble, act);
    (await host.shown.next()).press(button);
    await told;
    expect(act.mock.calls).toEqual([[REMEDIES[button]]]);
  });
});
