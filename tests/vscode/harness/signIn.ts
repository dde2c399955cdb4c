import type { BrowserContext, Page } from 'playwright-core';

import type { Workbench } from './workbench.ts';
import type { World } from './world.ts';

/** A mail of the inbox page. */
export interface Mail {
  readonly code: string;
  /** Opens its link in a browser window of its own, and says where the browser ended. */
  followLink(): Promise<string>;
}

/** What a user does to sign in, in the window of a world, and in browser windows beside it. */
export class SigningIn {
  readonly #world: World;
  readonly #workbench: Workbench;
  readonly #otherBrowsers: BrowserContext[] = [];

  constructor(world: World, workbench = world.workbench) {
    this.#world = world;
    this.#workbench = workbench;
  }

  /** Asks for the list of ways, and chooses one. */
  async choose(way: string): Promise<void> {
    await this.#workbench.runCommand('Godoty: Sign In');
    await this.#workbench.pick(way);
  }

  /** Chooses a provider and waits for its page. */
  async toProvider(name: 'GitHub' | 'Google'): Promise<Page> {
    return await this.browserFor(name, () => this.choose(`Continue with ${name}`));
  }

  /** The page of a provider, to which something leads. */
  async browserFor(name: 'GitHub' | 'Google', leads: () => Promise<void>): Promise<Page> {
    const opened = this.#workbench.page.context().waitForEvent('page');
    await leads();
    const page = await opened;
    await page.getByRole('heading', { name: `Stand-in for ${name}` }).waitFor();
    return page;
  }

  /** Goes on in another browser, which shares nothing with the one that VS Code is in, and so does not find back. */
  async inAnotherBrowser(page: Page): Promise<Page> {
    const context = await page.context().browser()?.newContext();
    if (context === undefined) throw new Error('the browser is gone');
    this.#otherBrowsers.push(context);
    const other = await context.newPage();
    await other.goto(page.url());
    await page.close();
    return other;
  }

  /** Asks for a code by e-mail. */
  async askForCode(email: string): Promise<void> {
    await this.choose('Sign in with a code by e-mail');
    await this.#workbench.answer(/e-mail address/, email);
  }

  /** Types into the box that asks for a code; what is wrong with it stands in its place. */
  async typeCode(text: string): Promise<void> {
    await this.#workbench.page.locator('.quick-input-widget:visible input[type="text"]').fill(text);
    await this.#workbench.page.keyboard.press('Enter');
  }

  /** The newest mail to somebody, once the window says that it was sent. */
  async mailTo(email: string): Promise<Mail> {
    await this.#workbench.inputBox(/We sent a code/).waitFor();
    const inbox = await this.#workbench.page.context().newPage();
    await inbox.goto(`${this.#world.stack.supabaseUrl}/_inbox`);
    const mail = inbox
      .getByRole('article')
      .filter({ hasText: `To ${email},` })
      .first();
    const code = await mail.locator('code').innerText();
    const followLink = async (): Promise<string> => {
      await mail.getByRole('link').click();
      await inbox.waitForURL(/[?&](code|error)=/);
      return inbox.url();
    };
    await this.#workbench.page.bringToFront();
    return { code, followLink };
  }

  /** Lets the sign-in that waits be five minutes old, as its window will find when it next looks. */
  async letFiveMinutesPass(): Promise<void> {
    await this.#world.changeStoredSession((text) => {
      const record = JSON.parse(text) as { flow: { issued_at: number } };
      record.flow.issued_at -= 300_000;
      return JSON.stringify(record);
    });
  }

  async press(about: RegExp, button: string): Promise<void> {
    await this.#workbench.page.bringToFront();
    await this.#workbench.notification(about).getByRole('button', { name: button, exact: true }).click();
  }

  async isSignedInAs(email: string): Promise<void> {
    await this.#workbench.page.bringToFront();
    await this.#workbench.notification(new RegExp(`Signed in as ${email}`)).waitFor();
    await this.#workbench.statusBarItem.waitFor();
    await this.#workbench.inputBox(/./).waitFor({ state: 'hidden' });
  }

  /** Closes what is open beside the window, leaves what is asked, and signs out. */
  async leave(): Promise<void> {
    const { page } = this.#workbench;
    for (const other of page.context().pages()) {
      if (other !== page) await other.close();
    }
    for (const browser of this.#otherBrowsers.splice(0)) await browser.close();
    await page.keyboard.press('Escape');
    if (await this.#workbench.statusBarItem.isVisible()) {
      await this.#workbench.runCommand('Godoty: Sign Out');
      await this.#workbench.statusBarItem.waitFor({ state: 'hidden' });
    }
    await this.#workbench.runCommand('Notifications: Clear All Notifications');
  }
}

/** Says to a provider's page who one is. */
export async function allow(page: Page, email: string, name: string): Promise<void> {
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
  await page.waitForURL(/[?&]code=/);
}
