// SSE decoding against eventsource-parser + JSON.parse and the OpenAI SDK: medians of interleaved rounds, in one process.
import { deepStrictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { cases } from './corpus.mjs';
import { PEERS, ours } from './consumers.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');

/** The built core, as the extension loads it. */
export async function loadCore(pkg = join(root, 'crate/wasm/pkg')) {
  const script = join(pkg, 'godoty_core.js');
  if (!existsSync(script)) throw new Error('the core is not built: run `npm run build:wasm` first');
  const core = await import(pathToFileURL(script).href);
  core.initSync({ module: readFileSync(join(pkg, 'godoty_core_bg.wasm')) });
  return core;
}

const median = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const rounded = (number, digits) => Number(number.toFixed(digits));
const version = (name) => JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;

/** Bytes of JS heap that a decoder allocates for an event, from a process whose young generation is never collected. */
function heapPerEvent(name, caseName, pkg) {
  const flags = ['--expose-gc', '--max-semi-space-size=1024', '--min-semi-space-size=1024'];
  const child = spawnSync(process.execPath, [...flags, join(here, 'heap.mjs'), name, caseName, pkg ?? ''], {
    encoding: 'utf8',
  });
  if (child.status !== 0) throw new Error(`measuring the heap failed: ${child.stderr}`);
  return Number(child.stdout);
}

export async function* benchSse({ rounds, pkg }) {
  const { ChatDecoder } = await loadCore(pkg);
  const decoders = { ours: ours(ChatDecoder), ...PEERS };
  const { pieces: allPieces } = cases();
  for (const [caseName, pieces] of Object.entries(allPieces)) {
    const times = Object.fromEntries(Object.keys(decoders).map((name) => [name, []]));
    let expected;
    // The first rounds warm up.
    for (let round = -3; round < rounds; round += 1) {
      for (const [name, decode] of Object.entries(decoders)) {
        const from = performance.now();
        const answer = await decode(pieces);
        const took = performance.now() - from;
        if (round >= 0) times[name].push(took);
        expected ??= answer;
        deepStrictEqual(answer, expected, `${name} decodes something else`);
      }
    }
    const oursMs = median(times.ours);
    const oursHeap = heapPerEvent('ours', caseName, pkg);
    for (const name of Object.keys(PEERS)) {
      const peerMs = median(times[name]);
      yield {
        bench: 'sse',
        case: caseName,
        node: process.versions.node,
        ours_ms: rounded(oursMs, 3),
        peer: `${name}@${version(name)}${name === 'openai' ? '' : '+JSON.parse'}`,
        peer_ms: rounded(peerMs, 3),
        ratio: rounded(peerMs / oursMs, 3),
        ours_heap_per_event: oursHeap,
        peer_heap_per_event: heapPerEvent(name, caseName, pkg),
      };
    }
  }
}

/** One line for people. */
export function describeSse(line) {
  const heap = `${String(line.ours_heap_per_event)} against ${String(line.peer_heap_per_event)} bytes of JS heap an event`;
  return (
    `${line.bench} ${line.case.padEnd(6)} ${line.peer.padEnd(32)} ${line.ratio.toFixed(2)}× faster ` +
    `(${line.ours_ms.toFixed(1)} against ${line.peer_ms.toFixed(1)} ms; ${heap})`
  );
}
