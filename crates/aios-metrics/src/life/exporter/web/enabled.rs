//! The exporter asks for what the web configuration's file says.

use aios_metrics_http::Exporter;

use crate::config::MetricsConfig;
use crate::error::StartError;

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
