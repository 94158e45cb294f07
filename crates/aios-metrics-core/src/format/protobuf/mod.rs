//! Prometheus' protobuf format: `io.prometheus.client.MetricFamily`, one behind the other, each
//! behind its length
//! ([schema](https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto)).
//!
//! Written straight from the snapshot: what a generated type would hold is already there. The
//! numbers in the calls are those of the schema's fields.

mod native;
mod wire;

use std::time::Duration;

use self::native::write_native;
use self::wire::{delimited, double, message, sint, string, uint};
use super::Format;
use super::labels::{parse_escaped, unescape_into};
use crate::descriptor::Type;
use crate::snapshot::{ExemplarView, FamilyView, SeriesView, Snapshot, Value};

/// Prometheus' protobuf format, delimited `io.prometheus.client.MetricFamily`; with the feature
/// `protobuf`.
///
/// Counters stand by their full name, with `_total`. Every number is a `double`, so totals above
/// 2^53 are rounded. Native buckets and exemplars are shown, and times of creation where the registry keeps
/// them. A family without series is left out. Of the types that only attached registries have, unknown is
/// untyped and an info is a gauge.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::{Registry, format::Protobuf};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// registry.register_gauge("queue", "Jobs that wait", &[])?.set(&[], 1.0)?;
/// let mut page = Vec::new();
/// registry.encode(&Protobuf, &mut page);
/// assert_eq!(
///     page,
///     b"\x26\
///       \x0a\x05queue\
///       \x12\x0eJobs that wait\
///       \x18\x01\
///       \x22\x0b\x12\x09\x09\0\0\0\0\0\0\xf0\x3f"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Protobuf;

impl Format for Protobuf {
    fn content_type(&self) -> &'static str {
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
    }

    fn name(&self) -> &'static str {
        "protobuf"
    }

    fn encode(&self, snapshot: &Snapshot, out: &mut Vec<u8>) {
        for family in snapshot.families().filter(|family| family.series().len() > 0) {
            delimited(out, |out| write_family(family, out));
        }
    }
}

fn write_family(family: FamilyView<'_>, out: &mut Vec<u8>) {
    let descriptor = family.descriptor();
    string(1, descriptor.exposed_name().as_bytes(), out);
    string(2, descriptor.help().as_bytes(), out);
    uint(3, number_of(descriptor.ty()), out);
    for series in family.series() {
        message(4, out, |out| write_metric(family, series, out));
    }
}

/// A type in the schema's `MetricType`, which has none for infos.
fn number_of(ty: Type) -> u64 {
    match ty {
        Type::Counter => 0,
        Type::Gauge | Type::Info => 1,
        Type::Unknown => 3,
        Type::Histogram => 4,
    }
}

fn write_metric(family: FamilyView<'_>, series: SeriesView<'_>, out: &mut Vec<u8>) {
    let descriptor = family.descriptor();
    // Series of an attached registry have labels that their family's descriptor doesn't know.
    for (name, value) in parse_escaped(series.label_text()) {
        write_label(name.as_bytes(), value.as_bytes(), out);
    }
    match series.value() {
        Value::Histogram { buckets, sum } => {
            message(7, out, |out| write_histogram(descriptor.bounds(), series, (buckets, sum), out));
        }
        Value::Whole(whole) => write_number(descriptor.ty(), whole as f64, series, out),
        Value::Float(float) => write_number(descriptor.ty(), float, series, out),
    }
}

fn write_number(ty: Type, value: f64, series: SeriesView<'_>, out: &mut Vec<u8>) {
    let field = match ty {
        Type::Counter => 3,
        Type::Unknown => 5,
        Type::Gauge | Type::Info | Type::Histogram => 2,
    };
    message(field, out, |out| {
        double(1, value, out);
        // Only a counter has these.
        series.exemplars().for_each(|exemplar| message(2, out, |out| write_exemplar(exemplar, out)));
        write_time(3, series.created(), out);
    });
}

fn write_histogram(bounds: &[f64], series: SeriesView<'_>, (buckets, sum): (&[u64], f64), out: &mut Vec<u8>) {
    let native = series.native();
    // Native buckets must add up to the count. Those that are in flight would be missing there or in
    // the classic buckets, so these are held down to it.
    let of_all = |counts: &[u64]| counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let total = native.map_or_else(|| of_all(buckets), |native| native.count());
    uint(1, total, out);
    double(2, sum, out);
    let mut exemplars = series.exemplars().peekable();
    let mut cumulated = 0_u64;
    for (number, (&count, bound)) in buckets.iter().zip(bounds.iter().chain([&f64::INFINITY])).enumerate() {
        cumulated = cumulated.saturating_add(count);
        message(3, out, |out| {
            uint(1, if number == bounds.len() { total } else { cumulated.min(total) }, out);
            double(2, *bound, out);
            if let Some(exemplar) = exemplars.next_if(|next| next.bucket() == number) {
                message(3, out, |out| write_exemplar(exemplar, out));
            }
        });
    }
    if let Some(native) = native {
        sint(5, native.schema().into(), out);
        double(6, native.zero_threshold(), out);
        uint(7, native.zero_count(), out);
        write_native(9, || native.negative(), out);
        write_native(12, || native.positive(), out);
    }
    write_time(15, series.created(), out);
}

fn write_exemplar(exemplar: ExemplarView<'_>, out: &mut Vec<u8>) {
    for (name, value) in parse_escaped(exemplar.label_text()) {
        write_label(name.as_bytes(), value.as_bytes(), out);
    }
    double(2, exemplar.value(), out);
    write_time(3, exemplar.timestamp(), out);
}

/// A `LabelPair`, which both metrics and exemplars have as their first field. The value is given as
/// the text formats escape it.
fn write_label(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    message(1, out, |out| {
        string(1, name, out);
        message(2, out, |out| unescape_into(value, out));
    });
}

/// A `google.protobuf.Timestamp`, where the time is known.
fn write_time(field: u32, since_epoch: Option<Duration>, out: &mut Vec<u8>) {
    if let Some(time) = since_epoch {
        message(field, out, |out| {
            uint(1, time.as_secs(), out);
            uint(2, u64::from(time.subsec_nanos()), out);
        });
    }
}
