//! The protobuf page, line by line: every byte, and what it means.
//!
//! This reader knows the wire format and the schema's names; it shares nothing with the writer.

use std::fmt::Write;

#[derive(Clone, Copy)]
enum Type {
    Uint,
    Sint,
    Double,
    Text,
    PackedSints,
    Message(&'static str),
}

use Type::{Double, Message, PackedSints, Sint, Text, Uint};

/// The fields that we write, as the schema has them.
const SCHEMA: &[(&str, u64, &str, Type)] = &[
    ("MetricFamily", 1, "name", Text),
    ("MetricFamily", 2, "help", Text),
    ("MetricFamily", 3, "type", Uint),
    ("MetricFamily", 4, "metric", Message("Metric")),
    ("Metric", 1, "label", Message("LabelPair")),
    ("Metric", 2, "gauge", Message("Gauge")),
    ("Metric", 3, "counter", Message("Counter")),
    ("Metric", 5, "untyped", Message("Untyped")),
    ("Metric", 7, "histogram", Message("Histogram")),
    ("LabelPair", 1, "name", Text),
    ("LabelPair", 2, "value", Text),
    ("Gauge", 1, "value", Double),
    ("Untyped", 1, "value", Double),
    ("Counter", 1, "value", Double),
    ("Counter", 2, "exemplar", Message("Exemplar")),
    ("Counter", 3, "created_timestamp", Message("Timestamp")),
    ("Histogram", 1, "sample_count", Uint),
    ("Histogram", 2, "sample_sum", Double),
    ("Histogram", 3, "bucket", Message("Bucket")),
    ("Histogram", 5, "schema", Sint),
    ("Histogram", 6, "zero_threshold", Double),
    ("Histogram", 7, "zero_count", Uint),
    ("Histogram", 9, "negative_span", Message("BucketSpan")),
    ("Histogram", 10, "negative_delta", PackedSints),
    ("Histogram", 12, "positive_span", Message("BucketSpan")),
    ("Histogram", 13, "positive_delta", PackedSints),
    ("Histogram", 15, "created_timestamp", Message("Timestamp")),
    ("Bucket", 1, "cumulative_count", Uint),
    ("Bucket", 2, "upper_bound", Double),
    ("Bucket", 3, "exemplar", Message("Exemplar")),
    ("BucketSpan", 1, "offset", Sint),
    ("BucketSpan", 2, "length", Uint),
    ("Exemplar", 1, "label", Message("LabelPair")),
    ("Exemplar", 2, "value", Double),
    ("Exemplar", 3, "timestamp", Message("Timestamp")),
    ("Timestamp", 1, "seconds", Uint),
    ("Timestamp", 2, "nanos", Uint),
];

/// The page as text: for each field the bytes of its tag and of its length or number, its name, and
/// its value. Texts stand as they are, so nothing is lost.
pub(crate) fn dump(page: &[u8]) -> String {
    let (mut rest, mut out) = (page, String::new());
    while !rest.is_empty() {
        let start = rest;
        let body = delimited(&mut rest);
        line(&mut out, 0, &start[..start.len() - rest.len() - body.len()], "MetricFamily");
        fields("MetricFamily", body, 1, &mut out);
    }
    out
}

fn fields(message: &str, mut rest: &[u8], depth: usize, out: &mut String) {
    while !rest.is_empty() {
        let start = rest;
        let tag = varint(&mut rest);
        let known = SCHEMA.iter().find(|(of, number, ..)| *of == message && *number == tag >> 3);
        let Some(&(_, _, name, kind)) = known else { panic!("{message} has no field {}", tag >> 3) };
        let (wire, text, inner) = match kind {
            Uint => (0, varint(&mut rest).to_string(), &[][..]),
            Sint => (0, unzigzag(varint(&mut rest)).to_string(), &[][..]),
            Double => (1, format!("{:?}", double(&mut rest)), &[][..]),
            Text => {
                let text = delimited(&mut rest);
                (2, format!("{:?}", std::str::from_utf8(text).unwrap()), text)
            }
            PackedSints => {
                let mut body = delimited(&mut rest);
                let numbers: Vec<i64> = std::iter::from_fn(|| {
                    let any = !body.is_empty();
                    any.then(|| unzigzag(varint(&mut body)))
                })
                .collect();
                (2, format!("{numbers:?}"), &[][..])
            }
            Message(_) => {
                let body = delimited(&mut rest);
                (2, String::new(), body)
            }
        };
        assert_eq!(tag & 7, wire, "the wire type of {message}.{name}");
        let bytes = &start[..start.len() - rest.len() - inner.len()];
        line(out, depth, bytes, format!("{name} {text}").trim_end());
        if let Message(message) = kind {
            fields(message, inner, depth + 1, out);
        }
    }
}

fn line(out: &mut String, depth: usize, bytes: &[u8], text: &str) {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(out, "{:>width$}{text:<40} {}", "", hex.join(" "), width = 2 * depth).unwrap();
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            assert!(byte > 0 || shift == 0, "a number is written in as few bytes as it takes");
            return value;
        }
    }
    panic!("a number of more than ten bytes");
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn double(rest: &mut &[u8]) -> f64 {
    f64::from_le_bytes(take(rest, 8).try_into().unwrap())
}

fn delimited<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let len = varint(rest) as usize;
    take(rest, len)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, tail) = rest.split_at_checked(len).expect("the page is whole");
    *rest = tail;
    taken
}
