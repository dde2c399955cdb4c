import type { MiddlewareHandler } from 'hono';
import { html } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';

export type Page = HtmlEscapedString | Promise<HtmlEscapedString>;

/** The pages load nothing, run nothing, and fit into no frame. (A form's target is open: it ends in an editor.) */
export function pageHeaders(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    c.header(
      'content-security-policy',
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    );
    c.header('referrer-policy', 'no-referrer');
    c.header('cache-control', 'no-store');
  };
}

/** A page of the local stack's own. */
export function page(title: string, content: Page): Page {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title} – Godoty local stack</title>
        <style>
          :root {
            color-scheme: light dark;
          }
          body {
            font: 1rem/1.5 system-ui;
            max-width: 40rem;
            margin: 3rem auto;
            padding: 0 1rem;
          }
          article {
            border-top: 1px solid;
          }
          code {
            font-size: 1.5rem;
          }
          button,
          input {
            font: inherit;
            padding: 0.25rem 0.75rem;
            margin: 0 0.5rem 0.5rem 0;
          }
          label {
            display: block;
          }
        </style>
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
      </body>
    </html>`;
}
