//! Exemplars of attached registries, as they stand behind a sample.

use std::time::Duration;

use super::text::{Label, Labels};
use crate::metric::exemplar::MAX_CHARS;

/// What an exemplar says; its labels are borrowed from the reader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exemplar<'t, 'r> {
    pub(super) labels: &'r [Label<'t>],
    pub(super) value: f64,
    /// The time since the Unix epoch.
    pub(super) at: Option<Duration>,
}

/// Reads exemplars one after the other.
#[derive(Debug, Default)]
pub(super) struct Reader<'t>(Labels<'t>);

impl<'t> Reader<'t> {
    /// What stands behind a sample's `# `: labels, a value and perhaps a time. `None` when it can't be
    /// read, or is longer than may be.
    pub(super) fn read(&mut self, text: &'t str) -> Option<Exemplar<'t, '_>> {
        let rest = self.0.read(text.strip_prefix('{')?).ok()?;
        let mut numbers = rest.strip_prefix(' ')?.split(' ');
        let value = numbers.next()?.parse().ok()?;
        let at = match numbers.next() {
            Some(seconds) => Some(Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?),
            None => None,
        };
        let labels = self.0.pairs();
        let chars: usize = labels.iter().map(|(name, value)| name.len() + unescaped_chars(value)).sum();
        let is_good = numbers.next().is_none() && chars <= MAX_CHARS;
        is_good.then_some(Exemplar { labels, value, at })
    }
}

/// The characters of a value that is escaped.
fn unescaped_chars(value: &str) -> usize {
    let mut chars = value.chars();
    std::iter::from_fn(|| {
        // Behind a backslash stands the character that it escapes.
        if chars.next()? == '\\' { chars.next() } else { Some(' ') }
    })
    .count()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_exemplar_is_read_or_is_none() {
        let mut reader = Reader::default();
        let read = reader.read(r#"{a="x} \" 1",,b="",} 1.5 2.25"#).unwrap();
        assert_eq!((read.labels, read.value), (&[("a", r#"x} \" 1"#), ("b", "")][..], 1.5));
        assert_eq!(read.at, Some(Duration::from_millis(2_250)));
        let read = reader.read("{} NaN").unwrap();
        assert!(read.labels.is_empty() && read.value.is_nan() && read.at.is_none());
        for bad in
            ["", "{}", "{} ", "{} x", "{}1", "a=\"b\" 1", "{a=\"b\" 1", "{} 1 -2", "{} 1 inf", "{} 1 2 3"]
        {
            assert_eq!(reader.read(bad), None, "{bad}");
        }
    }

    #[test]
    fn as_many_characters_as_may_be_whatever_they_take() {
        let of = |value: String| Reader::default().read(&format!("{{id=\"{value}\"}} 1")).is_some();
        for one in ["x", "ß", r"\n", r#"\""#] {
            assert!(of(one.repeat(126)), "{one}");
            assert!(!of(one.repeat(127)), "{one}");
        }
    }
}
