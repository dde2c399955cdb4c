/** Looks at the way to a server step by step: its name, its port, its certificate. Nothing is sent. */
import { lookup } from 'node:dns/promises';
import { get } from 'node:http';
import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { arch, platform } from 'node:os';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';

import { timeOf } from '../core/host.ts';
import type { Inspection, NetworkSight } from '../platform.ts';

const PROXY_VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'];

export const networkSight: NetworkSight = {
  system: `${platform()} ${arch()}`,
  inspect,
  knock: (address, signal) =>
    new Promise((resolve, reject) => {
      const request = get(address, { signal, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.on('error', reject);
    }),
  proxyVariables: () =>
    PROXY_VARIABLES.flatMap((name) => {
      const value = process.env[name] ?? '';
      return value === '' ? [] : [[name, value] as const];
    }),
};

async function inspect(origin: string, signal: AbortSignal): Promise<Inspection> {
  const { protocol, hostname, port } = new URL(origin);
  const host = hostname.replaceAll(/[[\]]/gu, '');
  const secure = protocol === 'https:';
  const to = { host, port: Number(port) || (secure ? 443 : 80) };
  try {
    await lookup(host);
  } catch (error) {
    return { reached: 'nothing', ...codeOf(error) };
  }
  try {
    const socket = connect({ ...to, signal });
    await opened(socket, 'connect', signal);
    socket.destroy();
  } catch (error) {
    return { reached: 'name', ...codeOf(error) };
  }
  if (!secure) {
    return { reached: 'port' };
  }
  // A refused certificate is to be shown as well; whether it is trusted is asked below, and no byte of ours follows.
  const socket = connectTls({ ...to, servername: isIP(host) === 0 ? host : '', rejectUnauthorized: false });
  try {
    await opened(socket, 'secureConnect', signal);
    return seen(socket);
  } catch (error) {
    return { reached: 'port', ...codeOf(error) };
  } finally {
    socket.destroy();
  }
}

function seen(socket: TLSSocket): Inspection {
  const { issuer, valid_to: validTo } = socket.getPeerCertificate();
  const certificate = {
    protocol: socket.getProtocol() ?? '',
    issuer: [issuer.O, issuer.CN].flat().filter(Boolean).join(', '),
    validTo: timeOf(validTo),
  };
  if (socket.authorized) {
    return { reached: 'certificate', certificate };
  }
  // The types say that it is an error; it is the error's code.
  const refused: unknown = socket.authorizationError;
  return { reached: 'port', ...(typeof refused === 'string' ? { code: refused } : codeOf(refused)), certificate };
}

/** Waits for a socket's event, an error, or the abort. */
async function opened(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      socket.destroy();
      reject(signal.reason as Error);
    };
    socket.once(event, resolve);
    // For good: a socket that is done may still say that the other side has hung up.
    socket.on('error', reject);
    if (signal.aborted) {
      abort();
    }
    signal.addEventListener('abort', abort, { once: true });
  });
}

function codeOf(error: unknown): { readonly code?: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
}
