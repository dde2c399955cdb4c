/**
 * Every tool version that the set-up installs, in one place.
 * npm packages are pinned by package-lock.json, crates by Cargo.lock.
 */
export const versions = Object.freeze({
  /** The lowest Node on the machine that runs the scripts and the tests. */
  nodeMajor: 20,
  /** The lowest Python; it builds code-server's native modules. */
  python: [3, 11],
  /** Used when rust-toolchain.toml names no channel. */
  rust: '1.95.0',
  rustTarget: 'wasm32-unknown-unknown',
  wasmPack: '0.15.1',
  /** Must equal the `wasm-bindgen` library in Cargo.toml. */
  wasmBindgen: '0.2.130',
  /** The real VS Code workbench as an npm package: 4.139.1 is VS Code 1.139. */
  codeServer: '4.139.1',
  /** Whose calculator and price map the core's costs are held against. */
  litellm: '1.106.2',
  /** The Node that code-server asks for. */
  codeServerNode: '24.19.0',
});
