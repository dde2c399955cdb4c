import { passOn, serve } from '../../support/passOn.ts';

/** The way to a backend, which can be cut. */
export interface BackendGate {
  readonly url: string;
  /** Requests whose path this matches get no answer: their connection breaks. */
  shut: RegExp | undefined;
  close(): Promise<void>;
}

/** A server on loopback that passes each request on to another one. */
export async function openBackendGate(target: string): Promise<BackendGate> {
  const server = await serve((request, response) => {
    if (gate.shut?.test(request.url ?? '')) {
      request.socket.destroy();
      return;
    }
    passOn(target, request, response);
  });
  const gate: BackendGate = { ...server, shut: undefined };
  return gate;
}
