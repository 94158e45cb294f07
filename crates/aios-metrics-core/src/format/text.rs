//! What both text formats share: the parts of a family's text that never change, rendered when it
//! is registered, and the walk that copies them and writes the numbers.

use super::labels::{Pieces, escape};
use super::number::{write_float, write_seconds, write_value, write_whole};
use super::writer::Writer;
use crate::descriptor::{Kind, Type};
use crate::snapshot::{ExemplarView, FamilyView, SeriesView, Snapshot, Value};

/// What tells the two text formats apart.
pub(crate) trait Dialect {
    /// Whether exemplars and times of creation are shown.
    const EXTRAS: bool;

    /// What stands above the samples of a family.
    fn head(family: &Rendered) -> &[u8];

    /// Whether a histogram with these bounds and this sum shows `_sum` and `_count`.
    fn shows_sum(bounds: &[f64], sum: f64) -> bool;
}

/// Writes every family.
pub(crate) fn write_families<D: Dialect>(snapshot: &Snapshot, out: &mut Vec<u8>) {
    let out = &mut Writer::new(out);
    for family in snapshot.families() {
        let descriptor = family.descriptor();
        out.put(D::head(descriptor.rendered()));
        match descriptor.kind() {
            Kind::Histogram => write_histograms::<D>(family, out),
            _ => write_scalars::<D>(family, out),
        }
    }
}

fn write_scalars<D: Dialect>(family: FamilyView<'_>, out: &mut Writer<'_>) {
    let name = family.descriptor().exposed_name().as_bytes();
    for series in family.series() {
        let labels = series.label_bytes();
        out.put(name);
        out.put(labels);
        out.put_byte(b' ');
        write_number(series.value(), out);
        if D::EXTRAS {
            series.exemplars().for_each(|exemplar| write_exemplar(exemplar, out));
        }
        out.put_byte(b'\n');
        if D::EXTRAS {
            write_created(family, series, out);
        }
    }
}

fn write_number(value: Value<'_>, out: &mut Writer<'_>) {
    match value {
        Value::Whole(whole) => write_whole(whole, out),
        Value::Float(float) => write_value(float, out),
        Value::Histogram { .. } => {}
    }
}

fn write_histograms<D: Dialect>(family: FamilyView<'_>, out: &mut Writer<'_>) {
    let parts = family.descriptor().rendered();
    for series in family.series() {
        let labels = series.label_bytes();
        let Value::Histogram { buckets, sum } = series.value() else { continue };
        // Without labels there is nothing for the comma of a tail to separate.
        let (open_labels, skipped) = labels.strip_suffix(b"}").map_or((b"{".as_slice(), 1), |open| (open, 0));
        let mut exemplars = D::EXTRAS.then(|| series.exemplars().peekable());
        let mut cumulated = 0_u64;
        for (bucket, (&count, tail)) in buckets.iter().zip(&parts.bucket_tails).enumerate() {
            let tail = &tail[skipped..];
            cumulated = cumulated.saturating_add(count);
            out.put(&parts.bucket_name);
            out.put(open_labels);
            out.put(tail);
            write_whole(cumulated, out);
            let exemplar = exemplars.as_mut().and_then(|all| all.next_if(|next| next.bucket() == bucket));
            if let Some(exemplar) = exemplar {
                write_exemplar(exemplar, out);
            }
            out.put_byte(b'\n');
        }
        if D::shows_sum(family.descriptor().bounds(), sum) {
            for (name, value) in
                [(&parts.sum_name, Value::Float(sum)), (&parts.count_name, Value::Whole(cumulated))]
            {
                out.put(name);
                out.put(labels);
                out.put_byte(b' ');
                write_number(value, out);
                out.put_byte(b'\n');
            }
        }
        if D::EXTRAS {
            write_created(family, series, out);
        }
    }
}

/// Behind the other samples of its series, where the time is known: `jobs_created{status="ok"} 1700000000`.
fn write_created(family: FamilyView<'_>, series: SeriesView<'_>, out: &mut Writer<'_>) {
    if let Some(created) = series.created() {
        out.put(family.descriptor().name().as_bytes());
        out.put(b"_created");
        out.put(series.label_bytes());
        out.put_byte(b' ');
        write_seconds(created, out);
        out.put_byte(b'\n');
    }
}

/// Behind the sample to which it belongs: ` # {trace_id="4bf9"} 0.25 1700000000.123`.
fn write_exemplar(exemplar: ExemplarView<'_>, out: &mut Writer<'_>) {
    out.put(b" # ");
    out.put(exemplar.label_bytes());
    out.put_byte(b' ');
    write_value(exemplar.value(), out);
    if let Some(at) = exemplar.timestamp() {
        out.put_byte(b' ');
        write_seconds(at, out);
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
    write_float(bound, &mut Writer::new(&mut tail));
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
