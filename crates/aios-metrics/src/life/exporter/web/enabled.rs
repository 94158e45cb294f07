//! The exporter asks for what the web configuration says, in a file or in code.

use std::net::SocketAddr;

use aios_metrics_http::{Exporter, WebConfig};

use crate::config::MetricsConfig;
use crate::error::StartError;
use crate::metrics::AiosMetrics;

/// Reads the file, if one is configured.
pub(in crate::life::exporter) fn configure(
    exporter: Exporter,
    config: &MetricsConfig,
) -> Result<Exporter, StartError> {
    match &config.web_config_file {
        None => Ok(exporter),
        Some(path) => Ok(exporter.with_web_config_file(path)?),
    }
}

impl AiosMetrics {
    /// The same as [`start_http_server`](Self::start_http_server) with what it asks its clients for, TLS,
    /// passwords or tokens, set in code. A file that is configured is not read.
    ///
    /// # Errors
    ///
    /// As for [`start_http_server`](Self::start_http_server), with the name that the field has in a file,
    /// and [`StartError::AlreadyRunning`] whenever the exporter runs: it would go on asking for what it
    /// did.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use aios_metrics::http::{Auth, WebConfig};
    /// use aios_metrics::{AiosMetrics, MetricsConfig};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = MetricsConfig::default().with_http_host("127.0.0.1").with_http_port(0).with_redis_enabled(false);
    /// let metrics = AiosMetrics::new(config)?;
    /// let token = "1f0c67d2b8e94a35"; // from where your secrets are
    /// metrics.start_http_server_with(WebConfig::default().with_auth(Auth::default().with_bearer_token(token)))?;
    /// metrics.stop(Duration::from_secs(5));
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_http_server_with(&self, web: WebConfig) -> Result<SocketAddr, StartError> {
        let mut parts = self.inner.life.parts()?;
        if let Some(running) = &parts.exporter {
            return Err(StartError::AlreadyRunning { addr: running.addr });
        }
        let config = self.config();
        self.start_exporter(&mut parts, &config.http_host, config.http_port, |server| {
            Ok(server.with_web_config(web)?)
        })
    }
}
