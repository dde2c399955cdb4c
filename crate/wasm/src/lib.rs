//! WebAssembly bindings of the Godoty core: they convert and fetch, and decide nothing.
