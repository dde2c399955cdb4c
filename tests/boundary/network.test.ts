/** Why a connection failed, as the built core tells it: real failures on loopback, then those that only others have. */
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { ErrorDetail } from '../../crate/wasm/pkg/godoty_core.js';
import { selfSigned } from './selfSigned.ts';
import { detailOf, openWindow, signIn } from './support.ts';

const servers: Server[] = [];

afterEach(() => {
  vi.unstubAllGlobals();
  for (const server of servers.splice(0)) {
    server.close();
  }
});

describe('a connection that fails', () => {
  it('was refused', async () => {
    const closed = createTcpServer();
    const url = await listen(closed, 'http');
    await new Promise((resolve) => closed.close(resolve));
    expect(await signInAt(url)).toMatchObject({ network: 'refused', retryable: true, server: 'account', origin: url });
  });

  it('broke off before an answer', async () => {
    const url = await listen(
      createTcpServer((socket) => socket.once('data', () => socket.destroy())),
      'http',
    );
    expect(await signInAt(url)).toMatchObject({ network: 'lost', retryable: true });
  });

  it('broke off within an answer', async () => {
    const url = await listen(
      createHttpServer((_, response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('{"access_token":', () => response.destroy());
      }),
      'http',
    );
    expect(await signInAt(url)).toMatchObject({ network: 'lost' });
  });

  it('has a certificate that nobody trusts, and nothing is sent', async () => {
    let requests = 0;
    const url = await listen(
      createTlsServer(selfSigned(), () => {
        requests += 1;
      }),
      'https',
    );
    expect(await signInAt(url)).toMatchObject({ network: 'tls', retryable: false, origin: url });
    expect(requests).toBe(0);
  });

  it('speaks no TLS', async () => {
    const url = await listen(createHttpServer(), 'https');
    expect(await signInAt(url)).toMatchObject({ network: 'tls', retryable: false });
  });

  it('leads to a server that redirects', async () => {
    const url = await listen(
      createHttpServer((_, response) => {
        response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end();
      }),
      'http',
    );
    expect(await signInAt(url)).toMatchObject({ network: 'redirect', retryable: false });
  });

  it.each([
    ['net::ERR_CERT_AUTHORITY_INVALID', undefined, 'tls'],
    ['net::ERR_TUNNEL_CONNECTION_FAILED', undefined, 'proxy'],
    ['net::ERR_NAME_NOT_RESOLVED', undefined, 'dns'],
    ['net::ERR_INTERNET_DISCONNECTED', undefined, 'offline'],
    ['fetch failed', { code: 'ENOTFOUND' }, 'dns'],
    ['fetch failed', { code: 'EAI_AGAIN' }, 'dns'],
    ['fetch failed', { code: 'ENETUNREACH' }, 'offline'],
    ['fetch failed', { message: 'Proxy response (407) !== 200 when HTTP Tunneling' }, 'proxy'],
    ['fetch failed', { message: 'a wrapper', cause: { code: 'CERT_HAS_EXPIRED' } }, 'tls'],
    ['fetch failed', { code: 'UND_ERR_CONNECT_TIMEOUT' }, 'other'],
    ['Failed to fetch', undefined, 'other'],
    ['fetch failed', 'no object', 'other'],
  ])('says %j, with the cause %j: %s', async (message, cause, network) => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError(message, { cause })));
    const detail = await signInAt('http://127.0.0.1:9');
    expect(detail).toMatchObject({ code: 'NETWORK_ERROR', network });
    // What the platform says can name hosts and files of the user's machine.
    expect(JSON.stringify(detail)).not.toContain(message);
  });

  it('says nothing at all', async () => {
    vi.stubGlobal('fetch', vi.fn().mockRejectedValue(undefined));
    expect(await signInAt('http://127.0.0.1:9')).toMatchObject({ code: 'NETWORK_ERROR', network: 'other' });
  });
});

async function listen(server: Server, scheme: 'http' | 'https'): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function signInAt(supabaseUrl: string): Promise<ErrorDetail> {
  const { client } = openWindow({ supabaseUrl, publishableKey: 'sb_publishable_x', litellmUrl: 'http://127.0.0.1:9' });
  const detail = await detailOf(signIn({ client }, 'a@example.org', 'a password'));
  expect(detail.code).toBe('NETWORK_ERROR');
  return detail;
}
