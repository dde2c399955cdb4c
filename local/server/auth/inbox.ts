import { html } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';

import type { Mail } from './mailbox.ts';

type Page = HtmlEscapedString | Promise<HtmlEscapedString>;

/** The page /_inbox: the mails that a real server would have sent. */
export function inboxPage(mails: readonly Mail[]): Page {
  return page(
    'Inbox',
    html`<p>This local stack sends no mail. What a real server would have sent stands here, the newest first.</p>
      ${mails.length === 0 ? html`<p>Nothing yet.</p>` : ''}
      ${mails.map(
        (mail) =>
          html`<article>
            <h2>${mail.subject}</h2>
            <p>To ${mail.recipient}, ${mail.sent_at.toISOString()}</p>
            <p><a href="${mail.link}">Confirm this e-mail address</a></p>
            <p>Or enter the code <code>${mail.code}</code></p>
          </article>`,
      )}`,
  );
}

/** Where a mail's link ends in a browser that came from nowhere. */
export function confirmedPage(failed: boolean): Page {
  return failed
    ? page('Link not valid', html`<p>The link was used already or has expired. Ask for a new one in your editor.</p>`)
    : page('E-mail confirmed', html`<p>Your address is confirmed. Return to your editor and sign in.</p>`);
}

function page(title: string, content: Page): Page {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title} – Godoty local stack</title>
        <style>
          body {
            font: 1rem/1.5 system-ui;
            max-width: 40rem;
            margin: 3rem auto;
            padding: 0 1rem;
          }
        </style>
      </head>
      <body>
        <h1>${title}</h1>
        ${content}
      </body>
    </html>`;
}
