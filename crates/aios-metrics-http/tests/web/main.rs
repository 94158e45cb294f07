//! TLS, passwords, tokens and the file that asks for them.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../common/mod.rs"]
mod common;
mod support;

mod auth;
mod clients;
mod files;
mod flood;
mod limits;
mod reload;
mod tls;
