//! The hardware probes, or nothing where they aren't built in.

#[cfg(feature = "hw")]
mod enabled;
#[cfg(feature = "hw")]
pub(crate) use enabled::Probes;

#[cfg(not(feature = "hw"))]
mod disabled;
#[cfg(not(feature = "hw"))]
pub(crate) use disabled::Probes;
