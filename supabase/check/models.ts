import { fail, pass, warn } from './finding.ts';
import type { Finding } from './finding.ts';
import { allowsAnyOrigin, preflight } from './functions.ts';
import { inWords, isInTheOpen } from './server.ts';
import type { Server } from './server.ts';

const REACHABLE = 'Check --litellm, the proxy’s log and its certificate.';

/** LiteLLM as the editors reach it. */
export async function checkModels(proxy: Server): Promise<readonly Finding[]> {
  const [alive, models, cors] = await Promise.all([
    proxy.ask('/health/liveliness'),
    proxy.ask('/v1/models'),
    proxy.ask('/v1/chat/completions', { method: 'OPTIONS', headers: preflight('authorization') }),
  ]);
  return [
    alive.kind === 'answer' && alive.status === 200
      ? pass('LiteLLM: reachable', new URL(proxy.url).host)
      : fail('LiteLLM: reachable', inWords(alive), REACHABLE),
    ...(isInTheOpen(proxy)
      ? [fail('LiteLLM: encrypted', 'keys travel in the open (http)', 'Put it behind https; the editors refuse http.')]
      : []),
    models.kind === 'answer' && (models.status === 401 || models.status === 403)
      ? pass('LiteLLM: closed', 'it wants a key')
      : models.kind === 'answer' && models.status === 200
        ? fail('LiteLLM: closed', 'anybody may use the models', 'Set general_settings.master_key and its database.')
        : fail('LiteLLM: closed', `no clear answer (${inWords(models)})`, REACHABLE),
    cors.kind === 'answer' && allowsAnyOrigin(cors)
      ? pass('LiteLLM: browsers', 'VS Code in a browser may call it')
      : warn(
          'LiteLLM: browsers',
          'VS Code in a browser may not call it (CORS)',
          'Let the proxy answer preflights for any origin.',
        ),
  ];
}
