/** A port of this machine to which a browser comes back (RFC 8252, section 7.3). */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Loopback, LoopbackTexts } from '../platform.ts';

const PATH = '/cb';

/** Listens on 127.0.0.1, at a port that the system picks, for one callback; `take` says whether it led to a session. */
export async function openLoopback(
  texts: LoopbackTexts,
  take: (address: string) => Promise<boolean>,
): Promise<Loopback> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const origin = `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : '')}`;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method, url = '', headers } = request;
    // Another name for this machine is that of a page that would like to be let in (DNS rebinding).
    const meant = method === 'GET' && url.startsWith(`${PATH}?`) && `http://${headers.host ?? ''}` === origin;
    if (!meant || !server.listening) {
      response.writeHead(404).end();
      return;
    }
    server.close();
    const text = (await take(`${origin}${url}`)) ? texts.done : texts.failed;
    response.writeHead(200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      Connection: 'close',
    });
    response.end(`<!doctype html><meta charset="utf-8"><title>Godoty</title><h1>Godoty</h1><p>${escaped(text)}</p>`);
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch(() => response.destroy());
  });
  return {
    redirectTo: `${origin}${PATH}`,
    close: () => {
      server.close();
      // A browser holds connections open that it may need again.
      server.closeIdleConnections();
    },
  };
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/gu, (character) => `&#${String(character.codePointAt(0))};`);
}
