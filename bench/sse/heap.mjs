// Prints how many bytes of JS heap one decoder allocates for an event: `heap.mjs NAME CASE [PKG]`, started by bench.mjs.
import { loadCore } from './bench.mjs';
import { cases } from './corpus.mjs';
import { PEERS, ours } from './consumers.mjs';

const [name, caseName, pkg] = process.argv.slice(2);
const decode = name === 'ours' ? ours((await loadCore(pkg || undefined)).ChatDecoder) : PEERS[name];
const { count, pieces } = cases();
// Once to compile, so that what is counted is what each further answer costs.
await decode(pieces[caseName]);
globalThis.gc();
const before = process.memoryUsage().heapUsed;
await decode(pieces[caseName]);
const after = process.memoryUsage().heapUsed;
console.log(Math.round((after - before) / count));
