//! WebAssembly bindings of the Godoty core: they convert and fetch, and decide nothing.

mod answers;
mod cancel;
mod chat;
mod client;
mod decoder;
mod driver;
mod error;
mod host;
mod oneshot;
mod overview;
mod probe;
mod table;
mod task;
mod timer;
mod transport;
mod trap;
mod usage;
mod value;

/// Constant time for each allocation, in a fifth of the size of the default one.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: rlsf::GlobalTlsf<Options> = rlsf::GlobalTlsf::new();

/// Memory that was grown in steps is one; growing a block in place is not worth its code.
#[cfg(target_family = "wasm")]
struct Options;

#[cfg(target_family = "wasm")]
impl rlsf::GlobalTlsfOptions for Options {
    const ENABLE_REALLOCATION: bool = false;
}
