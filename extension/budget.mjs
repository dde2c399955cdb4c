// What ships, and how large it may be. The builds hold themselves to it: `npm run build:wasm`, `build` and `package`.

const KIB = 1024;

/** Bytes. The bundles' figures are also those of webpack.config.js, which refuses what is larger. */
export const BUDGET = /** @type {const} */ ({
  wasm: 256 * KIB,
  wasmGzipped: 100 * KIB,
  host: 400 * KIB,
  webview: 600 * KIB,
  vsix: 1.5 * 1024 * KIB,
});

/** What people get, and nothing else: no source maps, no sources, no tests. */
export const PACKAGE = [
  'CHANGELOG.md',
  'LICENSE',
  'dist/godoty_core.wasm',
  'dist/node/extension.js',
  'dist/price-map.LICENSE',
  'dist/price-map.txt',
  'dist/web/extension.js',
  'dist/webview/doctor.css',
  'dist/webview/doctor.js',
  'dist/webview/main.css',
  'dist/webview/main.js',
  'dist/webview/page.css',
  'dist/webview/usage.css',
  'dist/webview/usage.js',
  'extension/README.md',
  'extension/l10n/bundle.l10n.de.json',
  'extension/media/godoty-dark.svg',
  'extension/media/godoty-light.svg',
  'extension/media/godoty.svg',
  'extension/media/icon.png',
  'extension/media/walkthrough/chat.svg',
  'extension/media/walkthrough/native-chat.svg',
  'extension/media/walkthrough/sign-in.svg',
  'extension/media/walkthrough/usage.svg',
  'package.json',
  'package.nls.de.json',
  'package.nls.json',
];

/**
 * What is too large.
 *
 * @param {Partial<Record<keyof typeof BUDGET, number>>} sizes in bytes
 * @returns {string[]}
 */
export function overBudget(sizes) {
  return Object.entries(sizes).flatMap(([what, size]) => {
    const most = BUDGET[/** @type {keyof typeof BUDGET} */ (what)];
    return size <= most ? [] : [`${what} has ${size} bytes; its budget is ${most}`];
  });
}

/**
 * What is wrong with the content of the package.
 *
 * @param {readonly string[]} files
 * @param {(file: string) => string} read
 * @returns {string[]}
 */
export function packageFaults(files, read) {
  const expected = new Set(PACKAGE);
  return [
    ...PACKAGE.filter((file) => !files.includes(file)).map((file) => `${file} is missing`),
    ...files.filter((file) => !expected.has(file)).map((file) => `${file} should not be in it`),
    ...files
      .filter((file) => /\.(?:js|css)$/.test(file) && /[#@] ?sourceMappingURL=/.test(read(file)))
      .map((file) => `${file} names a source map`),
  ];
}
