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
  /** Whose calculator and price map the core's costs are held against, and whose proxy the client. */
  litellm: '1.106.2',
  /** The client by which LiteLLM's proxy reaches its database. */
  prismaPython: '0.15.0',
  /** The engine and generator of that client; its version is the one that prismaPython asks for. */
  prismaPackages: Object.freeze({
    '@prisma/adapter-pg': '5.17.0',
    '@prisma/client': '5.17.0',
    '@prisma/driver-adapter-utils': '5.17.0',
    graphql: '16.15.0',
    pg: '8.23.1',
    prisma: '5.17.0',
  }),
  /** The Node that code-server asks for. */
  codeServerNode: '24.19.0',
});
