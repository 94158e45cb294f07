//! The exporter's thread, or nothing where it isn't built in.

#[cfg(feature = "http")]
mod enabled;
#[cfg(feature = "http")]
mod ready;
#[cfg(feature = "http")]
mod web;
#[cfg(feature = "http")]
pub(super) use enabled::Exporter;

#[cfg(not(feature = "http"))]
mod disabled;
#[cfg(not(feature = "http"))]
pub(super) use disabled::Exporter;
