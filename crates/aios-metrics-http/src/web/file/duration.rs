//! Times as Go writes them.

use std::time::Duration;

const UNITS: [(&str, f64); 8] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("\u{b5}s", 1e-6),
    ("\u{3bc}s", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// Numbers with units, such as `1m30s`, or `0`; `None` for anything else.
pub(super) fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == &rest[..end])?;
        rest = &rest[end..];
        total = total.checked_add(Duration::try_from_secs_f64(number * unit).ok()?)?;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let ms = |ms| Some(Duration::from_millis(ms));
        for (text, expected) in [
            ("0", ms(0)),
            ("0s", ms(0)),
            ("1s", ms(1000)),
            ("500ms", ms(500)),
            ("1.5s", ms(1500)),
            ("1m30s", ms(90_000)),
            ("2h", ms(7_200_000)),
            ("250us", Some(Duration::from_micros(250))),
            ("", None),
            ("1", None),
            ("s", None),
            ("1.2.3s", None),
            ("-1s", None),
            ("1d", None),
            ("1s ", None),
            ("9e99h", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }
}
