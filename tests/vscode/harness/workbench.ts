import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';
import type { Browser, FrameLocator, Locator, Page } from 'playwright-core';

const artefacts = fileURLToPath(new URL('../artefacts/', import.meta.url));
const actionMilliseconds = 40_000;
/** How long a list may stay open after a click that it took. */
const clickMilliseconds = 5_000;
const startMilliseconds = 60_000;

const browserFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** One VS Code window, driven as a user drives it: by the keyboard and by what is to be seen. */
export class Workbench {
  readonly page: Page;
  readonly #extensionId: string;
  readonly #browser: Browser;
  readonly #requests: string[] = [];
  #pictures = 0;

  private constructor(page: Page, extensionId: string, browser: Browser) {
    this.page = page;
    this.#extensionId = extensionId;
    this.#browser = browser;
    page.on('request', (request) => this.#requests.push(request.url()));
  }

  /** Opens a window in a browser of its own. `extensionId` is `publisher.name`. */
  static async open(executablePath: string, url: string, extensionId: string): Promise<Workbench> {
    const browser = await chromium.launch({ executablePath, args: browserFlags });
    try {
      return await Workbench.#openIn(browser, url, extensionId);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** Opens the same folder as somebody else's browser does: with nothing that this one keeps. */
  async openOtherBrowser(): Promise<Workbench> {
    return await Workbench.#openIn(this.#browser, this.page.url(), this.#extensionId);
  }

  static async #openIn(browser: Browser, url: string, extensionId: string): Promise<Workbench> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(actionMilliseconds);
    const workbench = new Workbench(await context.newPage(), extensionId, browser);
    await workbench.page.goto(url);
    await workbench.#ready();
    return workbench;
  }

  /** Opens the same folder in a further window of the same browser. */
  async openWindow(): Promise<Workbench> {
    const workbench = new Workbench(await this.page.context().newPage(), this.#extensionId, this.#browser);
    await workbench.page.goto(this.page.url());
    await workbench.#ready();
    return workbench;
  }

  /** Closes the browser, with all its windows. */
  async close(): Promise<void> {
    await this.#browser.close();
  }

  /** As "Developer: Reload Window": the extension hosts start anew. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.#ready();
  }

  /** Opens another folder in the window. VS Code takes an address of any kind for which an extension has files. */
  async openFolder(address: string): Promise<void> {
    await this.page.goto(new URL(`?folder=${encodeURIComponent(address)}`, this.page.url()).href);
    await this.#ready();
  }

  /** The paths below `origin` that the browser itself, its workers among it, has asked for. */
  pathsAskedFor(origin: string): string[] {
    return this.#requests.filter((url) => url.startsWith(`${origin}/`)).map((url) => new URL(url).pathname);
  }

  /** Runs a command by its title in the command palette, as soon as the palette has it. */
  async runCommand(title: string): Promise<void> {
    const deadline = Date.now() + actionMilliseconds;
    const none = this.page.locator('.quick-input-list').getByText('No matching commands');
    // The palette lists what there was when it opened: while the extension is being loaded it has to be opened anew.
    for (;;) {
      await this.page.keyboard.press('F1');
      await this.#quickInput.fill(`>${title}`);
      await this.#entry(title).or(none).first().waitFor();
      if (await this.#entry(title).isVisible()) break;
      if (Date.now() > deadline) throw new Error(`the command palette has no '${title}'`);
      await this.page.keyboard.press('Escape');
      await this.#quickInput.waitFor({ state: 'hidden' });
    }
    // The palette goes on sorting for a while, and a click that comes just then is lost.
    for (;;) {
      await this.#entry(title).click();
      try {
        await this.#entry(title).waitFor({ state: 'hidden', timeout: clickMilliseconds });
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  }

  /** Chooses the entry of the open quick pick that has exactly this label, and waits for the list to go. */
  async pick(label: string): Promise<void> {
    await this.#entry(label).click();
    await this.#entry(label).waitFor({ state: 'hidden' });
  }

  /** Answers the open input box, which is recognised by a part of its title, prompt or placeholder. */
  async answer(about: RegExp, text: string): Promise<void> {
    await this.inputBox(about).waitFor();
    await this.#quickInput.fill(text);
    await this.page.keyboard.press('Enter');
    await this.inputBox(about).waitFor({ state: 'hidden' });
  }

  /** The open quick input that says something. */
  inputBox(about: RegExp): Locator {
    const widget = this.page.locator('.quick-input-widget:visible');
    return widget
      .filter({ hasText: about })
      .or(widget.filter({ has: this.page.getByPlaceholder(about) }))
      .first();
  }

  /** Whether any quick input, dialog or notification asks something of the user. */
  async asksSomething(): Promise<boolean> {
    return await this.page
      .locator(
        '.quick-input-widget:visible, .monaco-dialog-box:visible, .notifications-toasts.visible .notification-toast',
      )
      .first()
      .isVisible();
  }

  /** Presses a button of the modal dialog. */
  async pressInDialog(button: string): Promise<void> {
    await this.page.locator('.monaco-dialog-box').getByRole('button', { name: button, exact: true }).click();
  }

  /** Signs an account out in the accounts menu of the activity bar. */
  async signOutInAccountsMenu(email: string): Promise<void> {
    await this.page
      .locator('.activitybar')
      .getByRole('button', { name: /^Accounts/ })
      .click();
    const menu = this.page.locator('.monaco-menu');
    await menu.getByRole('menuitem', { name: `${email} (Godoty)` }).hover();
    await menu.getByRole('menuitem', { name: 'Sign Out' }).hover();
    // A menu takes no click in the moment after it opened.
    await this.page.keyboard.press('Enter');
    await this.pressInDialog('Sign Out');
  }

  /** A notification that says something. */
  notification(text: RegExp): Locator {
    return this.page.locator('.notification-toast').filter({ hasText: text });
  }

  /** The extension's place in the activity bar: it is there as soon as VS Code has read the extension's manifest. */
  get activityBarItem(): Locator {
    return this.page.getByRole('tab', { name: 'Godoty' });
  }

  /** What the status bar says of spending; signed out, there is none, but a way to sign in. */
  get statusBarItem(): Locator {
    return this.page.locator(`.statusbar-item[id^="${this.#extensionId}"]:visible:not(:has(.codicon-sign-in))`);
  }

  /** The content of the panel: VS Code nests it in two frames. */
  get webview(): FrameLocator {
    return this.#frame('[src*="purpose=webviewView"]');
  }

  /** The content of the usage page, which is an editor. */
  get usagePage(): FrameLocator {
    return this.editorPage;
  }

  /** The content of the one page that is open in an editor. */
  get editorPage(): FrameLocator {
    return this.#frame(':not([src*="purpose=webviewView"])');
  }

  /** The content of the one page that is open. A view that was hidden and is shown again is not told from an editor. */
  get onlyPage(): FrameLocator {
    return this.#frame('');
  }

  #frame(which: string): FrameLocator {
    return this.page
      .frameLocator(`iframe.webview.ready[src*="extensionId=${this.#extensionId}"]${which}`)
      .frameLocator('#active-frame');
  }

  /** The secrets that VS Code keeps for the extension, by name. */
  async secrets(): Promise<Record<string, string>> {
    const stored = await this.page.evaluate(() => localStorage.getItem('secrets.provider'));
    if (stored === null) return {};
    const secrets = JSON.parse(await this.#unseal(Buffer.from(stored, 'base64'))) as Record<string, string>;
    const entries = Object.entries(secrets).map(([name, value]) => {
      const { extensionId, key = '' } = JSON.parse(name) as { extensionId?: string; key?: string };
      return { extensionId, key, value };
    });
    const own = entries.filter(({ extensionId }) => extensionId === this.#extensionId);
    return Object.fromEntries(own.map(({ key, value }) => [key, value]));
  }

  /** Keeps a picture of the window in `artefacts/`, numbered in the order taken. */
  async picture(name: string): Promise<void> {
    mkdirSync(artefacts, { recursive: true });
    this.#pictures += 1;
    const file = `${String(this.#pictures).padStart(2, '0')}-${name}.png`;
    await this.page.screenshot({ path: `${artefacts}${file}` });
  }

  /**
   * VS Code for the web seals secrets with AES-GCM under the exclusive or of two keys: one lies before the sealed
   * bytes, code-server keeps the other.
   */
  async #unseal(sealed: Buffer): Promise<string> {
    const reply = await this.page.request.post(new URL('/mint-key', this.page.url()).href);
    const serverKey = await reply.body();
    const key = sealed.subarray(0, 32).map((byte, index) => byte ^ (serverKey[index] ?? 0));
    const iv = sealed.subarray(32, 44);
    const aes = await crypto.subtle.importKey('raw', Uint8Array.from(key), 'AES-GCM', false, ['decrypt']);
    const open = await crypto.subtle.decrypt(
      { name: 'AES-GCM', iv: Uint8Array.from(iv) },
      aes,
      Uint8Array.from(sealed.subarray(44)),
    );
    return new TextDecoder().decode(open);
  }

  #entry(label: string): Locator {
    const names = this.page.locator('.quick-input-list .monaco-list-row .label-name');
    return names.filter({ hasText: new RegExp(`^\\s*${escaped(label)}\\s*$`) }).first();
  }

  get #quickInput(): Locator {
    return this.page.locator(
      '.quick-input-widget:visible input[type="text"], .quick-input-widget:visible input[type="password"]',
    );
  }

  async #ready(): Promise<void> {
    await this.page.locator('.monaco-workbench .part.statusbar').waitFor({ timeout: startMilliseconds });
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
