//! A fence of which one side pays almost everything: many threads announce what they do all the time, and
//! now and then one wants to know what they have announced.
//!
//! A thread that [`announce`]s a value and then reads, and another one that writes and then calls
//! [`overtake`], never miss each other: either the second sees the announcement, or what the first reads
//! from then on is what the second has written.

#[cfg(all(target_os = "linux", not(any(loom, tsan))))]
mod asymmetric;
mod symmetric;

#[cfg(all(target_os = "linux", not(any(loom, tsan))))]
pub(crate) use asymmetric::{announce, overtake, prepare};
#[cfg(not(all(target_os = "linux", not(any(loom, tsan)))))]
pub(crate) use symmetric::{announce, overtake, prepare};
