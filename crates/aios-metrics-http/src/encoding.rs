//! Whether an answer is compressed: the `Accept-Encoding` header against gzip and plain.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;

use crate::media_range::{parse_weight, split_unquoted};

/// A page smaller than this is sent as it is where that is allowed: it fits into one packet anyway.
pub(crate) const SMALL: usize = 1024;

/// How the bytes of an answer are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As they are.
    Identity,
    /// gzip, except for a page that is small.
    Gzip,
    /// gzip, whatever the size: the client can't take it plain.
    GzipOnly,
}

impl Encoding {
    /// Whether a page of `len` bytes is compressed.
    pub(crate) fn compresses(self, len: usize) -> bool {
        match self {
            Self::Identity => false,
            Self::Gzip => len >= SMALL,
            Self::GzipOnly => true,
        }
    }
}

/// What the client weighs higher, gzip among equals; `None` when it refuses both.
///
/// Plain is acceptable unless it is refused by name or by `*`, gzip only when it is named or `*`
/// stands for it ([RFC 9110, 12.5.3](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3)). A
/// clause that can't be read is left out.
pub(crate) fn negotiate(headers: &HeaderMap) -> Option<Encoding> {
    let lines = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|line| line.to_str().ok());
    let (mut gzip, mut identity, mut any) = (None, None, None);
    for (coding, weight) in lines.flat_map(|line| line.split(',')).filter_map(parse) {
        let slot = match coding {
            _ if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") => &mut gzip,
            _ if coding.eq_ignore_ascii_case("identity") => &mut identity,
            "*" => &mut any,
            _ => continue,
        };
        // Said twice, the kinder word counts.
        *slot = (*slot).max(Some(weight));
    }
    let gzip = gzip.or(any).unwrap_or(0);
    match identity.or(any) {
        Some(0) if gzip == 0 => None,
        Some(0) => Some(Encoding::GzipOnly),
        Some(plain) if plain > gzip => Some(Encoding::Identity),
        _ if gzip > 0 => Some(Encoding::Gzip),
        _ => Some(Encoding::Identity),
    }
}

/// One clause, such as `gzip;q=0.5`: the coding and its weight in thousandths.
fn parse(clause: &str) -> Option<(&str, u16)> {
    let mut parts = split_unquoted(clause, ';');
    let coding = parts.next()?.trim();
    let mut weight = 1000;
    for part in parts {
        let Some((name, value)) = part.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("q") {
            weight = parse_weight(value.trim())?;
        }
    }
    Some((coding, weight))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(lines: &[&str]) -> Option<Encoding> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap());
        }
        negotiate(&headers)
    }

    #[test]
    fn each_accept_encoding_header_gets_its_coding() {
        use Encoding::{Gzip, GzipOnly, Identity};
        for (header, expected) in [
            // Prometheus, curl --compressed, browsers, Go, Python's requests.
            ("gzip", Some(Gzip)),
            ("deflate, gzip, br, zstd", Some(Gzip)),
            ("gzip, deflate, br, zstd", Some(Gzip)),
            ("gzip;q=1.0, *;q=0.5", Some(Gzip)),
            ("identity", Some(Identity)),
            // Nothing that we have, and nothing at all.
            ("", Some(Identity)),
            ("br", Some(Identity)),
            ("br, zstd;q=0.5", Some(Identity)),
            // Case, spaces, the old name.
            (" GZip ; Q = 0.5 ", Some(Gzip)),
            ("x-gzip", Some(Gzip)),
            ("gzipped, notgzip", Some(Identity)),
            // Weights.
            ("gzip;q=0.001", Some(Gzip)),
            ("gzip;q=0.5, identity;q=0.5", Some(Gzip)),
            ("gzip;q=0.5, identity", Some(Identity)),
            ("gzip, identity;q=0.5", Some(Gzip)),
            ("gzip;q=0.4, *;q=0.6", Some(Identity)),
            ("gzip;q=0, gzip;q=0.3", Some(Gzip)),
            // Wildcards.
            ("*", Some(Gzip)),
            ("*;q=0.1", Some(Gzip)),
            ("identity;q=0.5, *;q=0.2", Some(Identity)),
            // Refusals.
            ("gzip;q=0", Some(Identity)),
            ("gzip;q=0.000", Some(Identity)),
            ("gzip;q=0, *", Some(Identity)),
            ("identity;q=0, gzip", Some(GzipOnly)),
            ("identity;q=0, *", Some(GzipOnly)),
            ("gzip, *;q=0", Some(GzipOnly)),
            ("identity, *;q=0", Some(Identity)),
            ("*;q=0", None),
            ("identity;q=0", None),
            ("identity;q=0, br", None),
            ("identity;q=0, gzip;q=0", None),
            // Garbage.
            (",;=,q=1", Some(Identity)),
            ("gzip;q=lots", Some(Identity)),
            ("gzip;q=1.5, identity;q=0.1", Some(Identity)),
            ("gzip;q", Some(Gzip)),
            ("gzip;level=9;q=0.2", Some(Gzip)),
        ] {
            assert_eq!(of(&[header]), expected, "Accept-Encoding: {header}");
        }
    }

    #[test]
    fn header_lines_count_as_one_list_and_no_line_as_no_wish() {
        assert_eq!(of(&[]), Some(Encoding::Identity));
        assert_eq!(of(&["identity;q=0", "gzip"]), Some(Encoding::GzipOnly));
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT_ENCODING, HeaderValue::from_bytes(b"gzip\xff").unwrap());
        assert_eq!(negotiate(&headers), Some(Encoding::Identity));
    }

    #[test]
    fn small_pages_are_compressed_only_where_they_must_be() {
        let compressed = |encoding: Encoding| [SMALL - 1, SMALL].map(|len| encoding.compresses(len));
        assert_eq!(compressed(Encoding::Identity), [false, false]);
        assert_eq!(compressed(Encoding::Gzip), [false, true]);
        assert_eq!(compressed(Encoding::GzipOnly), [true, true]);
    }
}
