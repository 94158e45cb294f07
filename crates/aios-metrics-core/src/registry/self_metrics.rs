//! What a registry tells of itself.

use std::sync::{Arc, Weak};

use super::{Inner, Registry};
use crate::bridge::Reason;
use crate::collect::Collect;
use crate::descriptor::Descriptor;
use crate::error::RegisterError;
use crate::snapshot::Snapshot;
use crate::storage::Section;
use crate::sync::Ordering;

impl Registry {
    /// Adds the registry's figures of itself to every snapshot: `aios_metrics_series{family}`,
    /// `aios_metrics_series_overflow_total{family}`, `aios_metrics_dropped_labels_total{family}`,
    /// `aios_metrics_native_clamped_total{family}` and `aios_metrics_rejected_updates_total{reason}`.
    /// Once something is [attached](Registry::attach), `aios_metrics_attached_rejected_total{reason}` is
    /// there too.
    ///
    /// `aios_metrics_series` counts what takes memory: also series that are hidden since they are idle
    /// ([`expire_after`](crate::Family::expire_after)), and the overflow series.
    ///
    /// # Errors
    ///
    /// [`RegisterError::Conflict`] when one of those names is taken, by an earlier call for one.
    pub fn register_self_metrics(&self) -> Result<(), RegisterError> {
        let family = ["family"].as_slice();
        self.register(SelfMetrics {
            registry: Arc::downgrade(&self.0),
            series: Descriptor::gauge("aios_metrics_series", "Series of each family", family)?,
            overflow: Descriptor::counter(
                "aios_metrics_series_overflow_total",
                "Updates that went to the overflow series, by family; families without any are left out",
                family,
            )?,
            dropped: Descriptor::counter(
                "aios_metrics_dropped_labels_total",
                "Updates whose labels were dropped because the family has none; families without any are left out",
                family,
            )?,
            clamped: Descriptor::counter(
                "aios_metrics_native_clamped_total",
                "Observations beyond the range of native buckets, by family; families without any are left out",
                family,
            )?,
            rejected: Descriptor::counter(
                "aios_metrics_rejected_updates_total",
                "Values and exemplars of updates that were refused",
                &["reason"],
            )?,
            attached: Descriptor::counter(
                "aios_metrics_attached_rejected_total",
                "Families and samples of attached registries that were left out, anew in each snapshot",
                &["reason"],
            )?,
        })
    }
}

struct SelfMetrics {
    registry: Weak<Inner>,
    series: Descriptor,
    overflow: Descriptor,
    dropped: Descriptor,
    clamped: Descriptor,
    rejected: Descriptor,
    attached: Descriptor,
}

impl Collect for SelfMetrics {
    fn describe(&self) -> Vec<Descriptor> {
        let Self { registry: _, series, overflow, dropped, clamped, rejected, attached } = self;
        [series, overflow, dropped, clamped, rejected, attached].map(Clone::clone).into()
    }

    fn collect(&self, snapshot: &mut Snapshot) {
        let Some(registry) = self.registry.upgrade() else { return };
        let names = registry.attached.names();
        let _section = Section::enter();
        let registered = || registry.families.iter().filter(|family| family.since <= names);
        let families = || registered().map(|family| &family.series);

        let mut series = snapshot.family(&self.series);
        for family in families() {
            series.gauge(&[family.descriptor().exposed_name()], family.len() as f64);
        }
        let mut overflow = snapshot.family(&self.overflow);
        for family in families().filter(|family| family.overflowed() > 0) {
            overflow.counter(&[family.descriptor().exposed_name()], family.overflowed());
        }
        let mut dropped = snapshot.family(&self.dropped);
        for family in families().filter(|family| family.dropped_labels() > 0) {
            dropped.counter(&[family.descriptor().exposed_name()], family.dropped_labels());
        }
        let mut clamped = snapshot.family(&self.clamped);
        for family in families().filter(|family| family.clamped() > 0) {
            clamped.counter(&[family.descriptor().exposed_name()], family.clamped());
        }
        snapshot
            .family(&self.rejected)
            .counter(&["counter_amount"], registry.refused.amounts.load(Ordering::Relaxed))
            .counter(&["histogram_value"], registry.refused.observations.load(Ordering::Relaxed))
            .counter(&["rolling_value"], registry.rolling.refused())
            .counter(&["exemplar"], registry.refused.exemplars.load(Ordering::Relaxed));
        let rejected = registry.attached.rejected();
        if !registry.attached.is_empty() || rejected.count(Reason::Collector) > 0 {
            let mut attached = snapshot.family(&self.attached);
            for reason in Reason::ALL {
                attached.counter(&[reason.as_str()], rejected.count(reason));
            }
        }
    }
}
