/** What stands in front of a deployed proxy: it passes everything on, counts what answers are asked for, and can cut an answer off. */
import { createServer, request as open } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Front {
  readonly url: string;
  /** False when its management can't be reached, so that no key can be issued. */
  managed: boolean;
  /** How often an answer was asked for. */
  chats(): number;
  /** Ends the answers that are under way as if they were complete. */
  endAnswers(): void;
  /** Drops the connections of the answers that are under way. */
  dropAnswers(): void;
  close(): Promise<void>;
}

export async function openFront(target: string): Promise<Front> {
  let chats = 0;
  const answers = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    if (request.url === '/v1/chat/completions') chats += 1;
    if (!front.managed && request.url?.startsWith('/key/') === true) {
      response.writeHead(503, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    answers.add(response);
    const onward = open(
      target + (request.url ?? ''),
      { method: request.method, headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.on('error', () => response.destroy());
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    response.on('close', () => {
      answers.delete(response);
      onward.destroy();
    });
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const front: Front = {
    managed: true,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    chats: () => chats,
    endAnswers: () => {
      for (const answer of answers) answer.end();
    },
    dropAnswers: () => {
      for (const answer of answers) answer.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return front;
}
