//! The GPUs, or nothing where their library isn't built in.

#[cfg(feature = "gpu")]
mod backend;
#[cfg(feature = "gpu")]
mod nvml;
#[cfg(feature = "gpu")]
pub(crate) use backend::probe;

// Tested in a build with the feature too.
#[cfg(any(test, not(feature = "gpu")))]
#[cfg_attr(feature = "gpu", allow(dead_code))]
mod disabled;
#[cfg(not(feature = "gpu"))]
pub(crate) use disabled::probe;
