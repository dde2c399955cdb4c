/** An editor with a page of ours in it: one at a time, with its own script and the styles of all such pages. */
import * as vscode from 'vscode';

import { panelHtml } from './chat/panelHtml.ts';

export interface EditorPagePorts {
  readonly extensionUri: vscode.Uri;
  readonly newNonce: () => string;
}

export interface PageKind {
  readonly viewType: string;
  /** The name of its script and its style. */
  readonly files: string;
  readonly title: () => string;
  /** The texts that the page's script reads. */
  readonly strings: () => object;
  /** Hears what the page says. */
  readonly receive: (raw: unknown) => void;
  readonly closed?: () => void;
}

export class EditorPage implements vscode.Disposable {
  readonly #ports: EditorPagePorts;
  readonly #kind: PageKind;
  #panel: vscode.WebviewPanel | undefined;

  constructor(ports: EditorPagePorts, kind: PageKind) {
    this.#ports = ports;
    this.#kind = kind;
  }

  get isOpen(): boolean {
    return this.#panel !== undefined;
  }

  /** Shows the page, in a new editor unless there is one. */
  show(): void {
    if (this.#panel !== undefined) {
      this.#panel.reveal();
      return;
    }
    const { extensionUri, newNonce } = this.#ports;
    const { viewType, files, title, strings, receive, closed } = this.#kind;
    const assets = vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
    const panel = vscode.window.createWebviewPanel(viewType, title(), vscode.ViewColumn.Active, {
      enableScripts: true,
      localResourceRoots: [assets],
    });
    const asset = (name: string): string => panel.webview.asWebviewUri(vscode.Uri.joinPath(assets, name)).toString();
    this.#panel = panel;
    const media = vscode.Uri.joinPath(extensionUri, 'extension', 'media');
    // A tab shows it as a picture, which knows no colour of the text around it.
    panel.iconPath = {
      light: vscode.Uri.joinPath(media, 'godoty-light.svg'),
      dark: vscode.Uri.joinPath(media, 'godoty-dark.svg'),
    };
    panel.webview.onDidReceiveMessage(receive);
    panel.onDidDispose(() => {
      this.#panel = undefined;
      closed?.();
    });
    panel.webview.html = panelHtml({
      cspSource: panel.webview.cspSource,
      nonce: newNonce(),
      script: asset(`${files}.js`),
      styles: [asset('page.css'), asset(`${files}.css`)],
      language: vscode.env.language,
      strings: strings(),
    });
  }

  /** Says something to the page, if there is one. */
  async post(message: unknown): Promise<void> {
    await this.#panel?.webview.postMessage(message);
  }

  dispose(): void {
    this.#panel?.dispose();
  }
}
