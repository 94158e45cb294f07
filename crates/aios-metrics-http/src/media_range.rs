//! The `Accept` header, taken apart.

/// The parameters that tell formats of one media type apart.
const TELLING: [&str; 3] = ["version", "proto", "encoding"];

/// One clause of an `Accept` header, such as `text/plain;version=0.0.4;q=0.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MediaRange<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// The parameters that tell formats of one media type apart, in the order of [`TELLING`].
    parameters: [Option<&'a str>; TELLING.len()],
    /// Whether the client named a scheme for names that are not plain.
    pub(crate) names_escaping: bool,
    /// The weight in thousandths; 0 means "not this".
    pub(crate) weight: u16,
}

impl<'a> MediaRange<'a> {
    /// The clauses of one header line, in its order. What can't be read is left out: a wrong
    /// clause costs the client that clause and not the page.
    pub(crate) fn parse_line(line: &'a str) -> impl Iterator<Item = Self> {
        split_unquoted(line, ',').filter_map(Self::parse)
    }

    fn parse(clause: &'a str) -> Option<Self> {
        let mut parts = split_unquoted(clause, ';');
        let (kind, subtype) = parts.next()?.trim().split_once('/')?;
        let (kind, subtype) = (kind.trim_end(), subtype.trim_start());
        if kind.is_empty() || subtype.is_empty() || (kind == "*" && subtype != "*") {
            return None;
        }
        let mut range =
            Self { kind, subtype, parameters: [None; TELLING.len()], names_escaping: false, weight: 1000 };
        for part in parts {
            let Some((name, value)) = part.split_once('=') else { continue };
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("q") {
                range.weight = parse_weight(value)?;
            } else if name.eq_ignore_ascii_case("escaping") {
                range.names_escaping = true;
            } else if let Some(at) = TELLING.iter().position(|telling| name.eq_ignore_ascii_case(telling)) {
                range.parameters[at] = Some(value);
            }
        }
        Some(range)
    }

    /// How narrow the range is: `*/*`, `text/*`, `text/plain`, with a version or the like.
    pub(crate) fn specificity(&self) -> u8 {
        match (self.kind, self.subtype, self.parameters) {
            ("*", ..) => 0,
            (_, "*", _) => 1,
            (.., [None, None, None]) => 2,
            _ => 3,
        }
    }

    /// Whether it speaks of one media type.
    pub(crate) fn is_exact(&self) -> bool {
        self.specificity() >= 2
    }

    /// A parameter of [`TELLING`], if it speaks of one media type; a version of `*/*` means nothing.
    pub(crate) fn parameter(&self, name: &str) -> Option<&'a str> {
        let at = TELLING.iter().position(|telling| *telling == name)?;
        self.parameters[at].filter(|_| self.is_exact())
    }

    /// Whether `media_type` (`text/plain`) lies within the range, whatever its parameters.
    pub(crate) fn includes(&self, media_type: &str) -> bool {
        let Some((kind, subtype)) = media_type.split_once('/') else { return false };
        (self.kind == "*" || self.kind.eq_ignore_ascii_case(kind))
            && (self.subtype == "*" || self.subtype.eq_ignore_ascii_case(subtype))
    }
}

/// A weight between 0 and 1 as thousandths, so that weights compare exactly.
pub(crate) fn parse_weight(value: &str) -> Option<u16> {
    let weight: f64 = value.parse().ok()?;
    (0.0..=1.0).contains(&weight).then(|| (weight * 1000.0).round() as u16)
}

/// Splits at `separator` outside of quotation marks.
pub(crate) fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(line: &str) -> MediaRange<'_> {
        let ranges: Vec<_> = MediaRange::parse_line(line).collect();
        assert_eq!(ranges.len(), 1, "{line:?} gave {ranges:?}");
        ranges[0]
    }

    #[test]
    fn a_clause_is_read_whatever_its_spaces_case_and_quotes() {
        let plain = only("text/plain;version=0.0.4;escaping=values;q=0.3");
        assert_eq!(plain.parameter("version"), Some("0.0.4"));
        assert_eq!((plain.weight, plain.names_escaping, plain.specificity()), (300, true, 3));
        assert_eq!(only(" text / plain ; VERSION = \"0.0.4\" ; Escaping=values ; Q = 0.3 "), plain);
        assert!(only("TEXT/Plain").includes("text/plain"));
        assert_eq!(only("text/plain;note=\"a,b;q=0\"").weight, 1000);
    }

    #[test]
    fn weights_that_are_none_cost_the_clause() {
        for (weight, expected) in [("0", 0), ("0.001", 1), ("1", 1000), ("1.000", 1000), ("0.5", 500)] {
            assert_eq!(only(&format!("a/b;q={weight}")).weight, expected, "{weight}");
        }
        for weight in ["", "-0.1", "1.1", "NaN", "inf", "half", "0,5"] {
            let line = format!("a/b;q={weight}");
            assert_eq!(MediaRange::parse_line(&line).filter(|r| r.weight > 0).count(), 0, "{weight:?}");
        }
    }

    #[test]
    fn ranges_include_what_they_say() {
        assert!(only("*/*").includes("text/plain"));
        assert!(only("text/*").includes("text/plain"));
        assert!(!only("text/*").includes("application/json"));
        assert_eq!(only("*/*;version=9").parameter("version"), None);
        for garbage in ["", ",,", ";", "text", "/", "text/", "/plain", "*/plain", "=;=,q=1"] {
            assert_eq!(MediaRange::parse_line(garbage).count(), 0, "{garbage:?}");
        }
    }
}
