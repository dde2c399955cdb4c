/** Puts code of an answer into the editor. */
import { commands, l10n, window, workspace } from 'vscode';
import type { TextEditor } from 'vscode';

/** Inserts at every cursor of the active editor; where that can't be, says why and what can. True when it is inserted. */
export async function insertCode(code: string): Promise<boolean> {
  const editor = window.activeTextEditor;
  if (editor !== undefined && (await insertInto(editor, code))) {
    await commands.executeCommand('workbench.action.focusActiveEditorGroup');
    return true;
  }
  const openNew = l10n.t('Open in a New Editor');
  const why =
    editor === undefined
      ? l10n.t('There is no open editor to insert the code into.')
      : l10n.t('The active editor is read-only, so the code was not inserted.');
  if ((await window.showWarningMessage(why, openNew)) === openNew) {
    await window.showTextDocument(await workspace.openTextDocument({ content: code }));
  }
  return false;
}

/** Replaces every selection, as one step of undo. */
async function insertInto(editor: TextEditor, code: string): Promise<boolean> {
  const { document, selections } = editor;
  const before = document.version;
  const isAccepted = await editor.edit((edit) => {
    for (const selection of selections) {
      edit.replace(selection, code);
    }
  });
  // Of a read-only editor VS Code may say that it took the edit; the document tells.
  return isAccepted && document.version !== before;
}
