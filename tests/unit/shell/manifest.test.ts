/** What package.json promises to VS Code is there: files, commands, context keys and keys that do not clash. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { VENDOR } from '../../../extension/src/lm/provider.ts';
import { checkout } from '../../../local/setup/packages.mjs';

interface Step {
  readonly description: string;
  readonly media: { readonly svg: string };
  readonly completionEvents: readonly string[];
}
interface Manifest {
  readonly icon: string;
  readonly extensionKind: readonly string[];
  readonly capabilities: {
    readonly untrustedWorkspaces: { readonly supported: string; readonly restrictedConfigurations: readonly string[] };
    readonly virtualWorkspaces: boolean;
  };
  readonly contributes: {
    readonly configuration: { readonly properties: Readonly<Record<string, unknown>> };
    readonly languageModelChatProviders: readonly { readonly vendor: string; readonly managementCommand: string }[];
    readonly commands: readonly { readonly command: string }[];
    readonly keybindings: readonly { readonly command: string; readonly key: string; readonly when?: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string; readonly when: string }[]>>;
    readonly walkthroughs: readonly { readonly id: string; readonly steps: readonly Step[] }[];
  };
}

const read = (name: string): string => readFileSync(path.join(checkout, name), 'utf8');
const manifest = JSON.parse(read('package.json')) as Manifest;
const { commands, configuration, keybindings, menus, walkthroughs } = manifest.contributes;
const own = commands.map(({ command }) => command);
const contextKeys = new Set(
  [...read('extension/src/contexts.ts').matchAll(/'(godoty\.\w+)'/gu)].map(([, key = '']) => key),
);
const steps = walkthroughs.flatMap((walkthrough) => walkthrough.steps);

/** The context keys of ours that a `when` clause asks for; `godoty.chat` is a view. */
const keysIn = (when = ''): string[] =>
  when.match(/(?<![\w.'])!?godoty\.\w+/gu)?.map((key) => key.replace('!', '')) ?? [];

describe('the manifest', () => {
  it('has a picture for every step, drawn in colours of the theme, and no style that VS Code would refuse', () => {
    for (const { media } of steps) {
      const drawing = read(media.svg);
      expect(drawing.match(/(?:fill|stroke)="#[\da-f]+"/giu), media.svg).toBeNull();
      expect(drawing, media.svg).not.toMatch(/<style|style=/u);
    }
    const drawings = readdirSync(path.join(checkout, 'extension/media/walkthrough'));
    expect(drawings.toSorted()).toEqual(steps.map(({ media }) => path.basename(media.svg)).sort());
  });

  it('links from each step to a command, one of ours or one of VS Code', () => {
    const links = steps.map(({ description }) => {
      const text = (JSON.parse(read('package.nls.json')) as Record<string, string>)[description.slice(1, -1)] ?? '';
      return [...text.matchAll(/\]\(command:([\w.]+)\)/gu)].map(([, command = '']) => command);
    });
    expect(links.map((of) => of.length)).toEqual(steps.map(() => 1));
    const foreign = links.flat().filter((command) => !own.includes(command));
    expect(foreign).toEqual(['workbench.action.chat.manage']);
  });

  it('completes each step by something that happens', () => {
    for (const event of steps.flatMap(({ completionEvents }) => completionEvents)) {
      const [kind, name = ''] = event.split(':');
      expect(kind === 'onCommand' ? own : [...contextKeys], event).toContain(name);
    }
  });

  it('asks in its conditions for keys that the shell sets', () => {
    const clauses = [...Object.values(menus).flat(), ...keybindings].map(({ when }) => when);
    for (const key of clauses.flatMap(keysIn)) {
      expect(key === 'godoty.chat' || contextKeys.has(key), key).toBe(true);
    }
  });

  it('hides from the palette what can do nothing while signed out', () => {
    const when = (command: string) => menus['commandPalette']?.find((entry) => entry.command === command)?.when;
    expect(when('godoty.signIn')).toBe('!godoty.signedIn || godoty.sessionEnded');
    for (const command of ['godoty.signOut', 'godoty.newChat', 'godoty.manageModels']) {
      expect(when(command)).toBe('godoty.signedIn');
    }
    expect(when('godoty.stop')).toBe('godoty.answering');
  });

  it('takes only chords that VS Code leaves free, and takes them from nobody', () => {
    const keys = keybindings.map(({ key }) => key);
    // As listed by “Open Default Keyboard Shortcuts” of VS Code 1.139, these follow Ctrl+K there.
    const taken = /[cdefimopstuvwyz]$/u;
    for (const key of keys) {
      expect(key).toMatch(/^ctrl\+k .$/u);
      expect(key).not.toMatch(taken);
    }
    expect(new Set(keys).size).toBe(keys.length);
    expect(keybindings.every(({ command }) => own.includes(command))).toBe(true);
  });

  it('leaves Cmd+K alone in a terminal on a Mac, where it clears', () => {
    for (const { key, when } of keybindings) {
      expect(when, key).toMatch(/^(?:godoty\.\w+ && \(!isMac \|\| !terminalFocus\)|!isMac \|\| !terminalFocus)$/u);
    }
  });

  it('offers its models in VS Code’s own chat, and manages them by a command of ours', () => {
    const [provider, ...others] = manifest.contributes.languageModelChatProviders;
    expect(others).toEqual([]);
    expect(provider?.vendor).toBe(VENDOR);
    expect(own).toContain(provider?.managementCommand);
  });

  it('runs beside the user before it runs beside the files, and in folders of any kind', () => {
    expect(manifest.extensionKind).toEqual(['ui', 'workspace']);
    expect(manifest.capabilities.virtualWorkspaces).toBe(true);
  });

  it('works in folders that nobody trusts, and takes from them neither a server nor a model', () => {
    const { supported, restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
    expect(supported).toBe('limited');
    const servers = Object.keys(configuration.properties).filter((name) => name.startsWith('godoty.backend.'));
    expect(restrictedConfigurations.toSorted()).toEqual([...servers, 'godoty.chat.defaultModel'].sort());
  });

  it('has an icon of its own', () => {
    expect(existsSync(path.join(checkout, manifest.icon))).toBe(true);
    const png = readFileSync(path.join(checkout, manifest.icon));
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([256, 256]);
  });
});
