// Draws extension/media/icon.svg as the PNG files that the marketplace and the README need: `npm run icons`.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { ensure } from '../local/setup/main.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
/** Side in pixels, and where the picture goes. */
const ICONS = /** @type {const} */ ([
  [256, 'extension/media/icon.png'],
  [128, 'docs/images/icon.png'],
]);

const { paths } = await ensure('browser');
const browser = await chromium.launch({ executablePath: paths['browser'] ?? '', args: ['--no-sandbox'] });
try {
  const page = await browser.newPage();
  const drawing = readFileSync(path.join(root, 'extension/media/icon.svg')).toString('base64');
  for (const [side, file] of ICONS) {
    await page.setViewportSize({ width: side, height: side });
    await page.setContent(
      `<body style="margin:0"><img style="display:block" width="${side}" height="${side}" src="data:image/svg+xml;base64,${drawing}">`,
    );
    await page.locator('img').evaluate((image) => /** @type {HTMLImageElement} */ (image).decode());
    writeFileSync(path.join(root, file), await page.screenshot({ omitBackground: true }));
    console.log(`${file}: ${side} × ${side}`);
  }
} finally {
  await browser.close();
}
