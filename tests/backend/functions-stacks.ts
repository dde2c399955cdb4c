import type { LocalStack } from '../../local/server/start.ts';
import type { Engine } from './databases.ts';
import { startTestStack } from './support.ts';

/** A stack on a kind of PostgreSQL: only a server has several connections, so that requests really meet. */
export async function startStackOn(engine: Engine): Promise<LocalStack> {
  const server = await engine.start();
  const url = await server.createUrl?.();
  const stack = await startTestStack(url === undefined ? {} : { data: { kind: 'server', url } });
  return {
    ...stack,
    close: async () => {
      await stack.close();
      await server.stop();
    },
  };
}
