import { beforeEach, describe, expect, it, vi } from 'vitest';

const vscode = vi.hoisted(() => ({
  window: { activeTextEditor: ((): unknown => undefined)(), showWarningMessage: vi.fn(), showTextDocument: vi.fn() },
  workspace: { openTextDocument: vi.fn() },
  commands: { executeCommand: vi.fn() },
  l10n: { t: (text: string) => text },
}));
vi.mock('vscode', () => vscode);

const { insertCode } = await import('../../../extension/src/chat/insertCode.ts');

/** An editor with two cursors. `accepts`: what VS Code says of an edit; `changes`: whether the document really changed. */
function editor(accepts: boolean, changes: boolean) {
  const document = { version: 1 };
  const replaced: [string, string][] = [];
  let edits = 0;
  return {
    replaced,
    edits: () => edits,
    document,
    selections: ['first', 'second'],
    edit: (make: (edit: { replace: (selection: string, text: string) => void }) => void) => {
      edits += 1;
      make({ replace: (selection, text) => replaced.push([selection, text]) });
      document.version += changes ? 1 : 0;
      return Promise.resolve(accepts);
    },
  };
}

beforeEach(() => {
  vi.resetAllMocks();
  vscode.window.activeTextEditor = undefined;
});

describe('code that is inserted', () => {
  it('replaces every selection in one edit, and the editor gets the focus', async () => {
    const active = editor(true, true);
    vscode.window.activeTextEditor = active;
    expect(await insertCode('let a')).toBe(true);
    expect(active.edits()).toBe(1);
    expect(active.replaced).toEqual([
      ['first', 'let a'],
      ['second', 'let a'],
    ]);
    expect(vscode.commands.executeCommand).toHaveBeenCalledWith('workbench.action.focusActiveEditorGroup');
    expect(vscode.window.showWarningMessage).not.toHaveBeenCalled();
  });

  it.each([
    ['there is no editor', undefined, /no open editor/u],
    ['the editor is read-only', editor(false, false), /read-only/u],
    ['a read-only editor claims to have taken it', editor(true, false), /read-only/u],
  ])('is offered in a new editor when %s', async (_name, active, words) => {
    vscode.window.activeTextEditor = active;
    vscode.window.showWarningMessage.mockResolvedValue('Open in a New Editor');
    vscode.workspace.openTextDocument.mockResolvedValue('document');
    expect(await insertCode('let a')).toBe(false);
    expect(vscode.window.showWarningMessage).toHaveBeenCalledWith(expect.stringMatching(words), 'Open in a New Editor');
    expect(vscode.workspace.openTextDocument).toHaveBeenCalledWith({ content: 'let a' });
    expect(vscode.window.showTextDocument).toHaveBeenCalledWith('document');
  });

  it('is left alone when the user wants nothing more', async () => {
    vscode.window.showWarningMessage.mockResolvedValue(undefined);
    expect(await insertCode('let a')).toBe(false);
    expect(vscode.workspace.openTextDocument).not.toHaveBeenCalled();
  });
});
