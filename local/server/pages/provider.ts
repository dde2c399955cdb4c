import { html } from 'hono/html';

import { page } from './page.ts';
import type { Page } from './page.ts';

/** An account that the stand-in has shown before. */
export interface KnownAccount {
  readonly email: string;
  readonly name: string;
}

/** The page of a stand-in: who should the provider say that you are? */
export function providerPage(provider: string, known: readonly KnownAccount[], problem: string | undefined): Page {
  return page(
    `Stand-in for ${provider}`,
    html`<p>This page stands where ${provider} would ask you. Nothing leaves this machine, and any address will do.</p>
      ${
        known.length === 0
          ? ''
          : html`<h2>An account from before</h2>
              ${known.map(
                ({ email, name }) =>
                  html`<form method="post">
                    <input type="hidden" name="email" value="${email}" />
                    <input type="hidden" name="name" value="${name}" />
                    <button name="answer" value="allow">Continue as ${email}</button>
                  </form>`,
              )}`
      }
      <h2>${known.length === 0 ? 'An account' : 'Another account'}</h2>
      ${problem === undefined ? '' : html`<p role="alert">${problem}</p>`}
      <form method="post">
        <label>E-mail address<br /><input type="email" name="email" required autocomplete="email" /></label>
        <label>Name<br /><input name="name" maxlength="100" autocomplete="name" /></label>
        <button name="answer" value="allow">Continue</button>
      </form>
      <h2>What can go wrong</h2>
      <form method="post">
        <button name="answer" value="deny">Deny</button>
        <button name="answer" value="error">${provider} fails</button>
        <button name="answer" value="no-email">No e-mail address</button>
        <button name="answer" value="bad-code">Code of another sign-in</button>
        <button name="answer" value="lost-state">Answer without its state</button>
      </form>`,
  );
}
