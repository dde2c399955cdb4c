import * as v from 'valibot';

const TIMEOUT_MS = 15_000;

/** What became of a request: an answer, or none and why. */
export type Reply =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Headers;
      /** The body's `code`, `error_code` or `error`, by which errors are told apart. */
      readonly code: string | undefined;
      /** Parsed, when it is JSON. */
      readonly body: unknown;
    }
  | { readonly kind: 'silence'; readonly why: string };

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'OPTIONS';
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const Coded = v.object({
  code: v.optional(v.union([v.string(), v.number()])),
  error_code: v.optional(v.string()),
});
const Caused = v.object({ cause: v.object({ code: v.string() }) });

const WHY: Readonly<Record<string, string>> = {
  ENOTFOUND: 'nobody knows this name',
  EAI_AGAIN: 'names cannot be looked up right now',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted',
  CERT_HAS_EXPIRED: 'its certificate has expired',
};

/** A server by its origin, asked with the same headers each time. It is never followed elsewhere. */
export class Server {
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.url = url;
    this.#headers = headers;
  }

  async ask(path: string, { method = 'GET', body, headers = {} }: Ask = {}): Promise<Reply> {
    try {
      const response = await fetch(this.url + path, {
        method,
        headers: {
          ...this.#headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const json = parsed(await response.text());
      const coded = v.safeParse(Coded, json);
      const code = coded.success ? (coded.output.error_code ?? coded.output.code) : undefined;
      return {
        kind: 'answer',
        status: response.status,
        headers: response.headers,
        code: code === undefined ? undefined : String(code),
        body: json,
      };
    } catch (error) {
      const code = v.is(Caused, error) ? error.cause.code : undefined;
      const late = error instanceof Error && error.name === 'TimeoutError';
      const why = late ? `no answer within ${TIMEOUT_MS / 1000} s` : (WHY[code ?? ''] ?? code ?? 'the request failed');
      return { kind: 'silence', why };
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The reply in few words: "503 database_unavailable". */
export function inWords(reply: Reply): string {
  return reply.kind === 'silence' ? reply.why : [String(reply.status), reply.code].filter(Boolean).join(' ');
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.startsWith('127.') || hostname === '[::1]';
}

/** True when what is sent there can be read on the way. */
export function isInTheOpen({ url }: Server): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !isLoopback(hostname);
}
