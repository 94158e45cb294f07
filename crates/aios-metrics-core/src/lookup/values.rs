//! Label values as callers give them, and as a search wants them.

use std::hash::{BuildHasher, Hasher};

use crate::format::labels::SHORT;
use crate::sync::RandomState;

/// Values that are looked for, with what a walk over them tells.
pub(crate) struct Key<'v, V: ?Sized> {
    pub(crate) values: &'v V,
    /// Of the values one after the other.
    pub(crate) hash: u64,
    /// How many bytes they have together; a `usize` need not hold that.
    pub(crate) len: u64,
    /// The lengths, one laid over the other: below a power of two if each of them is.
    lengths: usize,
}

impl<'v, V: Values + ?Sized> Key<'v, V> {
    #[inline(always)]
    pub(crate) fn new(hasher: &RandomState, values: &'v V) -> Self {
        let mut hasher = hasher.build_hasher();
        let (mut len, mut lengths) = (0_u64, 0);
        for value in values.iter() {
            hash_into(&mut hasher, value);
            len += value.len() as u64;
            lengths |= value.len();
        }
        Self { values, hash: hasher.finish(), len, lengths }
    }

    /// Whether each value is shorter than [`SHORT`].
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        self.lengths < SHORT
    }
}

/// Hashes a string, with its length.
#[inline(always)]
pub(crate) fn hash_into(hasher: &mut impl Hasher, string: &str) {
    let bytes = string.as_bytes();
    match (bytes.first_chunk::<16>(), bytes.last_chunk::<16>()) {
        // The hasher calls a function for more than 16 bytes.
        (Some(head), Some(tail)) if bytes.len() < SHORT => {
            // The first byte of the tail is in the head as well, and gives its place to the length: no two
            // strings are the same to the hasher.
            let mut tail = *tail;
            tail[0] = bytes.len() as u8;
            hasher.write_u128(u128::from_ne_bytes(*head));
            hasher.write_u128(u128::from_ne_bytes(tail));
        }
        _ => hasher.write(bytes),
    }
}

/// Label values in the order in which the family was registered, as many as the caller gives: whoever compares
/// counts them, and what is written was counted.
pub(crate) trait Values {
    fn iter(&self) -> impl ExactSizeIterator<Item = &str>;
}

/// What a caller gives for a label.
pub(crate) trait Given {
    fn value(&self) -> &str;
}

/// The value alone.
impl Given for &str {
    #[inline]
    fn value(&self) -> &str {
        self
    }
}

/// Name and value.
impl Given for (&str, &str) {
    #[inline]
    fn value(&self) -> &str {
        self.1
    }
}

impl<G: Given> Values for [G] {
    #[inline]
    fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        <[G]>::iter(self).map(G::value)
    }
}

impl<G: Given, const N: usize> Values for [G; N] {
    #[inline]
    fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        <[G]>::iter(self).map(G::value)
    }
}

/// Name and value pairs in any order; each name of the family is among them.
pub(crate) struct AnyOrder<'a> {
    pub(crate) names: &'a [Box<str>],
    pub(crate) pairs: &'a [(&'a str, &'a str)],
}

impl Values for AnyOrder<'_> {
    fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names
            .iter()
            .map(|name| self.pairs.iter().find(|(given, _)| *given == &**name).map_or("", |(_, value)| value))
    }
}

/// The same value for each of so many labels.
pub(crate) struct Same<'a>(pub(crate) &'a str, pub(crate) usize);

impl Values for Same<'_> {
    fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        std::iter::repeat_n(self.0, self.1)
    }
}
