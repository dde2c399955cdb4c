// The estimate of tokens that VS Code is given, beside what a tokenizer counts, on code, prose and many scripts; and beside
// the usual estimate, a quarter of the bytes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import { tsImport } from 'tsx/esm/api';
import { FILES, TEXTS } from './samples.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const file = (path) => readFileSync(join(root, path), 'utf8');

/** How far an estimate is above or below the count, in percent. */
const error = (estimate, count) => Number(((estimate / count - 1) * 100).toFixed(1));

export async function* benchTokens() {
  const { estimateTokens } = await tsImport('../../extension/src/lm/tokens.ts', import.meta.url);
  const { version } = JSON.parse(file('node_modules/gpt-tokenizer/package.json'));
  const files = Object.entries(FILES).map(([name, path]) => [name, file(path)]);
  for (const [name, text] of [...files, ...Object.entries(TEXTS)]) {
    const tokens = encode(text).length;
    yield {
      bench: 'tokens',
      case: name,
      tokens,
      ours_error: error(estimateTokens(text), tokens),
      quarter_error: error(Buffer.byteLength(text) / 4, tokens),
      peer: `gpt-tokenizer@${version} o200k_base`,
    };
  }
}

const signed = (percent) => `${percent < 0 ? '' : '+'}${percent.toFixed(0)} %`;

export const describeTokens = (line) =>
  `tokens ${line.case.padEnd(12)} ${line.peer}: ${String(line.tokens)}; our estimate ${signed(line.ours_error)}, ` +
  `bytes/4 ${signed(line.quarter_error)}`;
