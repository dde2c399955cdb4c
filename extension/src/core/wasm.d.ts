/** The bundler emits the core beside the bundles and gives its file name. */
declare module '*.wasm' {
  const fileName: string;
  export default fileName;
}
