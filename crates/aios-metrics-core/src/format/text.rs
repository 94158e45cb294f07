//! What both text formats share: the parts of a family's text that never change, rendered when it
//! is registered, and the walk that copies them and writes the numbers.

use super::labels::{Pieces, escape};
use super::number::{write_float, write_value, write_whole};
use crate::descriptor::{Kind, Type};
use crate::snapshot::{FamilyView, Snapshot, Value};

/// Writes every family behind the head that `head` chooses; `shows_sum` tells from the bounds and
/// the sum of a histogram whether it has `_sum` and `_count`.
pub(crate) fn write_families(
    snapshot: &Snapshot,
    out: &mut Vec<u8>,
    head: impl Fn(&Rendered) -> &[u8],
    shows_sum: impl Fn(&[f64], f64) -> bool,
) {
    for family in snapshot.families() {
        let descriptor = family.descriptor();
        out.extend_from_slice(head(descriptor.rendered()));
        match descriptor.kind() {
            Kind::Histogram => {
                write_histograms(family, |sum| shows_sum(descriptor.bounds(), sum), out);
            }
            _ => write_scalars(family, descriptor.exposed_name().as_bytes(), out),
        }
    }
}

/// The longest number: a sign, 17 digits, point and exponent, or 20 digits.
const NUMBER: usize = 32;

fn write_scalars(family: FamilyView<'_>, name: &[u8], out: &mut Vec<u8>) {
    for series in family.series() {
        let labels = series.label_bytes();
        out.reserve(name.len() + labels.len() + NUMBER);
        out.extend_from_slice(name);
        out.extend_from_slice(labels);
        out.push(b' ');
        write_number(series.value(), out);
        out.push(b'\n');
    }
}

fn write_number(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Whole(whole) => write_whole(whole, out),
        Value::Float(float) => write_value(float, out),
        Value::Histogram { .. } => {}
    }
}

fn write_histograms(family: FamilyView<'_>, shows_sum: impl Fn(f64) -> bool, out: &mut Vec<u8>) {
    let parts = family.descriptor().rendered();
    for series in family.series() {
        let labels = series.label_bytes();
        let Value::Histogram { buckets, sum } = series.value() else { continue };
        // Without labels there is nothing for the comma of a tail to separate.
        let (open_labels, skipped) = labels.strip_suffix(b"}").map_or((b"{".as_slice(), 1), |open| (open, 0));
        let mut cumulated = 0_u64;
        for (&count, tail) in buckets.iter().zip(&parts.bucket_tails) {
            let tail = &tail[skipped..];
            cumulated = cumulated.saturating_add(count);
            out.reserve(parts.bucket_name.len() + labels.len() + tail.len() + NUMBER);
            out.extend_from_slice(&parts.bucket_name);
            out.extend_from_slice(open_labels);
            out.extend_from_slice(tail);
            write_whole(cumulated, out);
            out.push(b'\n');
        }
        if shows_sum(sum) {
            for (name, value) in
                [(&parts.sum_name, Value::Float(sum)), (&parts.count_name, Value::Whole(cumulated))]
            {
                out.extend_from_slice(name);
                out.extend_from_slice(labels);
                out.push(b' ');
                write_number(value, out);
                out.push(b'\n');
            }
        }
    }
}

/// What both text formats need of a family.
pub(crate) struct Rendered {
    /// HELP and TYPE as in text 0.0.4.
    pub(crate) prometheus_head: Box<[u8]>,
    /// TYPE and HELP as in OpenMetrics.
    pub(crate) openmetrics_head: Box<[u8]>,
    /// The constant parts of its label texts.
    pub(crate) pieces: Pieces,
    /// Behind the labels of each bucket: `,le="0.5"} `.
    pub(crate) bucket_tails: Box<[Box<[u8]>]>,
    /// Names of the samples of a histogram.
    pub(crate) bucket_name: Box<[u8]>,
    pub(crate) sum_name: Box<[u8]>,
    pub(crate) count_name: Box<[u8]>,
}

impl Rendered {
    pub(crate) fn new(
        name: &str,
        exposed: &str,
        help: &str,
        ty: Type,
        labels: &[&str],
        bounds: &[f64],
        unit: Option<&str>,
    ) -> Self {
        let tails = |bounds: &[f64]| bounds.iter().copied().map(bucket_tail).collect();
        let histogram = ty == Type::Histogram;
        let with = |suffix: &str| {
            if histogram { format!("{name}{suffix}").into_bytes().into() } else { Box::default() }
        };
        Self {
            prometheus_head: prometheus_head(exposed, help, ty),
            openmetrics_head: openmetrics_head(name, help, ty, unit),
            pieces: Pieces::new(labels),
            bucket_tails: if histogram {
                tails(&[bounds, &[f64::INFINITY]].concat())
            } else {
                Box::default()
            },
            bucket_name: with("_bucket"),
            sum_name: with("_sum"),
            count_name: with("_count"),
        }
    }
}

fn bucket_tail(bound: f64) -> Box<[u8]> {
    let mut tail = b",le=\"".to_vec();
    write_float(bound, &mut tail);
    tail.extend_from_slice(b"\"} ");
    tail.into()
}

/// In text 0.0.4 help escapes `\` and newline. It has no units.
fn prometheus_head(exposed: &str, help: &str, ty: Type) -> Box<[u8]> {
    let mut head = format!("# HELP {exposed} ").into_bytes();
    escape(help, &mut head, |byte| match byte {
        b'\\' => Some(b"\\\\"),
        b'\n' => Some(b"\\n"),
        _ => None,
    });
    head.extend_from_slice(format!("\n# TYPE {exposed} {}\n", ty.prometheus_name()).as_bytes());
    head.into()
}

/// In OpenMetrics help escapes quotes too.
fn openmetrics_head(name: &str, help: &str, ty: Type, unit: Option<&str>) -> Box<[u8]> {
    let mut head = format!("# TYPE {name} {}\n", ty.openmetrics_name()).into_bytes();
    if let Some(unit) = unit {
        head.extend_from_slice(format!("# UNIT {name} {unit}\n").as_bytes());
    }
    head.extend_from_slice(format!("# HELP {name} ").as_bytes());
    super::labels::escape_label(help, &mut head);
    head.push(b'\n');
    head.into()
}
