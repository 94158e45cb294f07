//! Without the feature `tls` nobody can be asked who it is.

use aios_metrics_http::Exporter;

use crate::config::MetricsConfig;
use crate::error::StartError;

/// Never plain HTTP where TLS or passwords were asked for.
pub(in crate::life::exporter) fn configure(
    exporter: Exporter,
    config: &MetricsConfig,
) -> Result<Exporter, StartError> {
    match config.web_config_file {
        None => Ok(exporter),
        Some(_) => Err(StartError::Unsupported { setting: "METRICS_WEB_CONFIG_FILE" }),
    }
}
