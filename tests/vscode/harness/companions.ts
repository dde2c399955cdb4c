import path from 'node:path';

import { createVSIX } from '@vscode/vsce';

import { checkout } from '../../../local/setup/packages.mjs';

/** Somebody else's extensions, which the tests install beside Godoty. Each lies in a folder of its name. */
export type Companion = 'lm-client' | 'virtual-folder';

/** Packs one of them into a folder, and says which file that is. */
export async function packCompanion(name: Companion, folder: string): Promise<string> {
  const packagePath = path.join(folder, `${name}.vsix`);
  const cwd = path.join(checkout, 'tests', 'vscode', name);
  await createVSIX({ cwd, packagePath, dependencies: false, allowMissingRepository: true, skipLicense: true });
  return packagePath;
}
