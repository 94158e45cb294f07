//! The GPUs, or nothing where their library isn't built in.

#[cfg(feature = "gpu")]
mod backend;
#[cfg(feature = "gpu")]
mod nvml;
#[cfg(feature = "gpu")]
pub(crate) use backend::probe;

#[cfg(not(feature = "gpu"))]
mod disabled;
#[cfg(not(feature = "gpu"))]
pub(crate) use disabled::probe;
