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
mod table;
mod timer;
mod transport;
mod usage;
mod value;
