import type { Server } from 'node:http';

import { createAdaptorServer } from '@hono/node-server';

import { LOOPBACK } from './loopback.ts';

/** The port is taken; the process that started this one may want to choose another. */
export class PortInUse extends Error {
  override readonly name = 'PortInUse';
  readonly port: number;

  constructor(port: number) {
    super(`port ${port} on ${LOOPBACK} is in use`);
    this.port = port;
  }
}

/**
 * How long an idle connection stays open. Much longer than Node's five seconds: where the machine is busy, a client would
 * write into a connection that is just being closed, and its request would be lost.
 */
const KEEP_ALIVE_MS = 120_000;

/** An HTTP server on the loopback interface. */
export interface Listener {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** Starts to answer; until then every request is told to come back. */
  serve(app: (request: Request) => Response | Promise<Response>): void;
  /** Stops listening and ends the connections that are open. */
  close(): Promise<void>;
}

/** Listens on a port, 0 for a free one. Throws PortInUse. */
export async function listen(port: number): Promise<Listener> {
  let app: (request: Request) => Response | Promise<Response> = () =>
    new Response('starting', { status: 503, headers: { 'retry-after': '1' } });
  const server = createAdaptorServer({
    fetch: (request) => app(request),
    hostname: LOOPBACK,
    // Whoever runs the stack in their own process keeps their own Request and Response.
    overrideGlobalObjects: false,
  }) as Server;
  server.keepAliveTimeout = KEEP_ALIVE_MS;

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject('code' in error && error.code === 'EADDRINUSE' ? new PortInUse(port) : error),
    );
    server.listen({ port, host: LOOPBACK }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new TypeError('a TCP server has an address with a port');
  }
  return {
    origin: `http://${LOOPBACK}:${address.port}`,
    serve: (next) => {
      app = next;
    },
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}
