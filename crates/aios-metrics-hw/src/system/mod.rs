//! The probes of the system that this is built for.
//!
//! Each system's module has the same surface, `probe(name, options)`.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;

#[cfg(all(fuzzing, target_os = "linux"))]
pub(crate) use linux::check_parsers;
#[cfg(target_os = "linux")]
pub(crate) use linux::probe;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::probe;
