//! Many times in little memory.

/// Parts that each power of two is cut into: the edge of one is at most 1/32 above any time in it.
const PARTS: usize = 32;

/// How often each time was taken, in ticks of a clock.
pub(super) struct Latencies {
    counts: Vec<u64>,
    longest: u64,
}

impl Latencies {
    pub(super) fn new() -> Self {
        Self { counts: vec![0; 64 * PARTS], longest: 0 }
    }

    #[inline]
    pub(super) fn record(&mut self, ticks: u64) {
        self.counts[index(ticks)] += 1;
        self.longest = self.longest.max(ticks);
    }

    /// The upper edge of the part that holds the quantile.
    pub(super) fn quantile(&self, part: f64) -> u64 {
        let all: u64 = self.counts.iter().sum();
        let rank = (all as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && *count > 0 {
                return edge(index).min(self.longest);
            }
        }
        self.longest
    }

    pub(super) fn longest(&self) -> u64 {
        self.longest
    }
}

/// Below [`PARTS`] every time has a part of its own.
#[inline]
fn index(ticks: u64) -> usize {
    if ticks < PARTS as u64 {
        return ticks as usize;
    }
    let shift = ticks.ilog2() - PARTS.ilog2();
    (shift as usize) * PARTS + (ticks >> shift) as usize
}

/// The longest time with this index.
fn edge(index: usize) -> u64 {
    if index < 2 * PARTS {
        return index as u64;
    }
    let shift = index / PARTS - 1;
    let first = ((index - shift * PARTS) as u64) << shift;
    first + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_lie_in_their_parts() {
        let mut last = 0;
        for ticks in (0..10_000).chain([1 << 20, (1 << 40) + 12_345, u64::MAX]) {
            let index = index(ticks);
            assert!(index >= last && index < 64 * PARTS, "{ticks}");
            let edge = edge(index);
            assert!(edge >= ticks && edge - ticks <= ticks / PARTS as u64, "{ticks}: {edge}");
            last = index;
        }
    }

    #[test]
    fn quantiles_are_upper_edges() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.quantile(0.5), 0);
        (1..=1000).for_each(|ticks| latencies.record(ticks));
        assert_eq!(latencies.quantile(0.01), 10);
        assert_eq!(latencies.quantile(0.5), 503);
        assert_eq!(latencies.quantile(0.999), 1000);
        assert_eq!(latencies.longest(), 1000);
    }
}
