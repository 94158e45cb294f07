//! The end of series: removed by their family's owner, or because nothing happens to them any more.
//!
//! A series is unlinked first, so that nobody finds it any more. Its cells are used again when no
//! section is open in which it could have been found, and no handle of it is left.

use std::collections::HashMap;
use std::time::Duration;

use super::control::Control;
use super::series::{Series, total};
use super::{Total, gauge, histogram};
use crate::descriptor::Kind;
use crate::error::LabelError;
use crate::format::labels::{self, Labels};
use crate::lookup::Retired;
use crate::lookup::node::{Node, Run};
use crate::storage::limbo::Limbo;
use crate::storage::local::{self, STORAGE};
use crate::storage::{Reader, Section};
use crate::sync::{Ordering, RandomState, lock, try_lock, yield_now};

/// What belongs to the lock under which series come and go.
pub(crate) struct Changes {
    /// In which the text of a new series is rendered.
    pub(super) text: Vec<u8>,
    pub(super) limbo: Limbo<Garbage>,
    /// The control word of the overflow series, once there is one.
    pub(super) overflow: Option<u32>,
    /// Whether the cap was warned of.
    pub(super) warned: bool,
    expiry: Option<Expiry>,
}

/// What waits until nobody looks at it any more.
pub(crate) enum Garbage {
    Lookup(Retired),
    /// A series that was removed.
    Series(Run),
    Idle(Idle),
}

/// A series that has expired, as it was seen last.
pub(crate) struct Idle {
    pub(super) run: Run,
    value: Seen,
    text: Box<[u8]>,
}

/// When series expire, and since when their values have been what they are.
struct Expiry {
    after: Duration,
    /// When a new series has those that are there judged again.
    due: Duration,
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

/// Hands over what a search may still walk: a list of blocks is small beside a table or a block.
pub(super) fn retire_from_lookup(limbo: &mut Limbo<Garbage>, retired: Retired) {
    match retired {
        Retired::Directory(_) => limbo.retire(Garbage::Lookup(retired)),
        Retired::Entries(_) | Retired::Block(_) => limbo.retire_large([Garbage::Lookup(retired)]),
    }
}

impl Changes {
    pub(super) const fn new() -> Self {
        Self { text: Vec::new(), limbo: Limbo::new(), overflow: None, warned: false, expiry: None }
    }
}

impl Series {
    /// Removes the series with these values; `false` when there is none.
    pub(crate) fn remove(&self, values: &[&str]) -> Result<bool, LabelError> {
        self.check_count(values)?;
        let section = Section::enter();
        let mut changes = lock(&self.changes);
        let Some((place, node)) = self.find_placed(self.hash(&values), &values) else { return Ok(false) };
        let run = self.unlink(&mut changes, place, node);
        changes.limbo.retire(Garbage::Series(run));
        self.finish(&mut changes);
        let crowded = changes.limbo.is_crowded();
        drop((changes, section));
        if crowded {
            yield_now();
        }
        Ok(true)
    }

    /// Removes every series.
    pub(crate) fn clear(&self) {
        self.remove_if(|_| true);
    }

    /// Removes the series whose labels `keep` refuses.
    pub(crate) fn retain(&self, mut keep: impl FnMut(Labels<'_>) -> bool) {
        // Asked outside of all locks, since what the caller does there is the caller's business.
        let blocks: Vec<_> = {
            let _section = Section::enter();
            self.nodes().blocks().cloned().collect()
        };
        let mut refused = HashMap::new();
        for (node, _) in blocks.iter().flat_map(|block| block.nodes()).filter(|(node, _)| !node.is_dead()) {
            if !keep(Labels::new(node.text())) {
                refused.insert(node.run().control, node.text());
            }
        }
        if !refused.is_empty() {
            // The word of a series that was removed meanwhile may be another one's by now.
            self.remove_if(|node| refused.get(&node.run().control) == Some(&node.text()));
        }
    }

    fn remove_if(&self, mut unwanted: impl FnMut(Node<'_>) -> bool) {
        let _section = Section::enter();
        let mut changes = lock(&self.changes);
        for (place, node) in self.nodes.places() {
            if unwanted(node) {
                let run = self.unlink(&mut changes, place, node);
                changes.limbo.retire(Garbage::Series(run));
            }
        }
        self.finish(&mut changes);
    }

    /// Makes a series one that nobody finds any more.
    fn unlink(&self, changes: &mut Changes, place: u64, node: Node<'_>) -> Run {
        let run = node.run();
        Control::new(run.control).unlink();
        self.table.remove(node.hash(), place);
        self.nodes.kill(place);
        self.len.fetch_sub(1, Ordering::Release);
        changes.overflow = changes.overflow.filter(|&control| control != run.control);
        if let Some(expiry) = &mut changes.expiry {
            expiry.since.remove(&run.control);
        }
        run
    }

    /// What follows when series were unlinked.
    fn finish(&self, changes: &mut Changes) {
        let limbo = &mut changes.limbo;
        let moved = |hash, from, to| self.table.replace(hash, from, to);
        self.nodes.rewrite(moved, &mut |retired| retire_from_lookup(limbo, retired));
        let hash_of = |place| self.nodes.node(place).map_or(0, Node::hash);
        if let Some(outgrown) = self.table.shrink(hash_of) {
            retire_from_lookup(limbo, Retired::Entries(outgrown));
        }
        self.reopen(changes);
        self.stand_at_zero(changes);
        self.collect_garbage(changes);
    }

    /// Frees what nobody looks at any more, once there is enough of it.
    pub(super) fn collect_garbage(&self, changes: &mut Changes) {
        if !changes.limbo.is_empty() {
            let garbage = changes.limbo.poll(&STORAGE);
            self.free_all(changes, garbage);
        }
    }

    fn free_all(&self, changes: &mut Changes, garbage: Vec<Garbage>) {
        let mut blocks = Vec::new();
        for garbage in garbage {
            match garbage {
                Garbage::Lookup(Retired::Block(number)) => blocks.push(number),
                Garbage::Lookup(Retired::Entries(_) | Retired::Directory(_)) => {}
                // With a handle left, the last one frees it.
                Garbage::Series(run) if Control::new(run.control).abandon() => self.free(run),
                Garbage::Series(_) => {}
                Garbage::Idle(idle) => self.bury(changes, idle),
            }
        }
        let limbo = &mut changes.limbo;
        self.nodes.release(&blocks, &mut |retired| retire_from_lookup(limbo, retired));
    }

    /// Lets series that are unchanged for `after` leave the page.
    pub(crate) fn expire_after(&self, after: Duration) {
        let mut changes = lock(&self.changes);
        let due = self.time.monotonic() + after;
        match &mut changes.expiry {
            Some(expiry) => (expiry.after, expiry.due) = (after, due),
            expiry @ None => *expiry = Some(Expiry { after, due, since: HashMap::default() }),
        }
        self.expires.store(true, Ordering::Relaxed);
    }

    /// What a reader does on its way: lets idle series go, and frees what nobody looks at.
    pub(crate) fn tidy_up(&self) {
        if let Some(mut changes) = try_lock(&self.changes) {
            let _section = Section::enter();
            self.sweep(&mut changes);
            if !changes.limbo.is_empty() {
                let garbage = changes.limbo.empty(&STORAGE);
                self.free_all(&mut changes, garbage);
            }
        }
    }

    /// Judges all series before one is created, if that wasn't done lately.
    pub(super) fn sweep_if_due(&self, changes: &mut Changes) {
        if changes.expiry.as_ref().is_some_and(|expiry| expiry.due <= self.time.monotonic()) {
            self.sweep(changes);
        }
    }

    /// Removes series that have been idle for long enough, or hides them while they have a handle.
    fn sweep(&self, changes: &mut Changes) {
        let Some(mut expiry) = changes.expiry.take() else { return };
        let now = self.time.monotonic();
        expiry.due = now + expiry.after / 8;
        let reader = &mut Reader::default();
        let mut gone = false;
        for (place, node) in self.nodes.places() {
            let run = node.run();
            let value = self.seen(reader, run);
            let touched = self.descriptor().kind() == Kind::Gauge && Control::new(run.control).take_touched();
            let (before, since) = expiry.since.entry(run.control).or_insert((value, now));
            if touched || *before != value {
                (*before, *since) = (value, now);
            }
            let idle = now.saturating_sub(*since) >= expiry.after;
            // An unlabelled metric always is there.
            let removable = self.descriptor().label_count() > 0;
            if idle && removable && Control::new(run.control).unlink_unless_held() {
                expiry.since.remove(&run.control);
                self.unlink(changes, place, node);
                changes.limbo.retire(Garbage::Idle(Idle { run, value, text: node.text().into() }));
                gone = true;
            } else {
                node.set_hidden(idle);
            }
        }
        changes.expiry = Some(expiry);
        if gone {
            self.finish(changes);
        }
    }

    fn seen(&self, reader: &mut Reader<'static>, run: Run) -> Seen {
        match self.descriptor().kind() {
            Kind::Counter => Seen::Total(total(reader, run)),
            Kind::Gauge => Seen::Bits(gauge::word(run).load(Ordering::Relaxed)),
            Kind::Histogram => Seen::Count(histogram::count(reader, self, run)),
        }
    }

    /// Frees a series that has expired. If somebody had found it just before and has updated it since,
    /// it wasn't idle: it comes back with all that it holds.
    fn bury(&self, changes: &mut Changes, idle: Idle) {
        let Idle { run, value, text } = idle;
        let control = Control::new(run.control);
        let reader = &mut Reader::default();
        let touched = self.descriptor().kind() == Kind::Gauge && control.take_touched();
        if !touched && self.seen(reader, run) == value {
            self.free(run);
            return;
        }
        let values: Vec<_> = labels::parse(std::str::from_utf8(&text).unwrap_or_default()).collect();
        let values: Vec<&str> = values.iter().map(|(_, value)| &**value).collect();
        let hash = self.hash(&&*values);
        if let Some((_, node)) = self.find_placed(hash, &&*values) {
            self.add_to(reader, run, node.run());
            self.free(run);
        } else {
            control.relink();
            changes.text.clear();
            let escaped = self.descriptor().rendered().pieces.write(&&*values, &mut changes.text);
            self.insert(changes, hash, escaped, run);
        }
    }

    /// Adds what one series holds to another; a gauge that was set again keeps its value.
    fn add_to(&self, reader: &mut Reader<'static>, from: Run, to: Run) {
        match self.descriptor().kind() {
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

    /// Adds to the fractions of a counter, under the lock.
    fn add_fraction(&self, to: Run, amount: f64) {
        let control = Control::new(to.control);
        let cell = control.float().unwrap_or_else(|| {
            let cell = STORAGE.take(1);
            control.set_float(cell);
            cell
        });
        local::add_f64(cell, amount);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;
    use crate::descriptor::Descriptor;
    use crate::native::NativeBuckets;
    use crate::registry::RegistryOptions;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn series(descriptor: Descriptor) -> (Series, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new());
        let options = RegistryOptions::default().with_clock(clock.clone());
        let series = Series::new(descriptor, &options, Arc::default());
        series.expire_after(HOUR);
        (series, clock)
    }

    fn find_or_create(series: &Series, section: &Section) -> Run {
        series.with_values(section, &["a"]).map(Node::run).expect("one value for one label")
    }

    /// Lets the series with the value "a" expire while a section is open in which it was found; then
    /// `update` is what the finder does with it.
    fn expire_under(series: &Series, clock: &ManualClock, update: impl FnOnce(Run)) {
        let section = Section::enter();
        let found = find_or_create(series, &section);
        // Another thread, as this one is in a section.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                series.tidy_up();
                clock.advance(HOUR);
                series.tidy_up();
                series.tidy_up();
            });
        });
        assert!(series.existing(&section, &[("by", "a")]).is_none());
        update(found);
    }

    fn run(series: &Series) -> Option<Run> {
        series.existing(&Section::enter(), &[("by", "a")]).map(Node::run)
    }

    #[test]
    fn an_update_of_a_series_that_expires_meanwhile_brings_it_back() {
        let (series, clock) = series(Descriptor::counter("jobs_total", "Jobs", &["by"]).unwrap());
        let before = {
            let section = Section::enter();
            let run = find_or_create(&series, &section);
            local::add(run.cell, 5);
            run
        };
        expire_under(&series, &clock, |found| {
            local::add(found.cell, 2);
        });
        assert_eq!((run(&series), series.len()), (None, 0));
        series.tidy_up();
        let back = run(&series).unwrap();
        assert_eq!((back, series.len()), (before, 1));
        assert_eq!(total(&mut Reader::default(), back), Total::Whole(7));
        // It can be held again, and expire again.
        let found = |series: &Series, section: &Section| series.with_values(section, &["a"]).map(Node::run);
        let (_, control) = series.hold(found).unwrap();
        assert!(!control.release());
        series.tidy_up();
        clock.advance(HOUR);
        series.tidy_up();
        series.tidy_up();
        assert_eq!(run(&series), None);
    }

    #[test]
    fn it_is_added_to_the_one_that_was_created_meanwhile() {
        let (series, clock) = series(Descriptor::counter("jobs_total", "Jobs", &["by"]).unwrap());
        expire_under(&series, &clock, |found| {
            local::add(found.cell, 2);
            series.add_fraction(found, 0.25);
            let section = Section::enter();
            let new = find_or_create(&series, &section);
            assert_ne!(new, found);
            local::add(new.cell, 1);
        });
        series.tidy_up();
        assert_eq!(total(&mut Reader::default(), run(&series).unwrap()), Total::Float(3.25));
        assert_eq!(series.len(), 1);
    }

    #[test]
    fn so_are_the_observations_of_a_histogram() {
        let native = NativeBuckets::new(0, 1.0..=8.0);
        let descriptor = Descriptor::native_histogram("sizes", "Sizes", &["by"], &[1.0], native).unwrap();
        let (series, clock) = series(descriptor);
        expire_under(&series, &clock, |found| {
            histogram::observe(&series, found.cell, 0.5);
            histogram::observe(&series, found.cell, 2.5);
            let section = Section::enter();
            let new = find_or_create(&series, &section);
            histogram::observe(&series, new.cell, 7.0);
        });
        series.tidy_up();
        let (reader, run) = (&mut Reader::default(), run(&series).unwrap());
        assert_eq!((histogram::count(reader, &series, run), histogram::sum(reader, &series, run)), (3, 10.0));
        assert_eq!(reader.sum(&STORAGE, run.cell), 1);
        // Behind the sum: those up to 1, up to 2, up to 4, up to 8.
        assert_eq!([3, 4, 5, 6].map(|at| reader.sum(&STORAGE, run.cell + at)), [1, 0, 1, 1]);
    }

    #[test]
    fn a_gauge_that_is_set_to_the_same_meanwhile_comes_back() {
        let (series, clock) = series(Descriptor::gauge("queue", "Queue", &["by"]).unwrap());
        expire_under(&series, &clock, |found| gauge::set(&series, found, 0.0));
        series.tidy_up();
        assert!(run(&series).is_some());
    }
}
