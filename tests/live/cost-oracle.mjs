/** Holds the price map and the core's estimates against the LiteLLM library; GODOTY_SEED repeats a run. */
import { spawnSync } from 'node:child_process';
import process from 'node:process';

import { ensure } from '../../local/setup/main.mjs';
import { checkout } from '../../local/setup/packages.mjs';

const { env, paths } = await ensure('rust', 'litellm');
const map = spawnSync(paths['litellmPython'] ?? 'python3', ['crate/core/data/price_map.py', '--check'], {
  cwd: checkout,
  stdio: 'inherit',
});
if (map.status !== 0) process.exit(1);
const { status } = spawnSync(
  'cargo',
  ['test', '-p', 'godoty-core-tests', '--test', 'cost_oracle', '--', '--ignored', '--nocapture'],
  { cwd: checkout, stdio: 'inherit', env: { ...env, GODOTY_LITELLM_PYTHON: paths['litellmPython'] } },
);
process.exit(status ?? 1);
