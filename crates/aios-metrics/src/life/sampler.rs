//! The thread that reads the hardware.

use crossbeam_channel::RecvTimeoutError;

use super::part::Part;
use crate::config::MetricsConfig;
use crate::error::StartError;
use crate::probes::Probes;

/// Reads now, and then every `hardware_interval_s`.
pub(super) fn start(config: &MetricsConfig, probes: Probes) -> Result<Part, StartError> {
    let interval = MetricsConfig::seconds(config.hardware_interval_s);
    // The first scrape and the first document have figures too.
    probes.refresh();
    Part::start("sampler", move |told| {
        while let Err(RecvTimeoutError::Timeout) = told.recv_timeout(interval) {
            probes.refresh();
        }
    })
}
