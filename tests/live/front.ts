/** What stands in front of a deployed proxy: it passes everything on, counts what answers are asked for, and can cut an answer off. */
import type { ServerResponse } from 'node:http';

import { passOn, serve } from '../support/passOn.ts';

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
  const server = await serve((request, response) => {
    if (request.url === '/v1/chat/completions') chats += 1;
    if (!front.managed && request.url?.startsWith('/key/') === true) {
      response.writeHead(503, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    answers.add(response);
    response.on('close', () => answers.delete(response));
    passOn(target, request, response);
  });
  const front: Front = {
    ...server,
    managed: true,
    chats: () => chats,
    endAnswers: () => {
      for (const answer of answers) answer.end();
    },
    dropAnswers: () => {
      for (const answer of answers) answer.destroy();
    },
  };
  return front;
}
