//! Clients that mean harm, or behave as if they did: meanwhile a good one is served, and memory stays
//! within bounds. Each test prints its figures; `--no-capture` shows them.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stdout, reason = "figures are for people")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../aios-metrics-core/tests/counting/mod.rs"]
mod counting;
#[cfg(feature = "tls")]
#[allow(dead_code, reason = "the tests of what clients are asked for use the rest")]
#[path = "../web/support/mod.rs"]
mod support;

mod clients;
#[cfg(feature = "tls")]
mod encrypted;
mod readers;
mod scrapes;
mod target;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;
