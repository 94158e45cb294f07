//! Series leave when nothing happens to them any more, and come back if something did after all.
//!
//! Whether a series is idle is judged by its value, without any lock that updates or new series need. One
//! that somebody has found just before may still be updated after it was unlinked; so its value is looked
//! at once more when nobody can have it any more.

#[cfg(all(test, loom))]
mod loom;
#[cfg(all(test, not(loom)))]
mod tests;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::control::Control;
use super::life::{Changes, Garbage};
use super::series::{Series, total};
use super::{Total, gauge, histogram};
use crate::descriptor::Kind;
use crate::format::labels;
use crate::lookup::node::Run;
use crate::lookup::values::{Key, Values};
use crate::storage::Reader;
use crate::storage::local::{self, STORAGE};
use crate::sync::{Ordering, RandomState, lock, try_lock};

/// How often new series have the others judged, at the most.
const BREAK: Duration = Duration::from_secs(1);

/// When series expire, and since when their values have been what they are. Under a lock of its own, which
/// readers hold while they judge, and for which only readers wait.
pub(crate) struct Expiry {
    after: Duration,
    /// When a new series has those that are there judged again.
    due: Duration,
    /// By control words. The words may be those of other series by now, which then were never judged.
    since: HashMap<u32, (Seen, Duration), RandomState>,
}

/// A value, as far as it tells whether anything has happened.
#[derive(Clone, Copy, PartialEq)]
enum Seen {
    Total(Total),
    /// Observations of a histogram.
    Count(u64),
    Bits(u64),
}

/// Series that have expired and wait in limbo. By the lower half of the hash of their label values, and their
/// control words.
pub(crate) struct Idle(BTreeMap<(u32, u32), Expired>);

/// A series as it was seen last.
struct Expired {
    run: Run,
    value: Seen,
    text: Box<[u8]>,
}

impl Expiry {
    pub(super) fn new() -> Self {
        Self { after: Duration::MAX, due: Duration::MAX, since: HashMap::default() }
    }
}

impl Idle {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Has one not come back.
    pub(super) fn remove(&mut self, hash: u64, run: Run) {
        self.0.remove(&key(hash, run));
    }

    /// Has those not come back for which `keep`, told their control words and texts, answers `false`.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(u32, &[u8]) -> bool) {
        self.0.retain(|_, expired| keep(expired.run.control, &expired.text));
    }
}

fn key(hash: u64, run: Run) -> (u32, u32) {
    (hash as u32, run.control)
}

impl Series {
    /// Lets series that are unchanged for `after` leave the page.
    pub(crate) fn expire_after(&self, after: Duration) {
        let mut expiry = lock(&self.expiry);
        (expiry.after, expiry.due) = (after, self.time.monotonic().saturating_add(after));
        self.expires.store(true, Ordering::Relaxed);
    }

    /// Judges all series before one is created, if that wasn't done lately and nobody is at it.
    pub(super) fn sweep_if_due(&self) {
        if self.expires()
            && let Some(mut expiry) = try_lock(&self.expiry)
            && expiry.due <= self.time.monotonic()
        {
            self.sweep(&mut expiry);
        }
    }

    /// Removes series that have been idle for long enough, or hides them while they have a handle. In a
    /// section.
    pub(super) fn sweep(&self, expiry: &mut Expiry) {
        let now = self.time.monotonic();
        expiry.due = now.saturating_add((expiry.after / 8).max(BREAK));
        let reader = &mut Reader::default();
        // An unlabelled metric always is there.
        let removable = self.descriptor().label_count() > 0;
        let mut count = 0;
        let changing = self.nodes.places().filter_map(|(_, node)| {
            count += 1;
            let (value, idle) = self.judge(expiry, reader, now, node.run());
            let goes = idle && removable && !Control::new(node.run().control).is_held();
            (goes || idle == node.is_shown()).then_some((node, (value, idle)))
        });
        self.change_each(changing, |changes, found, _, (value, idle)| {
            let Some((place, node)) = found else { return false };
            if idle && removable && Control::new(node.run().control).unlink_unless_held() {
                let run = self.unlink(changes, place, node);
                let expired = Expired { run, value, text: node.text().into() };
                changes.idle.0.insert(key(node.hash(), run), expired);
                changes.limbo.retire(Garbage::Idle(node.hash(), run));
                return true;
            }
            node.set_hidden(idle);
            false
        });
        // A few of series that are gone cost less than to look for them each time.
        if expiry.since.len() > count + count / 4 + 64 {
            let there = self.nodes.places().map(|(_, node)| node.run().control);
            let there: HashSet<u32, RandomState> = there.collect();
            expiry.since.retain(|control, _| there.contains(control));
            expiry.since.shrink_to(2 * there.len());
        }
    }

    /// The value of a series, and whether it has been that for long enough.
    fn judge(
        &self,
        expiry: &mut Expiry,
        reader: &mut Reader<'static>,
        now: Duration,
        run: Run,
    ) -> (Seen, bool) {
        let control = Control::new(run.control);
        let value = self.seen(reader, run);
        let touched = self.descriptor().kind() == Kind::Gauge && control.take_touched();
        let judged = control.was_judged();
        match expiry.since.entry(run.control) {
            Entry::Occupied(known) if judged && !touched && known.get().0 == value => {
                (value, now.saturating_sub(known.get().1) >= expiry.after)
            }
            entry => {
                entry.insert_entry((value, now));
                (value, false)
            }
        }
    }

    fn seen(&self, reader: &mut Reader<'static>, run: Run) -> Seen {
        match self.descriptor().kind() {
            Kind::Counter => Seen::Total(total(reader, run)),
            Kind::Gauge => Seen::Bits(gauge::word(run).load(Ordering::Relaxed)),
            Kind::Histogram => Seen::Count(histogram::count(reader, self, run)),
        }
    }

    /// Whether a series that has expired was updated after all.
    fn was_updated(&self, &Expired { run, value, .. }: &Expired) -> bool {
        let touched = self.descriptor().kind() == Kind::Gauge && Control::new(run.control).is_touched();
        touched || self.seen(&mut Reader::default(), run) != value
    }

    /// Whether a series that has expired, and that nobody can have any more, is there again: somebody had
    /// found it just before, and has updated it since. What it holds is added to the one that was created
    /// meanwhile, if there is one. Under the lock.
    pub(super) fn comes_back(&self, changes: &mut Changes, hash: u64, run: Run) -> bool {
        let Some(expired) = changes.idle.0.remove(&key(hash, run)) else { return false };
        if !self.was_updated(&expired) {
            return false;
        }
        let values: Vec<_> = labels::parse(std::str::from_utf8(&expired.text).unwrap_or_default()).collect();
        let values: Vec<&str> = values.iter().map(|(_, value)| &**value).collect();
        let values = &*values;
        let key = self.key(values);
        if let Some((_, node)) = self.find_placed(&key) {
            self.add_to(run, node.run());
            return false;
        }
        Control::new(run.control).relink();
        changes.text.clear();
        let spelling = self.descriptor().rendered().pieces.write(values, &mut changes.text);
        self.insert(changes, key.hash, spelling, run);
        true
    }

    /// Has what has expired with these values not come back; answers whether it would have. Under the lock.
    pub(super) fn forget(&self, changes: &mut Changes, key: &Key<'_, impl Values + ?Sized>) -> bool {
        let Changes { text, idle: Idle(idle), .. } = changes;
        let keys = (key.hash as u32, 0)..=(key.hash as u32, u32::MAX);
        if idle.range(keys.clone()).next().is_none() {
            return false;
        }
        text.clear();
        self.descriptor().rendered().pieces.write(key.values, text);
        let same = idle.range(keys).filter(|(_, expired)| *expired.text == **text);
        let same: Vec<_> = same.map(|(key, _)| *key).collect();
        let forgotten = same.iter().filter_map(|key| idle.remove(key));
        forgotten.fold(false, |any, expired| any | self.was_updated(&expired))
    }

    /// The control words and texts of those that have expired and would come back.
    pub(super) fn updated(&self, idle: &Idle) -> Vec<(u32, Box<[u8]>)> {
        let updated = idle.0.values().filter(|expired| self.was_updated(expired));
        updated.map(|expired| (expired.run.control, expired.text.clone())).collect()
    }

    /// Adds what one series holds to another.
    fn add_to(&self, from: Run, to: Run) {
        let reader = &mut Reader::default();
        match self.descriptor().kind() {
            // One that was never set has no value of its own.
            Kind::Gauge if !Control::new(to.control).was_ever_touched() => {
                let value = gauge::word(from).load(Ordering::Relaxed);
                let zero = 0.0_f64.to_bits();
                let _set_meanwhile =
                    gauge::word(to).compare_exchange(zero, value, Ordering::Relaxed, Ordering::Relaxed);
            }
            Kind::Gauge => {}
            Kind::Counter => {
                let whole = reader.sum(&STORAGE, from.cell);
                if !u64::try_from(whole).is_ok_and(|whole| local::add(to.cell, whole)) {
                    self.add_fraction(to, whole as f64);
                }
                if let Some(cell) = Control::new(from.control).float() {
                    self.add_fraction(to, reader.sum_f64(&STORAGE, cell));
                }
            }
            Kind::Histogram => {
                let sum = self.descriptor().bounds().len() as u32 + 1;
                for at in (0..self.cells()).filter(|at| *at != sum) {
                    // A count of observations is nowhere near 2^64.
                    local::add(to.cell + at, reader.sum(&STORAGE, from.cell + at) as u64);
                }
                local::add_f64(to.cell + sum, reader.sum_f64(&STORAGE, from.cell + sum));
            }
        }
    }

    fn add_fraction(&self, to: Run, amount: f64) {
        let control = Control::new(to.control);
        let cell = control.float().unwrap_or_else(|| self.float_cell(control));
        local::add_f64(cell, amount);
    }
}
