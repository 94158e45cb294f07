//! TLS, passwords and tokens, where the build has them.

#[cfg(feature = "tls")]
mod enabled;
#[cfg(feature = "tls")]
pub(super) use enabled::configure;

#[cfg(not(feature = "tls"))]
mod disabled;
#[cfg(not(feature = "tls"))]
pub(super) use disabled::configure;
