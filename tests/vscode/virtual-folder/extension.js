/**
 * Somebody's folder that is on no disk, like a repository that is looked at without a clone: `virtual-folder:/<name>`
 * holds `.vscode/settings.json`, whose text its name is, in base64url.
 */
const vscode = require('vscode');

const path = /^\/([^/]+)(?:\/(\.vscode)(?:\/(settings\.json))?)?$/;

/** @param {vscode.Uri} uri */
function find(uri) {
  const [, settings, folder, file] = path.exec(uri.path) ?? [];
  if (settings === undefined) throw vscode.FileSystemError.FileNotFound(uri);
  return { content: Buffer.from(settings, 'base64url'), folder, file };
}

/** @type {vscode.FileSystemProvider} */
const provider = {
  onDidChangeFile: new vscode.EventEmitter().event,
  watch: () => new vscode.Disposable(() => undefined),
  stat: (uri) => {
    const { content, file } = find(uri);
    const type = file === undefined ? vscode.FileType.Directory : vscode.FileType.File;
    return { type, ctime: 0, mtime: 0, size: content.length };
  },
  readDirectory: (uri) => {
    const { folder } = find(uri);
    return folder === undefined ? [['.vscode', vscode.FileType.Directory]] : [['settings.json', vscode.FileType.File]];
  },
  readFile: (uri) => {
    const { content, file } = find(uri);
    if (file === undefined) throw vscode.FileSystemError.FileIsADirectory(uri);
    return content;
  },
  createDirectory: refuse,
  writeFile: refuse,
  delete: refuse,
  rename: refuse,
};

/** @returns {never} */
function refuse() {
  throw vscode.FileSystemError.NoPermissions('the folder can only be read');
}

/** @param {vscode.ExtensionContext} context */
function activate(context) {
  context.subscriptions.push(vscode.workspace.registerFileSystemProvider('virtual-folder', provider));
}

module.exports = { activate };
