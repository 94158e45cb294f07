//! The text of a label set, `{a="x",b="y"}`: written once, compared in place, taken apart again.
//!
//! Escaping is the same in both text formats: `\`, `"` and newline get a backslash
//! ([Prometheus](https://prometheus.io/docs/instrumenting/exposition_formats/),
//! [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/)).

#![allow(unsafe_code)]

use std::borrow::Cow;

use crate::lookup::values::{Key, Values};

/// The constant parts of a family's label text: `{a="`, then `",b="` for each further label.
pub(crate) struct Pieces {
    texts: Box<[Box<[u8]>]>,
    /// How long each is, which is all that a comparison needs.
    lengths: Box<[usize]>,
    /// How long a text without its values is.
    fixed: usize,
}

const END: &[u8] = b"\"}";

/// How the values in a label text are written; each variant asks for more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spelling {
    /// As they are, here and in the key of a document.
    Plain,
    /// As they are here; a key can't have all of them so.
    Verbatim,
    /// Some were changed by escaping.
    Escaped,
}

/// Whether a value with this byte is written in quotes in the key of a document.
pub(crate) const fn asks_for_quotes(byte: u8) -> bool {
    matches!(byte, b',' | b'=' | b'{' | b'}' | b'"' | b'\\' | b'\n')
}

/// Whether a byte of a value stands in the key of a document as it is, which is a string of JSON.
pub(crate) const fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && !asks_for_quotes(byte)
}

impl Pieces {
    pub(crate) fn new(names: &[&str]) -> Self {
        let opening = |i| if i == 0 { "{" } else { "\"," };
        let texts: Box<[Box<[u8]>]> = names
            .iter()
            .enumerate()
            .map(|(i, name)| format!("{}{name}=\"", opening(i)).into_bytes().into())
            .collect();
        let lengths: Box<[usize]> = texts.iter().map(|text| text.len()).collect();
        // Without labels there is no text.
        let end = if names.is_empty() { 0 } else { END.len() };
        Self { fixed: lengths.iter().sum::<usize>() + end, lengths, texts }
    }

    /// Appends the text.
    pub(crate) fn write(&self, values: &(impl Values + ?Sized), out: &mut Vec<u8>) -> Spelling {
        let mut spelling = Spelling::Plain;
        for (piece, value) in self.texts.iter().zip(values.iter()) {
            out.extend_from_slice(piece);
            spelling = spelling.max(if escape_label(value, out) {
                Spelling::Escaped
            } else if value.bytes().all(is_plain) {
                Spelling::Plain
            } else {
                Spelling::Verbatim
            });
        }
        if !self.texts.is_empty() {
            out.extend_from_slice(END);
        }
        spelling
    }

    /// Whether `text`, which [`write`](Self::write) has made without escaping anything, is that of a key.
    ///
    /// The text holds two quotes for each label and no others, so if each value has one before and one
    /// behind it where its length says, these are its own, and the pieces between them need no look.
    #[inline(always)]
    fn match_by(
        &self,
        text: &[u8],
        key: &Key<'_, impl Values + ?Sized>,
        same: impl Fn(&[u8], &[u8]) -> bool,
    ) -> bool {
        let values = key.values.iter();
        let count = values.len();
        if self.lengths.len() != count || text.len() as u64 != self.fixed as u64 + key.len {
            return false;
        }
        let mut end = 0;
        for (at, (piece, value)) in self.lengths[..count].iter().zip(values).enumerate() {
            let start = end + piece;
            end = start + value.len();
            // SAFETY: no piece is empty, so `start` is at least 1; pieces and values together with what follows
            // the last one are as long as the text, which was seen to above, so `end` lies within it.
            let (before, own, behind) = unsafe {
                (*text.get_unchecked(start - 1), text.get_unchecked(start..end), *text.get_unchecked(end))
            };
            // The first quote is where it always is, and the last one where the length of all says.
            let quoted = (at == 0 || before == b'"') && (at + 1 == count || behind == b'"');
            if !quoted || !same(own, value.as_bytes()) {
                return false;
            }
        }
        true
    }

    /// Whether a text in which nothing was escaped is that of a key.
    pub(crate) fn match_plain(&self, text: &[u8], key: &Key<'_, impl Values + ?Sized>) -> bool {
        self.match_by(text, key, |own, value| own == value)
    }

    /// The same for a key that is [short](Key::is_short).
    #[inline(always)]
    pub(crate) fn match_short(&self, text: &[u8], key: &Key<'_, impl Values + ?Sized>) -> bool {
        debug_assert!(key.is_short());
        self.match_by(text, key, equal_short)
    }

    /// The same for a text in which something was escaped.
    pub(crate) fn match_escaped(&self, text: &[u8], key: &Key<'_, impl Values + ?Sized>) -> bool {
        let values = key.values.iter();
        let mut rest = text;
        if self.texts.len() != values.len() {
            return false;
        }
        for (piece, value) in self.texts.iter().zip(values) {
            let value = rest.strip_prefix(&**piece).and_then(|rest| strip_escaped(rest, value));
            let Some(tail) = value else { return false };
            rest = tail;
        }
        rest == END
    }
}

/// What follows in `text` behind a value as it is escaped, if it begins with that.
fn strip_escaped<'t>(text: &'t [u8], value: &str) -> Option<&'t [u8]> {
    value.bytes().try_fold(text, |rest, byte| match escaped(byte) {
        Some(pair) => rest.strip_prefix(pair),
        None => rest.split_first().filter(|(first, _)| **first == byte).map(|(_, tail)| tail),
    })
}

/// Slices below this length are compared without a call.
pub(crate) const SHORT: usize = 32;

/// Equality of slices that are mostly short.
#[inline]
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && if a.len() < SHORT { equal_short(a, b) } else { a == b }
}

/// Equality of slices of one length, below [`SHORT`].
#[inline(always)]
fn equal_short(a: &[u8], b: &[u8]) -> bool {
    if a.len() >= 8 {
        if a.len() >= 16 { equal_ends::<16>(a, b) } else { equal_ends::<8>(a, b) }
    } else if a.len() >= 4 {
        equal_ends::<4>(a, b)
    } else if a.len() >= 2 {
        equal_ends::<2>(a, b)
    } else {
        a.first() == b.first()
    }
}

/// Whether the first and the last bytes are the same, so many of each; they may overlap.
#[inline(always)]
fn equal_ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<N>() == b.first_chunk() && a.last_chunk::<N>() == b.last_chunk()
}

/// Appends a label's value; returns whether escaping changed it.
pub(crate) fn escape_label(value: &str, out: &mut Vec<u8>) -> bool {
    escape(value, out, escaped)
}

/// Appends a label text of pairs as they are given: `{a="x",b="y"}`, or `{}`.
pub(crate) fn write_pairs(labels: &[(&str, &str)], out: &mut Vec<u8>) {
    out.push(b'{');
    for (i, (name, value)) in labels.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        escape_label(value, out);
        out.push(b'"');
    }
    out.push(b'}');
}

/// What stands for a byte in a label's value, where that is not the byte itself.
fn escaped(byte: u8) -> Option<&'static [u8; 2]> {
    match byte {
        b'\\' => Some(b"\\\\"),
        b'"' => Some(b"\\\""),
        b'\n' => Some(b"\\n"),
        _ => None,
    }
}

/// Appends a text in which some bytes are replaced.
pub(crate) fn escape(
    value: &str,
    out: &mut Vec<u8>,
    replace: impl Fn(u8) -> Option<&'static [u8; 2]>,
) -> bool {
    let (bytes, mut plain) = (value.as_bytes(), 0);
    for (i, &byte) in bytes.iter().enumerate() {
        if let Some(replacement) = replace(byte) {
            out.extend_from_slice(&bytes[plain..i]);
            out.extend_from_slice(replacement);
            plain = i + 1;
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    plain > 0
}

/// Takes a label text apart: names and values, unescaped.
pub(crate) fn parse(text: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    parse_escaped(text).map(|(name, value)| (name, unescape(value)))
}

/// The labels of a series.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::Registry;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let jobs = Registry::new().register_counter("jobs_total", "Jobs", &["tenant", "status"])?;
/// jobs.inc(&["north", "ok"])?;
/// jobs.retain(|labels| {
///     assert!(labels.iter().eq([("tenant", "north".into()), ("status", "ok".into())]));
///     labels.get("tenant").as_deref() != Some("south")
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Labels<'t>(&'t str);

impl<'t> Labels<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Self {
        // Only `&str` values and names are ever written there.
        Self(std::str::from_utf8(text).unwrap_or_default())
    }

    /// The value of the label with that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'t, str>> {
        self.iter().find(|(given, _)| *given == name).map(|(_, value)| value)
    }

    /// Names and values, in the order of registration.
    pub fn iter(&self) -> impl Iterator<Item = (&'t str, Cow<'t, str>)> + use<'t> {
        parse(self.0)
    }
}

impl std::fmt::Debug for Labels<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The same with the values as they stand there, escaped.
pub(crate) fn parse_escaped(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text.strip_prefix('{').unwrap_or_default();
    std::iter::from_fn(move || {
        let (name, tail) = rest.split_once("=\"")?;
        let end = closing_quote(tail.as_bytes())?;
        let value = &tail[..end];
        rest = tail[end + 1..].trim_start_matches(',');
        Some((name, value))
    })
}

pub(crate) fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|&byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// Where the next quote is from `at` on; the end of the text if there is none. By words: values are short and of
/// many lengths, and the end of a loop over their bytes would seldom be where the processor expects it.
#[inline]
pub(crate) fn next_quote(text: &[u8], mut at: usize) -> usize {
    while let Some(word) = text[at..].first_chunk() {
        match quote_in(u128::from_le_bytes(*word)) {
            16 => at += 16,
            place => return at + place,
        }
    }
    // What is left, at the lower end of a word; where nothing is, whatever the word holds lies behind the end.
    let left = text.len() - at;
    let word = match text.last_chunk() {
        Some(word) => u128::from_le_bytes(*word) >> (8 * (16 - left) % 128),
        None => text[at..].iter().rfold(0, |word, &byte| word << 8 | u128::from(byte)),
    };
    at + quote_in(word).min(left)
}

/// Where the first quote is in a word whose first byte is the lowest; 16 if there is none.
#[inline]
fn quote_in(word: u128) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    // The lowest byte that is a quote gets its top bit set, and no byte below it does.
    let quotes = |half: u64| {
        let half = half ^ (ONES * b'"' as u64);
        half.wrapping_sub(ONES) & !half & (ONES << 7)
    };
    let (low, high) = (quotes(word as u64), quotes((word >> 64) as u64));
    let bit = if low == 0 { 64 + high.trailing_zeros() } else { low.trailing_zeros() };
    bit as usize / 8
}

fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    unescape_into(value.as_bytes(), &mut out);
    // Only whole characters were left out.
    Cow::Owned(String::from_utf8(out).unwrap_or_default())
}

/// Appends what an escaped value stands for.
pub(crate) fn unescape_into(value: &[u8], out: &mut Vec<u8>) {
    let mut rest = value;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        let (plain, pair) = rest.split_at(at);
        out.extend_from_slice(plain);
        match pair.get(1) {
            Some(b'n') => out.push(b'\n'),
            Some(&byte) => out.push(byte),
            None => {}
        }
        rest = pair.get(2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::sync::RandomState;
    use proptest::prelude::*;

    /// Texts from the bytes that matter, so that confusions would be found.
    fn nasty() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop::sample::select(vec!["a", "b", "\"", "\\", "\n", "n", ",", "=", "{", "}", "é", "\",b=\""]),
            0..12,
        )
        .prop_map(|parts| parts.concat())
    }

    fn matches(pieces: &Pieces, (text, spelling): (&[u8], Spelling), values: &[&str]) -> bool {
        let (key, escaped) = (Key::new(&RandomState::default(), values), spelling == Spelling::Escaped);
        let matches = if escaped { pieces.match_escaped(text, &key) } else { pieces.match_plain(text, &key) };
        if !escaped && key.is_short() {
            assert_eq!(pieces.match_short(text, &key), matches, "{values:?}");
        }
        matches
    }

    #[test]
    fn a_quote_is_found_wherever_it_is() {
        for len in 0..70 {
            for from in 0..=len {
                assert_eq!(next_quote(&vec![b'a'; len], from), len);
                for place in 0..len {
                    let mut text = vec![b'#'; len];
                    text[place] = b'"';
                    assert_eq!(
                        next_quote(&text, from),
                        if from <= place { place } else { len },
                        "{len} {from}"
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_text_matches_its_own_values_only(a in [nasty(), nasty(), nasty()], b in [nasty(), nasty(), nasty()]) {
            let pieces = Pieces::new(&["a", "b", "c"]);
            let a: Vec<&str> = a.iter().map(String::as_str).collect();
            let b: Vec<&str> = b.iter().map(String::as_str).collect();
            let mut text = Vec::new();
            let spelling = pieces.write(&*a, &mut text);
            prop_assert!(matches(&pieces, (&text, spelling), &a));
            prop_assert_eq!(matches(&pieces, (&text, spelling), &b), a == b);
            // Too few and too many are others, also where what is missing or too much is empty.
            prop_assert!(!matches(&pieces, (&text, spelling), &a[..2]));
            prop_assert!(!matches(&pieces, (&text, spelling), &[a[0], a[1], a[2], ""]));
            #[cfg(feature = "protobuf")]
            {
                let mut found = Vec::new();
                for (name, value) in parse_escaped(std::str::from_utf8(&text).unwrap()) {
                    let mut plain = Vec::new();
                    unescape_into(value.as_bytes(), &mut plain);
                    found.push((name, String::from_utf8(plain).unwrap()));
                }
                let given = ["a", "b", "c"].into_iter().zip(a.iter().map(|&a| a.to_owned()));
                prop_assert_eq!(found, given.collect::<Vec<_>>());
            }
        }

        #[test]
        fn a_text_is_taken_apart_again(values in [nasty(), nasty()]) {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let mut text = Vec::new();
            Pieces::new(&["first", "second"]).write(&*values, &mut text);
            let parsed: Vec<_> = parse(std::str::from_utf8(&text).unwrap()).map(|(_, v)| v.into_owned()).collect();
            prop_assert_eq!(parsed, values);
        }

        #[test]
        fn equality_of_slices_is_equality(a in prop::collection::vec(0_u8..2, 0..40), b in prop::collection::vec(0_u8..2, 0..40)) {
            prop_assert_eq!(equal(&a, &b), a == b);
            prop_assert!(equal(&a, &a.clone()));
            let mut other = a.clone();
            for at in 0..a.len() {
                other[at] ^= 1;
                prop_assert!(!equal(&a, &other), "at {at}");
                other[at] ^= 1;
            }
        }
    }
}
