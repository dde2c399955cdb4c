import { html } from 'hono/html';

import type { Mail } from '../auth/mailbox.ts';
import { page } from './page.ts';
import type { Page } from './page.ts';

/** The page /_inbox: the mails that a real server would have sent. */
export function inboxPage(mails: readonly Mail[]): Page {
  return page(
    'Inbox',
    html`<p>
        This local stack sends no mail. What a real server would have sent stands here, the newest first. Reload the
        page to see what came since.
      </p>
      ${mails.length === 0 ? html`<p>Nothing yet.</p>` : ''}
      ${mails.map(
        (mail) =>
          html`<article aria-labelledby="mail-${mail.id}">
            <h2 id="mail-${mail.id}">${mail.subject}</h2>
            <p>
              To ${mail.recipient},
              <time datetime="${mail.sent_at.toISOString()}">${mail.sent_at.toISOString()}</time>
            </p>
            <p><a href="${mail.link}">${mail.action}</a></p>
            <p>Or enter the code <code>${mail.code}</code></p>
          </article>`,
      )}`,
  );
}
