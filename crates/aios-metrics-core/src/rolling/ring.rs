//! The ring of time slots, and what counts towards a window.

use std::time::Duration;

use super::slot::Batch;

/// At most this many time slots cover a window.
const SLOTS: u64 = 900;

/// How a metric cuts time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// The longest window, at least one slot.
    pub(crate) window: Duration,
    /// Whole seconds of a slot: `ceil(window / 900)`.
    pub(crate) slot: u64,
}

impl Shape {
    pub(crate) fn new(window: Duration) -> Self {
        let seconds = whole_seconds(window);
        let slot = seconds.div_ceil(SLOTS).max(1);
        Self { window: window.max(Duration::from_secs(slot)), slot }
    }

    /// The epoch of a moment.
    pub(crate) fn epoch(self, now: Duration) -> u64 {
        1 + now.as_secs() / self.slot
    }

    /// The same where a slot is one second: a division would cost more than the rest of adding.
    #[inline]
    pub(crate) fn epoch_of_one_second(now: Duration) -> u64 {
        1 + now.as_secs()
    }

    /// A window as asked for: at least one slot, at most all.
    pub(crate) fn clamp(self, window: Duration) -> Duration {
        window.clamp(Duration::from_secs(self.slot), self.window)
    }

    /// The first epoch that counts towards a window.
    ///
    /// An epoch counts as long as an observation at its end would be younger than the window: so
    /// every observation counts until it is between the window and the window + one slot old.
    pub(crate) fn first_epoch(self, now: Duration, window: Duration) -> u64 {
        let Some(start) = now.checked_sub(window) else { return 1 };
        // The end of epoch e is e x slot; the first whose end is above `start`.
        start.as_secs() / self.slot + 1
    }

    /// Slots that a window can reach into, the open one included.
    fn slots(self) -> usize {
        (whole_seconds(self.window).div_ceil(self.slot) + 2) as usize
    }
}

/// Rounded up, as far as there are numbers.
fn whole_seconds(window: Duration) -> u64 {
    window.as_secs().saturating_add(u64::from(window.subsec_nanos() > 0))
}

/// Batches by epoch. A batch that is too old stays where it is until its place is needed.
#[derive(Debug)]
pub(crate) struct Ring {
    batches: Box<[Batch]>,
}

impl Ring {
    pub(crate) fn new(shape: Shape) -> Self {
        Self { batches: vec![Batch::NONE; shape.slots()].into() }
    }

    pub(crate) fn fold(&mut self, batch: &Batch) {
        if batch.count == 0 {
            return;
        }
        let at = (batch.epoch % self.batches.len() as u64) as usize;
        let held = &mut self.batches[at];
        if held.epoch == batch.epoch {
            held.merge(batch);
        } else if held.epoch < batch.epoch {
            *held = *batch;
        }
        // Else the batch is a whole turn too old to count towards anything.
    }

    pub(crate) fn batches(&self) -> &[Batch] {
        &self.batches
    }
}
