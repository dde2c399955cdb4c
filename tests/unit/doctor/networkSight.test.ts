/** What Node sees of the way to a server, with real connections on this machine. */
import { createServer } from 'node:http';
import type { Server } from 'node:net';
import { createServer as createNetServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { networkSight } from '../../../extension/src/node/networkSight.ts';
import { selfSigned } from '../../boundary/selfSigned.ts';

const servers: Server[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

const inspect = (origin: string, signal = new AbortController().signal) => networkSight.inspect(origin, signal);

describe('the way to a server', () => {
  it('is open as far as its port where nothing is encrypted', async () => {
    const port = await listening(createNetServer());
    expect(await inspect(`http://127.0.0.1:${port}`)).toEqual({ reached: 'port' });
  });

  it('ends before a port at which nobody listens', async () => {
    const server = createNetServer();
    const port = await listening(server);
    await new Promise((done) => servers.pop()?.close(done));
    expect(await inspect(`https://127.0.0.1:${port}`)).toEqual({ reached: 'name', code: 'ECONNREFUSED' });
  });

  it('shows a certificate that is refused, with its issuer, and sends nothing', async () => {
    const heard: Buffer[] = [];
    const server = createTlsServer(selfSigned(), (socket) => {
      socket.on('data', (data: Buffer) => heard.push(data));
      socket.on('error', () => undefined);
    });
    const found = await inspect(`https://localhost:${await listening(server)}`);
    expect(found).toMatchObject({
      reached: 'port',
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      certificate: { protocol: 'TLSv1.3', issuer: 'localhost' },
    });
    expect(found.certificate?.validTo).toBeGreaterThan(0);
    expect(heard).toEqual([]);
  });

  it('ends at a port that does not speak TLS', async () => {
    const port = await listening(
      createNetServer((socket) => {
        socket.on('error', () => undefined);
        socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      }),
    );
    const found = await inspect(`https://127.0.0.1:${port}`);
    expect([found.reached, found.code === undefined]).toEqual(['port', false]);
  });

  it('is left when the user leaves', async () => {
    const port = await listening(createNetServer());
    const leaving = new AbortController();
    const looking = inspect(`https://127.0.0.1:${port}`, leaving.signal);
    leaving.abort();
    expect((await looking).reached).not.toBe('certificate');
  });
});

describe('this machine', () => {
  it('is reached at a port of its own', async () => {
    const port = await listening(createServer((_, response) => response.writeHead(204).end()));
    expect(await networkSight.knock(`http://127.0.0.1:${port}/cb`, new AbortController().signal)).toBe(204);
  });

  it('names the proxies of its environment', () => {
    vi.stubEnv('HTTPS_PROXY', 'http://proxy.example');
    vi.stubEnv('https_proxy', '');
    expect(networkSight.proxyVariables()).toContainEqual(['HTTPS_PROXY', 'http://proxy.example']);
    expect(networkSight.proxyVariables().some(([name]) => name === 'https_proxy')).toBe(false);
  });
});
