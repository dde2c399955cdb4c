// `npm run bench -- [--only sse] [--json] [--rounds N] [--pkg DIR]`: our parts beside their peers, in one process.
import { parseArgs } from 'node:util';
import { benchSse } from './sse/bench.mjs';

const BENCHES = { sse: benchSse };

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '15' },
    pkg: { type: 'string' },
  },
});

const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error('--rounds takes a whole number from 1 on');
  process.exit(2);
}
const names = values.only ?? Object.keys(BENCHES);
for (const name of names) {
  const bench = BENCHES[name];
  if (bench === undefined) {
    console.error(`there is no bench "${name}"; there is: ${Object.keys(BENCHES).join(', ')}`);
    process.exit(2);
  }
  for await (const line of bench({ rounds, pkg: values.pkg })) {
    if (values.json) {
      console.log(JSON.stringify(line));
    } else {
      const heap = `${String(line.ours_heap_per_event)} against ${String(line.peer_heap_per_event)} bytes of JS heap an event`;
      console.log(
        `${line.bench} ${line.case.padEnd(6)} ${line.peer.padEnd(32)} ${line.ratio.toFixed(2)}× faster ` +
          `(${line.ours_ms.toFixed(1)} against ${line.peer_ms.toFixed(1)} ms; ${heap})`,
      );
    }
  }
}
