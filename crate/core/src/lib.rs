//! The pure core of Godoty.
//!
//! No I/O, no clock, no randomness and no JavaScript: time, entropy and bytes are arguments, effects are data.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod auth;
mod base64url;
pub mod catalog;
pub mod chat;
pub mod cost;
pub mod device;
pub mod error;
pub mod http;
pub mod json;
pub mod network;
pub mod oauth;
pub mod probe;
pub mod retry;
pub mod secret;
pub mod session;
pub mod sse;
mod text;
pub mod usage;
