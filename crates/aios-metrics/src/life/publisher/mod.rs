//! The publisher's thread, or nothing where it isn't built in.

#[cfg(feature = "redis")]
mod enabled;
#[cfg(feature = "redis")]
pub(super) use enabled::*;

#[cfg(not(feature = "redis"))]
mod disabled;
#[cfg(not(feature = "redis"))]
pub(super) use disabled::*;
