//! The thread that reads the hardware; it runs while the exporter or the publisher does.

use std::sync::atomic::Ordering;

use crossbeam_channel::RecvTimeoutError;

use super::Parts;
use super::part::Part;
use crate::config::MetricsConfig;
use crate::error::StartError;
use crate::metrics::AiosMetrics;
use crate::probes::Probes;

impl AiosMetrics {
    /// Reads the hardware now, and from now on every `hardware_interval_s` on a thread of its own.
    pub(super) fn start_sampler(&self, parts: &mut Parts) -> Result<(), StartError> {
        if !Probes::PRESENT || parts.sampler.is_some() {
            return Ok(());
        }
        let probes = self.inner.probes.clone();
        let interval = MetricsConfig::seconds(self.config().hardware_interval_s);
        // So that the first scrape and the first document have figures too.
        probes.refresh();
        parts.sampler = Some(Part::start("sampler", move |told| {
            while let Err(RecvTimeoutError::Timeout) = told.recv_timeout(interval) {
                probes.refresh();
            }
        })?);
        self.inner.life.sampling.store(true, Ordering::Relaxed);
        Ok(())
    }
}
