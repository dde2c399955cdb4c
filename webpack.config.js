// Five bundles: the extension for the Node host, the same for the web worker host, and the pages of panel, usage and doctor.
// @ts-check
'use strict';
const path = require('node:path');

/** @typedef {import('webpack').Configuration} Configuration */

const root = __dirname;
const dist = path.join(root, 'dist');

/** What models cost where a server does not say, with its licence. */
const PRICE_MAP = ['price-map.txt', 'price-map.LICENSE'].map((file) => path.join(root, 'crate/core/data', file));

/**
 * @param {string} configFile
 * @returns {import('webpack').RuleSetRule}
 */
const typescript = (configFile) => ({
  test: /\.ts$/,
  exclude: /node_modules/,
  // `npm run lint:ts` checks the types; the bundler only strips them.
  use: [
    {
      loader: 'ts-loader',
      options: {
        configFile,
        transpileOnly: true,
        compilerOptions: { noEmit: false, allowImportingTsExtensions: false },
      },
    },
  ],
});

/**
 * @param {'node' | 'webworker'} target
 * @param {string} folder
 * @returns {Configuration}
 */
const host = (target, folder) => ({
  name: folder,
  target,
  mode: 'production',
  devtool: false,
  // What a bundle exports is what its last entry does; the assets are shipped beside it.
  entry: [...PRICE_MAP, path.join(root, `extension/src/${folder}/main.ts`)],
  output: { path: path.join(dist, folder), filename: 'extension.js', library: { type: 'commonjs' } },
  externals: { vscode: 'commonjs vscode' },
  resolve: { extensions: ['.ts', '.js'] },
  module: {
    rules: [
      typescript(path.join(root, 'extension/tsconfig.json')),
      { test: /\.wasm$/, type: 'asset/resource', generator: { filename: '../godoty_core.wasm', publicPath: '' } },
      {
        test: PRICE_MAP,
        type: 'asset/resource',
        generator: { filename: '../[name][ext]', publicPath: '' },
      },
    ],
  },
  optimization: { splitChunks: false, runtimeChunk: false },
  performance: {
    hints: 'error',
    maxEntrypointSize: 400 * 1024,
    maxAssetSize: 400 * 1024,
    // The core has a budget of its own, held by `npm run build:wasm`.
    assetFilter: (file) => !file.endsWith('.wasm'),
  },
});

/**
 * @param {string} name
 * @param {string} entry
 * @param {string} file
 * @returns {Configuration}
 */
const page = (name, entry, file) => ({
  name,
  target: 'web',
  mode: 'production',
  devtool: false,
  entry: path.join(root, entry),
  output: { path: path.join(dist, 'webview'), filename: `${file}.js` },
  resolve: { extensions: ['.ts', '.js'] },
  module: {
    rules: [
      typescript(path.join(root, 'extension/webview/tsconfig.json')),
      {
        test: /\.css$/,
        type: 'asset/resource',
        // What pages share keeps its name; the rest is the page's.
        generator: { filename: ({ filename = '' }) => (filename.endsWith('/page.css') ? 'page.css' : `${file}.css`) },
      },
    ],
  },
  performance: { hints: 'error', maxEntrypointSize: 600 * 1024, maxAssetSize: 600 * 1024 },
});

module.exports = [
  host('node', 'node'),
  host('webworker', 'web'),
  page('webview', 'extension/webview/main.ts', 'main'),
  page('usage', 'extension/webview/usage/main.ts', 'usage'),
  page('doctor', 'extension/webview/doctor/main.ts', 'doctor'),
];
