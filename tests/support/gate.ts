import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A server on loopback that passes everything on to another one, or, while it is closed, drops every connection. */
export async function openGate(target: string): Promise<{ readonly url: string; open: boolean; close(): void }> {
  const { hostname, port } = new URL(target);
  const server = createServer((socket) => {
    if (!gate.open) {
      socket.destroy();
      return;
    }
    const upstream = connect(Number(port), hostname);
    socket.pipe(upstream).pipe(socket);
    sockets.add(socket);
    for (const end of [socket, upstream]) {
      end.on('error', () => socket.destroy());
      end.on('close', () => socket.destroy());
    }
  });
  const sockets = new Set<Socket>();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const gate = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    isOpen: true,
    get open() {
      return this.isOpen;
    },
    set open(open: boolean) {
      this.isOpen = open;
      // Connections that are kept alive would go on working.
      for (const socket of sockets) {
        socket.destroy();
      }
      sockets.clear();
    },
    close: () => {
      gate.open = false;
      server.close();
    },
  };
  return gate;
}
