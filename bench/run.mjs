// `npm run bench -- [--only sse|guard|tokens|backend|panel] [--json] [--rounds N] [--pkg DIR] [--rows N,N]`: our parts beside their peers, in
// one process, and the backend's functions among more and more rows.
import { parseArgs } from 'node:util';
import { benchBackend, describeBackend } from './backend/bench.mjs';
import { benchPanel, describePanel } from './panel/bench.mjs';
import { benchGuard, describeGuard } from './guard/bench.mjs';
import { benchTokens, describeTokens } from './tokens/bench.mjs';
import { benchSse, describeSse } from './sse/bench.mjs';

const BENCHES = {
  sse: { run: benchSse, describe: describeSse },
  guard: { run: benchGuard, describe: describeGuard },
  tokens: { run: benchTokens, describe: describeTokens },
  backend: { run: benchBackend, describe: describeBackend },
  panel: { run: benchPanel, describe: describePanel },
};

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '15' },
    pkg: { type: 'string' },
    rows: { type: 'string', default: '100000,1000000' },
  },
});

const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error('--rounds takes a whole number from 1 on');
  process.exit(2);
}
const rows = values.rows.split(',').map(Number);
if (!rows.every((number) => Number.isInteger(number) && number >= 100 && number % 100 === 0)) {
  console.error('--rows takes whole hundreds, parted by commas');
  process.exit(2);
}
const names = values.only ?? Object.keys(BENCHES);
for (const name of names) {
  const bench = BENCHES[name];
  if (bench === undefined) {
    console.error(`there is no bench "${name}"; there is: ${Object.keys(BENCHES).join(', ')}`);
    process.exit(2);
  }
  for await (const line of bench.run({ rounds, rows, pkg: values.pkg })) {
    console.log(values.json ? JSON.stringify(line) : bench.describe(line));
  }
}
