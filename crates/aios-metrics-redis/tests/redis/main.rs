//! The publisher and its sink against real Redis servers that come late, die, hang and refuse.

#![cfg(feature = "fred")]

mod answers;
mod contract;
mod list;
mod network;
mod outages;
mod places;
mod restarts;
mod support;
#[cfg(feature = "tls")]
mod tls;
