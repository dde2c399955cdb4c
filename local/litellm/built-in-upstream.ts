// The built-in demo model as a plain OpenAI-compatible server, for a real LiteLLM in front of it. Prints one line of
// JSON when it is up.
import { Hono } from 'hono';

import { systemClock } from '../server/clock.ts';
import { listen } from '../server/listener.ts';
import { loopbackHostsOnly } from '../server/loopback.ts';
import { builtInSource } from '../server/models/built-in-source.ts';
import { BUILT_IN_MODELS, listEntry } from '../server/models/catalog.ts';
import { parseChatRequest, unknownModel } from '../server/models/chat-request.ts';
import { ProxyError } from '../server/models/errors.ts';

/** About as fast as a hosted model writes. */
const CHUNKS_PER_SECOND = 30;

const source = builtInSource(systemClock, CHUNKS_PER_SECOND);
const app = new Hono();
app.use(loopbackHostsOnly());
app.get('/v1/models', (c) => c.json({ object: 'list', data: BUILT_IN_MODELS.map(listEntry) }));
app.post('/v1/chat/completions', async (c) => {
  const request = parseChatRequest(await c.req.text());
  const model = BUILT_IN_MODELS.find(({ name }) => name === request.model);
  if (model === undefined) {
    throw unknownModel(request.model);
  }
  return source.answer({
    id: crypto.randomUUID(),
    request,
    model,
    headers: {},
    signal: c.req.raw.signal,
    // What a call cost is LiteLLM's to know.
    settle: () => Promise.resolve(),
  });
});
app.onError((error) => {
  const known = error instanceof ProxyError ? error : new ProxyError(500, 'internal_server_error', error.message);
  return Response.json(known.body, { status: known.status });
});

const listener = await listen(0);
listener.serve((request) => app.fetch(request));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void listener.close().then(() => process.exit(0)));
}
process.stdout.write(
  `${JSON.stringify({ url: `${listener.origin}/v1`, models: BUILT_IN_MODELS.map(({ name }) => name) })}\n`,
);
