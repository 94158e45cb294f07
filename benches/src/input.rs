//! The same made-up input for every contender.

use std::sync::Arc;

/// The names of the three labels.
pub const LABELS: [&str; 3] = ["method", "status", "tenant"];

/// Values for [`LABELS`].
pub type LabelSet = [String; 3];

/// `count` different label sets in random order: 3 methods, 3 statuses, and as many tenants as it takes.
#[must_use]
pub fn label_sets(count: usize) -> Arc<Vec<LabelSet>> {
    let methods = ["GET", "POST", "DELETE"];
    let statuses = ["ok", "client_error", "server_error"];
    let mut numbers: Vec<usize> = (0..count).collect();
    shuffle(&mut numbers);
    let set = |number: usize| {
        let (method, status) = (methods[number % 3], statuses[number / 3 % 3]);
        [method.to_owned(), status.to_owned(), format!("tenant-{:05}", number / 9)]
    };
    // Made in the order in which they are walked through, so that reading the input costs little beside the work.
    Arc::new(numbers.into_iter().map(set).collect())
}

/// Puts the items in random order.
pub fn shuffle<T>(items: &mut [T]) {
    let mut random = Random::new();
    for last in (1..items.len()).rev() {
        items.swap(last, random.below(last + 1));
    }
}

/// As the libraries take them.
#[must_use]
pub fn borrowed(set: &LabelSet) -> [&str; 3] {
    set.each_ref().map(String::as_str)
}

/// With the names of the labels, in their order.
#[must_use]
pub fn pairs(set: &LabelSet) -> [(&'static str, &str); 3] {
    std::array::from_fn(|at| (LABELS[at], set[at].as_str()))
}

/// The number of the thread that makes the series, before any is measured. Its [`Round`] is another than that of the
/// threads which update them: else the memory of the series would lie in the order of the updates, as it does in no
/// service.
pub const MAKER: usize = usize::MAX;

/// Goes round and round through a list; each thread begins elsewhere.
pub struct Round<T> {
    items: Arc<Vec<T>>,
    next: usize,
    stride: usize,
}

impl<T> Round<T> {
    /// The round of the thread with this number, which is [`MAKER`] or small.
    #[must_use]
    pub fn new(items: &Arc<Vec<T>>, thread: usize) -> Self {
        let (next, stride) = match thread {
            MAKER => (0, scattered(items.len())),
            _ => (items.len() / 2 * thread % items.len(), 1),
        };
        Self { items: Arc::clone(items), next, stride }
    }

    /// The next item.
    #[inline]
    pub fn step(&mut self) -> &T {
        let at = self.next;
        let next = at + self.stride;
        self.next = if next >= self.items.len() { next - self.items.len() } else { next };
        &self.items[at]
    }
}

/// A stride that comes by every one of `len` items and leaves no two neighbours close to each other.
#[must_use]
pub fn scattered(len: usize) -> usize {
    let divisor = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    // The golden section of the whole, or the first number above it that has no divisor in common with it.
    (len * 618 / 1000 + 1..).find(|&stride| divisor(stride, len) == 1).unwrap_or(1)
}

/// A small generator, the same numbers in every run (Knuth's MMIX constants).
pub struct Random(u64);

impl Random {
    /// From the beginning.
    #[must_use]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    /// A number from 0 up to, but without, `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end
    }

    /// A number from 0 up to, but without, 1.
    pub fn unit(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1_u32 << 30)
    }
}

/// `N` bounds, each twice the one before for 8 of them, and closer for more; all end at 12.8.
#[must_use]
pub fn bounds<const N: usize>() -> [f64; N] {
    let factor = 128_f64.powf(1.0 / (N - 1) as f64);
    std::array::from_fn(|index| 0.1 * factor.powi(index as i32))
}

/// 4,096 observations, spread evenly over the buckets of [`bounds`].
#[must_use]
pub fn observations() -> Arc<Vec<f64>> {
    let mut random = Random::new();
    Arc::new((0..4096).map(|_| 0.05 * 512_f64.powf(random.unit())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maker_comes_by_every_item_once() {
        for len in [1, 2, 18, 900, 18_000, 100_000] {
            let mut round = Round::new(&Arc::new((0..len).collect()), MAKER);
            let mut seen: Vec<usize> = (0..len).map(|_| *round.step()).collect();
            assert!(len < 18 || seen.windows(2).all(|pair| pair[0].abs_diff(pair[1]) > len / 10));
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..len));
        }
    }
}
