import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';

/** What a client asked the upstream, as far as the tests look at it. */
export interface UpstreamRequest {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
  readonly [member: string]: unknown;
}

export interface Upstream {
  readonly url: string;
  readonly requests: readonly UpstreamRequest[];
  /** How many answers the client has left before they ended. */
  readonly left: () => number;
  answer(script: Script): void;
  close(): Promise<void>;
}

/** Writes the whole answer to one request. */
export type Script = (request: UpstreamRequest, response: ServerResponse) => void;

const USAGE = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 };

/** An OpenAI-compatible server whose answers a test writes, calls of tools among them. */
export async function startUpstream(models: readonly string[]): Promise<Upstream> {
  const requests: UpstreamRequest[] = [];
  let script: Script = (_request, response) => response.writeHead(500).end();
  let left = 0;
  const server = createServer((request, response) => {
    if (request.url === '/v1/models') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ data: models.map((id) => ({ id })) }));
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const asked = JSON.parse(body) as UpstreamRequest;
      requests.push(asked);
      response.on('close', () => (left += response.writableFinished ? 0 : 1));
      script(asked, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}/v1`,
    requests,
    left: () => left,
    answer: (next) => {
      script = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Begins an answer that streams. */
export function begin(response: ServerResponse, ...deltas: readonly object[]): ServerResponse {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  return more(response, ...deltas);
}

/** Goes on with an answer that streams. */
export function more(response: ServerResponse, ...deltas: readonly object[]): ServerResponse {
  for (const delta of deltas) {
    response.write(event({ id: 'chatcmpl-1', choices: [{ index: 0, delta }] }));
  }
  return response;
}

/** Ends an answer as a server does that has said all. */
export function end(response: ServerResponse, reason: string, usage: object = USAGE): void {
  response.write(event({ id: 'chatcmpl-1', choices: [{ index: 0, delta: {}, finish_reason: reason }] }));
  response.write(event({ id: 'chatcmpl-1', choices: [], usage }));
  response.end('data: [DONE]\n\n');
}

/** The delta of a call of a tool; the arguments are text, as a model writes it. */
export function toolCall(index: number, id: string, name: string, text: string): object {
  return { tool_calls: [{ index, id, type: 'function', function: { name, arguments: text } }] };
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
