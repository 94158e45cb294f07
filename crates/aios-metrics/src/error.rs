//! Why a background part was not started.

use std::io;
use std::net::SocketAddr;

use aios_metrics_core::RegisterError;

/// Why the exporter or the publisher was not started. What ran before still runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The exporter listens on another address already.
    #[error("the exporter is already running on {addr}; it listens on one address only")]
    AlreadyRunning {
        /// Where it listens.
        addr: SocketAddr,
    },
    /// A publisher with another sink runs already.
    #[error("a publisher is already running; an instance publishes to one sink only")]
    PublisherRunning,
    /// `stop` was called before.
    #[error("the metrics were stopped; what was stopped can't be started again, make a new AiosMetrics")]
    Stopped,
    /// The address can't be listened on.
    #[error("can't listen on {host}:{port}: {source}; expected an address of this machine and a free port")]
    Bind {
        /// The host as given.
        host: String,
        /// The port as given.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no thread.
    #[error("can't start the {part} thread: {source}")]
    Thread {
        /// Which part's.
        part: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A self-metric's name is taken.
    #[error("can't register the metrics of the {part}: {source}")]
    Register {
        /// Which part's.
        part: &'static str,
        /// Which name, and by what it is taken.
        source: RegisterError,
    },
    /// A setting that was usable when the configuration was checked and no longer is, such as a file
    /// that has gone.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The file that [`web_config_file`](crate::MetricsConfig::web_config_file) names can't be used, or what
    /// was given in code.
    #[cfg(all(feature = "http", feature = "tls"))]
    #[error("{source} can't be used: {0}", source = source_of(.0))]
    WebConfig(#[from] aios_metrics_http::WebConfigError),
    /// A setting that this build can't honour, and must not ignore.
    #[error(
        "{setting} is set, but this build does not support it: unset it, or build with the feature `tls`"
    )]
    Unsupported {
        /// The environment variable.
        setting: &'static str,
    },
}

#[cfg(all(feature = "http", feature = "tls"))]
fn source_of(error: &aios_metrics_http::WebConfigError) -> &'static str {
    if error.file().is_some() { "METRICS_WEB_CONFIG_FILE" } else { "the web configuration" }
}
