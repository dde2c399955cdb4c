import { passOn, serve } from '../../support/passOn.ts';

/** The way to a backend, which can be cut. */
export interface BackendGate {
  readonly url: string;
  /** Requests whose path this matches get no answer: their connection breaks. */
  shut: RegExp | undefined;
  /** The paths of those requests. */
  readonly refused: readonly string[];
  close(): Promise<void>;
}

/** A server on loopback that passes each request on to another one. */
export async function openBackendGate(target: string): Promise<BackendGate> {
  const refused: string[] = [];
  const server = await serve((request, response) => {
    const { url = '' } = request;
    if (gate.shut?.test(url) === true) {
      refused.push(url);
      request.socket.destroy();
      return;
    }
    passOn(target, request, response);
  });
  const gate: BackendGate = { ...server, shut: undefined, refused };
  return gate;
}
