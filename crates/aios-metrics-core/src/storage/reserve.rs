//! Runs that one owner has taken for later: those that it uses one after the other lie side by side.

/// The runs that are left of those that were taken at once.
///
/// Where many owners take runs in turn, a reader of one owner's would find each in another piece of memory.
#[derive(Debug)]
pub(crate) struct Reserve {
    next: u32,
    left: u32,
}

impl Reserve {
    pub(crate) const fn new() -> Self {
        Self { next: 0, left: 0 }
    }

    /// The next run of `len`; where none is left, of those that `take` gets: the first, and how many.
    pub(crate) fn next(&mut self, len: u32, take: impl FnOnce() -> (u32, u32)) -> u32 {
        if self.left == 0 {
            (self.next, self.left) = take();
        }
        let run = self.next;
        self.next += len;
        self.left -= 1;
        run
    }

    /// Empties it: the runs that were not used.
    pub(crate) fn rest(&mut self, len: u32) -> impl Iterator<Item = u32> + use<> {
        let Self { next, left } = std::mem::replace(self, Self::new());
        (0..left).map(move |at| next + at * len)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Reserve;

    #[test]
    fn runs_are_used_in_order_and_the_rest_is_told() {
        let mut reserve = Reserve::new();
        assert_eq!([100, 100, 100].map(|from| reserve.next(9, || (from, 5))), [100, 109, 118]);
        assert!(reserve.rest(9).eq([127, 136]));
        assert_eq!(reserve.rest(9).count(), 0);
        assert_eq!([7, 8].map(|single| reserve.next(1, || (single, 1))), [7, 8]);
    }
}
