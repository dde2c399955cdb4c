/** What models cost where a server does not say: a file that ships with the extension. */
import { Uri, workspace } from 'vscode';

/** Reads dist/price-map.txt. It is a quarter of a megabyte, so the core asks for it only when it needs it. */
export async function readPriceMap(extensionUri: Uri): Promise<string> {
  const bytes = await workspace.fs.readFile(Uri.joinPath(extensionUri, 'dist', 'price-map.txt'));
  return new TextDecoder().decode(bytes);
}
