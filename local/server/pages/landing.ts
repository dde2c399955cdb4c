import { html } from 'hono/html';

import { page } from './page.ts';
import type { Page } from './page.ts';

/** What the query of the address says. */
export interface Landing {
  readonly error: string | undefined;
  readonly description: string | undefined;
  readonly code: string | undefined;
  readonly message: string | undefined;
}

/** Where a browser ends up that has nowhere else to go: the site's own address. */
export function landingPage({ error, description, code, message }: Landing): Page {
  if (error !== undefined) {
    return page(
      'Sign-in did not work',
      html`<p>${description ?? error}</p>
        <p>Return to your editor and begin again. (A mail’s link is good once, for an hour.)</p>`,
    );
  }
  if (message !== undefined) {
    return page('Nearly done', html`<p>${message}</p>`);
  }
  if (code !== undefined) {
    return page(
      'Nearly signed in',
      html`<p>
        The sign-in was begun without an address to lead back to, or with one that is not on the list of
        supabase/config.toml. Return to your editor and sign in there.
      </p>`,
    );
  }
  return page('Done', html`<p>The link was accepted. Return to your editor and sign in.</p>`);
}
