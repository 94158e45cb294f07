//! Numbers as the text formats write them.

use std::time::Duration;

use super::writer::Writer;

/// Appends a whole number.
#[inline]
pub(crate) fn write_whole(value: u64, out: &mut Writer<'_>) {
    out.put(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a sample's value: whole numbers without a point, others in the shortest form that reads
/// back as the same number.
#[inline]
pub(crate) fn write_value(value: f64, out: &mut Writer<'_>) {
    match as_whole(value) {
        Some(whole) => out.put(itoa::Buffer::new().format(whole).as_bytes()),
        None => write_float(value, out),
    }
}

/// Appends a number that always shows that it is a float, as `le` does: `1.0`, `+Inf`.
pub(crate) fn write_float(value: f64, out: &mut Writer<'_>) {
    if value.is_finite() {
        out.put(zmij::Buffer::new().format_finite(value).as_bytes());
    } else if value.is_nan() {
        out.put(b"NaN");
    } else {
        out.put(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    }
}

/// Appends a time in seconds, to the millisecond.
pub(crate) fn write_seconds(time: Duration, out: &mut Writer<'_>) {
    write_value(time.as_millis() as f64 / 1e3, out);
}

/// The value as a whole number, below 10^16: from there on the shortest form has an exponent.
#[inline]
pub(crate) fn as_whole(value: f64) -> Option<i64> {
    const LIMIT: f64 = 1e16;
    let whole = value as i64;
    // The comparison of bits keeps -0.0 what it is.
    (value.abs() < LIMIT && (whole as f64).to_bits() == value.to_bits()).then_some(whole)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn value(value: f64) -> String {
        let mut out = Vec::new();
        write_value(value, &mut Writer::new(&mut out));
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn values_are_written_shortest() {
        for (given, expected) in [
            (0.0, "0"),
            (-0.0, "-0.0"),
            (17.0, "17"),
            (-3.0, "-3"),
            (0.1, "0.1"),
            (1e-7, "1e-7"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (-9_999_999_999_999_998.0, "-9999999999999998"),
            (1e16, "1e+16"),
            (1e300, "1e+300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(value(given), expected);
        }
    }

    #[test]
    fn a_bound_is_always_a_float() {
        let mut out = Vec::new();
        write_float(1.0, &mut Writer::new(&mut out));
        assert_eq!(out, b"1.0");
    }
}
