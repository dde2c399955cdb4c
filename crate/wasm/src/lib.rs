//! WebAssembly bindings of the Godoty core: they convert and fetch, and decide nothing.
//!
//! No `std`: its panics end in the same trap, after writing a message that nothing in WebAssembly shows.
#![cfg_attr(all(target_family = "wasm", not(test)), no_std)]

extern crate alloc;

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
mod table;
mod task;
mod timer;
mod transport;
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

/// A panic is a trap, and a trap is an exception in JavaScript.
#[cfg(all(target_family = "wasm", not(test)))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
