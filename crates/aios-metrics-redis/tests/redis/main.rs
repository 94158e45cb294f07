//! The publisher and its sink against real Redis servers that come late, die, hang and refuse.

#![cfg(feature = "fred")]

mod answers;
mod list;
mod outages;
mod support;
