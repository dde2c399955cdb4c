import { beforeEach, expect, it } from 'vitest';

import { ContextKeys } from '../../../extension/src/contexts.ts';
import { host } from './vscode.ts';

const told = () => host.commands.map(({ args: [key, value] }) => `${String(key)} ${String(value)}`);

beforeEach(() => {
  host.reset();
});

it('tells a value once, and again only when it has changed', () => {
  const contexts = new ContextKeys();
  contexts.set('godoty.signedIn', false);
  contexts.set('godoty.signedIn', false);
  contexts.set('godoty.signedIn', true);
  expect(told()).toEqual(['godoty.signedIn false', 'godoty.signedIn true']);
});

it('offers to stop an answer of the panel as long as it arrives, and remembers that one was asked for', () => {
  const contexts = new ContextKeys();
  contexts.asked('panel', true);
  contexts.asked('panel', false);
  expect(told()).toEqual(['godoty.answering true', 'godoty.askedInPanel true', 'godoty.answering false']);
});

it('leaves the answers of VS Code’s own chat to its own Stop', () => {
  const contexts = new ContextKeys();
  contexts.asked('vsCode', true);
  contexts.asked('vsCode', false);
  expect(told()).toEqual(['godoty.askedInVsCode true']);
});
