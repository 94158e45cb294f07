//! Our registry and those of `prometheus-client`: theirs attached to ours, ours collected by theirs.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, LabelSetEncoder, MetricEncoder, NoLabelSet,
};
use prometheus_client::encoding::{EncodeLabelKey, EncodeLabelValue};
use prometheus_client::metrics::MetricType;

use super::{Inner, Registry};
use crate::bridge::{Attach, Rejected};
use crate::descriptor::{Descriptor, Kind};
use crate::format::labels::escape_label;
use crate::format::number::as_whole;
use crate::snapshot::{FamilyView, SeriesView, Snapshot, Value};
use crate::sync::lock;

impl Registry {
    /// Shows the metrics of a [`prometheus_client`] registry beside ours,
    /// in every format and in the document. What is registered there later is seen as well.
    ///
    /// Each snapshot encodes that registry and reads the text. Names are checked there, not here: our
    /// own families have precedence, whenever they are registered, and then those that were attached
    /// first. What can't stand on a valid page (a name that Prometheus does not accept, one that is
    /// taken, a label set that is there twice) is left out and counted in
    /// `aios_metrics_attached_rejected_total{reason}`
    /// (see [`register_self_metrics`](Self::register_self_metrics)); everything else is shown. Where
    /// that crate's encoder itself fails, as it does at a histogram with native buckets only, what it
    /// has not written by then is missing.
    ///
    /// A counter is called `a_total`, whether it was registered as `a` or as `a_total`. The calls by
    /// name of our registry don't know these metrics, and its cap on series does not hold for them.
    /// Exemplars are shown, except those that have more than 128 characters, which are counted as well.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use aios_metrics_core::{OpenMetricsText, Registry};
    /// use aios_metrics_core::prometheus_client::{metrics::counter::Counter, registry};
    ///
    /// let mut theirs = registry::Registry::default();
    /// let requests: Counter = Counter::default();
    /// theirs.register("requests", "Requests", requests.clone());
    ///
    /// let ours = Registry::new();
    /// ours.attach(Arc::new(theirs));
    /// requests.inc_by(3);
    ///
    /// let mut page = Vec::new();
    /// ours.encode(&OpenMetricsText, &mut page);
    /// assert_eq!(page, b"# TYPE requests counter\n# HELP requests Requests.\nrequests_total 3\n# EOF\n");
    /// ```
    pub fn attach(&self, registry: impl Attach) {
        self.0.attached.push(Arc::new(registry));
    }
}

thread_local! {
    /// The registry whose attached ones this thread is reading.
    static READING: Cell<*const Inner> = const { Cell::new(std::ptr::null()) };
}

impl Inner {
    /// Adds what is attached to a snapshot that holds our families, these as they were no earlier than
    /// at the given stand of their names.
    pub(super) fn add_attached(&self, names: u64, snapshot: &mut Snapshot) {
        struct Restore(*const Inner);
        impl Drop for Restore {
            fn drop(&mut self) {
                READING.set(self.0);
            }
        }
        let _restore = Restore(READING.replace(self));
        self.attached.collect(names, |name| lock(&self.changes).claims.contains_key(name), snapshot);
    }
}

/// Our families on a page of [`prometheus_client`], of which a clone of the
/// registry is registered as a collector.
///
/// What is attached to our registry is left out: it is in a registry of that crate already, maybe in
/// the very one that asks. So two registries can show each other, and each has everything once. Left
/// out are also exemplars, which a collector there can't hand over, and histograms with a negative bound or
/// sum, which OpenMetrics shows without `_sum`, and that encoder can't: these are counted in
/// `aios_metrics_attached_rejected_total{reason="collector"}`.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::Registry;
/// use aios_metrics_core::prometheus_client::{encoding::text, registry};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ours = Registry::new();
/// ours.register_counter("jobs_total", "Jobs", &["status"])?.inc(&["ok"])?;
///
/// let mut theirs = registry::Registry::with_prefix("worker");
/// theirs.register_collector(Box::new(ours.clone()));
/// let mut page = String::new();
/// text::encode(&mut page, &theirs)?;
/// assert!(page.contains("worker_jobs_total{status=\"ok\"} 1\n"));
/// # Ok(())
/// # }
/// ```
impl Collector for Registry {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // It is our own snapshot that asks, and has our families already.
        if std::ptr::eq(READING.get(), &*self.0) {
            return Ok(());
        }
        self.with_spare(|snapshot| {
            self.fill(snapshot, false);
            let rejected = self.0.attached.rejected();
            snapshot.families().try_for_each(|family| encode_family(family, &mut encoder, rejected))
        })
    }
}

fn encode_family(
    family: FamilyView<'_>,
    encoder: &mut DescriptorEncoder<'_>,
    rejected: &Rejected,
) -> fmt::Result {
    let descriptor = family.descriptor();
    let metric_type = match descriptor.kind() {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
    };
    if descriptor.bounds().first().is_some_and(|&lowest| lowest < 0.0) {
        rejected.note_collected(descriptor.name());
        return Ok(());
    }
    // It writes help as it is given.
    let mut help = Vec::with_capacity(descriptor.help().len());
    escape_label(descriptor.help(), &mut help);
    let help = String::from_utf8_lossy(&help);
    let mut family_encoder = encoder.encode_descriptor(descriptor.name(), &help, None, metric_type)?;
    for series in family.series() {
        if matches!(series.value(), Value::Histogram { sum, .. } if sum < 0.0) {
            rejected.note_collected(descriptor.name());
            continue;
        }
        let labels = Labels(series);
        if series.label_text().is_empty() {
            encode_value(series.value(), descriptor, &mut family_encoder)?;
        } else {
            encode_value(series.value(), descriptor, &mut family_encoder.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn encode_value(value: Value<'_>, descriptor: &Descriptor, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    let is_counter = descriptor.kind() == Kind::Counter;
    match value {
        Value::Whole(whole) if is_counter => encoder.encode_counter::<NoLabelSet, _, f64>(&whole, None),
        Value::Float(float) if is_counter => match as_whole(float) {
            Some(whole) => encoder.encode_counter::<NoLabelSet, _, f64>(&whole.unsigned_abs(), None),
            None => encoder.encode_counter::<NoLabelSet, _, f64>(&float, None),
        },
        Value::Whole(whole) => encoder.encode_gauge(&whole),
        Value::Float(float) => match as_whole(float) {
            Some(whole) => encoder.encode_gauge(&whole),
            None => encoder.encode_gauge(&float),
        },
        Value::Histogram { buckets, sum } => {
            let bounds = descriptor.bounds().iter().copied().chain([f64::INFINITY]);
            let count = buckets.iter().sum();
            let buckets: Vec<(f64, u64)> = bounds.zip(buckets.iter().copied()).collect();
            encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
        }
    }
}

/// The labels of a series, for their encoder.
struct Labels<'s>(SeriesView<'s>);

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        for (name, value) in self.0.labels() {
            let mut label = encoder.encode_label();
            let mut key = label.encode_label_key()?;
            EncodeLabelKey::encode(&name, &mut key)?;
            let mut encoder = key.encode_label_value()?;
            EncodeLabelValue::encode(&value, &mut encoder)?;
            encoder.finish()?;
        }
        Ok(())
    }
}
