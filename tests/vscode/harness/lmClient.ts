import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A part of a message, and of an answer. */
export type AskPart =
  | { readonly text: string }
  | { readonly image: string; readonly mimeType: string }
  | { readonly callId: string; readonly tool: string; readonly input: object }
  | { readonly callId: string; readonly result: string };

export interface AskMessage {
  readonly role: 'user' | 'assistant';
  readonly parts: readonly AskPart[];
}

export interface Ask {
  readonly model: string;
  readonly messages: readonly AskMessage[];
  readonly tools?: { name: string; description: string; inputSchema?: object }[];
  readonly required?: boolean;
  /** Cancels once so many parts have come. */
  readonly cancelAfterParts?: number;
}

export interface Answered {
  readonly parts: readonly Readonly<Record<string, unknown>>[];
  /** What the stream of the answer threw at its end. */
  readonly error?: { readonly name: string; readonly message: string; readonly code?: string };
}

export interface ListedModel {
  readonly id: string;
  readonly name: string;
  readonly family: string;
  readonly version: string;
  readonly maxInputTokens: number;
  /** How many tokens `<|endoftext|>` is said to have. */
  readonly tokens: number;
  /** How many tokens a message that says hello is said to have. */
  readonly messageTokens: number;
}

export interface GivenSession {
  readonly id: string;
  readonly accessToken: string;
  readonly account: { readonly id: string; readonly label: string };
  readonly scopes: readonly string[];
}

/** A question for the extension, until it is answered. */
interface Call {
  readonly what: string;
  readonly body: unknown;
  readonly answer: (text: string) => void;
  readonly fail: (error: Error) => void;
}

/**
 * The extension `lm-client` in the VS Code that has {@link settings}. It may run where nothing can listen, and so it is the
 * extension that asks here what to do.
 */
export class LmClient {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly #server: Server;
  readonly #calls = new Map<string, Call>();
  readonly #waiting: string[] = [];
  #idle: ServerResponse | undefined;

  private constructor(server: Server) {
    this.#server = server;
    this.settings = { 'lmClient.url': `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response);
    });
  }

  static async listen(): Promise<LmClient> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new LmClient(server);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  models(): Promise<readonly ListedModel[]> {
    return this.#call('models');
  }

  /** How often VS Code has told it that the models changed. */
  changes(): Promise<number> {
    return this.#call('changes');
  }

  /** What has come of the answer that is on its way. */
  parts(): Promise<Answered['parts']> {
    return this.#call('parts');
  }

  /** Godoty's session as VS Code gives it to another extension; asks the user nothing. */
  session(): Promise<GivenSession | null> {
    return this.#call('session');
  }

  /** The same; VS Code asks the user whether the extension may have it. */
  demandSession(): Promise<GivenSession> {
    return this.#call('demandSession');
  }

  /** How often VS Code has told it that Godoty's sessions changed. */
  sessionChanges(): Promise<number> {
    return this.#call('sessionChanges');
  }

  ask(ask: Ask): Promise<Answered> {
    return this.#call('ask', ask);
  }

  async #call<T>(what: string, body?: unknown): Promise<T> {
    const text = await new Promise<string>((answer, fail) => {
      const id = randomUUID();
      this.#calls.set(id, { what, body, answer, fail });
      this.#waiting.push(id);
      this.#dispatch();
    });
    return JSON.parse(text) as T;
  }

  /** `GET /` asks for a call; `POST /<its id>` answers it, or says at `POST /<its id>?failed` why not. */
  #serve(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('access-control-allow-origin', '*');
    if (request.method === 'GET') {
      this.#idle = response;
      this.#dispatch();
      return;
    }
    let text = '';
    request.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    request.on('end', () => {
      const [id = '', failed] = (request.url ?? '').slice(1).split('?');
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (failed === undefined) call?.answer(text);
      else call?.fail(new Error(text));
      response.end();
    });
  }

  #dispatch(): void {
    const id = this.#idle === undefined ? undefined : this.#waiting.shift();
    const call = id === undefined ? undefined : this.#calls.get(id);
    if (call === undefined) return;
    this.#idle?.end(JSON.stringify({ id, what: call.what, body: call.body }));
    this.#idle = undefined;
  }
}
