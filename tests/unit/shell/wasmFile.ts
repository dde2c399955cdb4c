/** Stands for the file of the core, which the bundler emits; tests that need the core itself are in tests/boundary. */
export default 'godoty_core.wasm';
