import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The way to a backend, which can be cut. */
export interface BackendGate {
  readonly url: string;
  /** Requests whose path this matches get no answer: their connection breaks. */
  shut: RegExp | undefined;
  close(): void;
}

/** A server on loopback that passes each request on to another one. */
export async function openBackendGate(target: string): Promise<BackendGate> {
  const server = createServer((incoming, outgoing) => {
    const { method, url = '', headers } = incoming;
    if (gate.shut?.test(url)) {
      incoming.socket.destroy();
      return;
    }
    const passed = request(new URL(url, target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on('error', () => incoming.socket.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const gate: BackendGate = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    shut: undefined,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return gate;
}
