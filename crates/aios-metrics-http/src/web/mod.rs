//! How a client gets in: in plain or by TLS, known or not.
//!
//! With the feature `tls` all of that can be asked for; without it everybody gets in.

#[cfg(feature = "tls")]
mod auth;
#[cfg(feature = "tls")]
mod config;
#[cfg(feature = "tls")]
mod error;
#[cfg(feature = "tls")]
mod file;
#[cfg(feature = "tls")]
mod guard;
#[cfg(feature = "tls")]
mod headers;
#[cfg(feature = "tls")]
mod live;
#[cfg(feature = "tls")]
mod pem;
#[cfg(feature = "tls")]
mod rate;
#[cfg(feature = "tls")]
mod stats;
#[cfg(feature = "tls")]
mod tls;

#[cfg(feature = "tls")]
mod enabled;
#[cfg(feature = "tls")]
pub(crate) use enabled::Entrance;
#[cfg(all(fuzzing, feature = "tls"))]
pub(crate) use file::parse_config;
#[cfg(feature = "tls")]
pub use {
    auth::Auth,
    config::WebConfig,
    error::{WebConfigError, WebConfigProblem},
    pem::Pem,
    rate::RateLimit,
    tls::{ClientAuth, ServerTls, TlsVersion},
};

#[cfg(not(feature = "tls"))]
mod disabled;
#[cfg(not(feature = "tls"))]
pub(crate) use disabled::Entrance;
