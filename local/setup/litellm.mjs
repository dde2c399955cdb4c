/** The LiteLLM library from PyPI: its calculator is what the cost of a call is held against. */
import path from 'node:path';
import process from 'node:process';

import { cache, installInto } from './cache.mjs';
import { install, isExecutable } from './commands.mjs';
import { systemRequirements } from './system.mjs';
import { versions } from './versions.mjs';

/** @typedef {import('./requirement.mjs').Requirement} Requirement */

const folder = path.join(cache, `litellm-${versions.litellm}`);

/** @param {string} venv */
const pythonOf = (venv) =>
  process.platform === 'win32' ? path.join(venv, 'Scripts', 'python.exe') : path.join(venv, 'bin', 'python');

/** @type {Record<string, Requirement>} */
export const litellmRequirements = {
  litellm: {
    title: `LiteLLM ${versions.litellm} (the library)`,
    needs: ['python'],
    check: () => (isExecutable(pythonOf(folder)) ? { paths: { litellmPython: pythonOf(folder) } } : undefined),
    takes: 'half a minute',
    install: () =>
      // A venv's Python finds its packages beside itself, so the folder may be moved into place.
      installInto(folder, async (staging) => {
        const python = systemRequirements['python']?.check()?.paths?.['python'] ?? 'python3';
        await install('litellm', python, ['-m', 'venv', staging]);
        await install('litellm', pythonOf(staging), ['-m', 'pip', 'install', `litellm==${versions.litellm}`]);
      }),
  },
};
