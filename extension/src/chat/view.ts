/** The sidebar view `godoty.chat`: a thin adapter between VS Code's webview and the controller. */
import * as vscode from 'vscode';

import type { ChatController } from './controller.ts';
import { MAX_IMAGE_BYTES, MAX_IMAGES } from './images.ts';
import { insertCode } from './insertCode.ts';
import { panelStrings } from './l10n.ts';
import { panelHtml } from './panelHtml.ts';
import type { ModelChoice } from './panelState.ts';
import { MAX_LABEL_CHARS, parsePanelMessage } from './protocol.ts';
import type { HostMessage } from './protocol.ts';
import { action } from '../words.ts';

/** What the view asks of the rest of the extension. */
export interface ChatViewPorts {
  readonly extensionUri: vscode.Uri;
  readonly controller: ChatController;
  /** Runs an action that the panel offered: `signIn`, `showLog`, or one that came with an engine's error. */
  readonly runAction: (id: string) => void;
  /** The machine has a connection again. */
  readonly online: () => void;
  /** Reads the models that may be picked, and hands them to the controller. */
  readonly readModels: () => Promise<void>;
  /** Puts into words for the user what kept them from what they asked for. */
  readonly tell: (error: unknown) => void;
  /** Makes an unguessable text for the page's Content Security Policy. */
  readonly newNonce: () => string;
  /** Told of a message that was refused or a step of VS Code that failed. */
  readonly report: (error: unknown) => void;
}

const VIEW = 'godoty.chat';
/** VS Code's own command, which shows the view and gives it the focus. */
const FOCUS_VIEW = `${VIEW}.focus`;

/** The server answered, and there is nothing to choose from. */
class NoModels extends Error {
  override readonly name = 'NoModels';
}

export class ChatViewProvider implements vscode.WebviewViewProvider, vscode.Disposable {
  static readonly viewType = VIEW;

  readonly #ports: ChatViewPorts;
  #listeners: vscode.Disposable[] = [];
  /** VS Code can't give the focus to a page that still loads: it stays where it was. */
  #focusWhenReady = false;

  constructor(ports: ChatViewPorts) {
    this.#ports = ports;
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    const { controller, extensionUri, newNonce, report } = this.#ports;
    const { webview } = view;
    const assets = vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
    const asset = (name: string): string => webview.asWebviewUri(vscode.Uri.joinPath(assets, name)).toString();

    this.#forgetPage();
    controller.attach((message) => {
      webview.postMessage(message).then(undefined, report);
    });
    this.#listeners = [
      webview.onDidReceiveMessage((raw: unknown) => {
        this.#receive(raw, webview);
      }),
      view.onDidChangeVisibility(() => {
        if (!view.visible) {
          controller.pause();
        }
      }),
      view.onDidDispose(() => {
        this.#forgetPage();
      }),
    ];
    webview.options = { enableScripts: true, localResourceRoots: [assets] };
    webview.html = panelHtml({
      cspSource: webview.cspSource,
      nonce: newNonce(),
      script: asset('main.js'),
      styles: [asset('main.css')],
      language: vscode.env.language,
      strings: panelStrings(vscode.l10n),
    });
  }

  /** Shows the panel with an empty conversation and the cursor in the prompt. */
  async newChat(): Promise<void> {
    this.#ports.controller.newChat();
    await this.show();
  }

  /** Shows the panel and puts the cursor into the prompt. */
  async show(): Promise<void> {
    const { controller } = this.#ports;
    const wasReady = controller.focus();
    await vscode.commands.executeCommand(FOCUS_VIEW);
    const isReady = controller.focus();
    if (isReady && !wasReady) {
      // The page was still loading when VS Code gave it the focus.
      await vscode.commands.executeCommand(FOCUS_VIEW);
      controller.focus();
    }
    this.#focusWhenReady = !isReady;
  }

  /** Lets the user choose the model of the next question. */
  async pickModel(): Promise<void> {
    const { controller, tell } = this.#ports;
    try {
      const picked = await vscode.window.showQuickPick(this.#modelItems(), {
        title: vscode.l10n.t('Choose a model'),
        placeHolder: controller.model,
        matchOnDetail: true,
      });
      if (picked !== undefined) {
        controller.selectModel(picked.id);
      }
    } catch (error) {
      if (error instanceof NoModels) {
        await this.#tellNoModels();
      } else {
        tell(error);
      }
    }
    controller.focus();
  }

  async #tellNoModels(): Promise<void> {
    const doctor = action('doctor');
    const words = vscode.l10n.t('There is no model for you on the model server. Ask the operator of your account.');
    if ((await vscode.window.showWarningMessage(words, doctor.label)) === doctor.label) {
      this.#ports.runAction(doctor.id);
    }
  }

  dispose(): void {
    this.#forgetPage();
  }

  /**
   * The list is there at once, and fills when the models had to be read first. The next one has what is new. The model of the
   * next question leads it, so that Enter changes nothing.
   *
   * @throws NoModels when the server has none
   */
  async #modelItems(): Promise<readonly (vscode.QuickPickItem & { readonly id: string })[]> {
    const { controller, readModels, report } = this.#ports;
    if (controller.models.length === 0) {
      await readModels();
    } else {
      readModels().catch(report);
    }
    if (controller.models.length === 0) {
      throw new NoModels();
    }
    const isCurrent = ({ id }: ModelChoice): boolean => id === controller.model;
    const others = controller.models.filter((model) => !isCurrent(model));
    return [...controller.models.filter(isCurrent), ...others].map(({ id, label, detail }) => ({
      id,
      label,
      description: id === controller.model ? vscode.l10n.t('current') : '',
      detail,
    }));
  }

  #receive(raw: unknown, webview: vscode.Webview): void {
    const { controller, runAction, report } = this.#ports;
    const message = parsePanelMessage(raw);
    if (message === null) {
      report(new Error('the panel sent a message that is not of the protocol'));
      return;
    }
    switch (message.type) {
      case 'pickModel':
        this.pickModel().catch(report);
        break;
      case 'online':
        controller.receive(message);
        this.#ports.online();
        break;
      case 'pickImages':
        this.#pickImages(webview).catch(report);
        break;
      case 'action':
        runAction(message.id);
        break;
      case 'openLink':
        // A Uri would not keep what is encoded in the address. VS Code takes the text and opens just that.
        vscode.env.openExternal(message.href as unknown as vscode.Uri).then(undefined, report);
        break;
      case 'copy':
        vscode.env.clipboard.writeText(message.text).then(undefined, report);
        break;
      case 'insertCode':
        this.#insert(message.text, webview).catch(report);
        break;
      case 'ready':
        controller.receive(message);
        if (this.#focusWhenReady) {
          this.show().catch(report);
        }
        break;
      case 'sync':
      case 'send':
      case 'stop':
      case 'newChat':
      case 'retry':
      case 'continue':
      case 'attach':
      case 'detach':
      case 'draft':
        controller.receive(message);
        break;
    }
  }

  /** Lets the user choose image files; the page checks them like those that were pasted. */
  async #pickImages(webview: vscode.Webview): Promise<void> {
    const files = await vscode.window.showOpenDialog({
      title: vscode.l10n.t('Attach images'),
      openLabel: vscode.l10n.t('Attach'),
      canSelectMany: true,
      filters: { [vscode.l10n.t('Images')]: ['png', 'jpg', 'jpeg', 'gif', 'webp'] },
    });
    for (const file of files?.slice(0, MAX_IMAGES + 1) ?? []) {
      const { size } = await vscode.workspace.fs.stat(file);
      const bytes = size > MAX_IMAGE_BYTES ? null : await vscode.workspace.fs.readFile(file);
      const name = (file.path.split('/').at(-1) ?? '').slice(0, MAX_LABEL_CHARS);
      const picked: HostMessage = { type: 'picked', name, bytes };
      await webview.postMessage(picked);
    }
  }

  async #insert(code: string, webview: vscode.Webview): Promise<void> {
    if (await insertCode(code)) {
      const inserted: HostMessage = { type: 'inserted' };
      await webview.postMessage(inserted);
    }
  }

  #forgetPage(): void {
    this.#ports.controller.detach();
    for (const listener of this.#listeners) {
      listener.dispose();
    }
    this.#listeners = [];
  }
}
