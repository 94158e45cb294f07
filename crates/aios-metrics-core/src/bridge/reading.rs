//! Attached registries, read into a snapshot.

use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::attach::Attach;
use super::exemplar::{self, Exemplar};
use super::histogram;
use super::rejected::{Reason, Rejected};
use super::text::{self, Family, Part, families, last_family};
use crate::descriptor::{Descriptor, Type};
use crate::document::RESERVED_KEYS;
use crate::snapshot::{Snapshot, Value};
use crate::sync::{AtomicU64, Mutex, Ordering, RandomState, lock};

/// The registries that are attached to one of ours.
///
/// They are read together: a family that several of them have, or one of them in several parts (its
/// sub-registries with labels), stands on the page once, with all its series. No lock is held while
/// foreign code runs.
pub(crate) struct Attached {
    registries: Mutex<Vec<Arc<dyn Attach>>>,
    /// How often the names of our own families have changed.
    names: AtomicU64,
    rejected: Rejected,
    /// Readings to be filled again.
    spare: Mutex<Vec<Reading>>,
}

impl Attached {
    pub(crate) fn new() -> Self {
        Self {
            registries: Mutex::new(Vec::new()),
            names: AtomicU64::new(0),
            rejected: Rejected::default(),
            spare: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn push(&self, registry: Arc<dyn Attach>) {
        lock(&self.registries).push(registry);
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.registries).is_empty()
    }

    /// What was left out so far.
    pub(crate) fn rejected(&self) -> &Rejected {
        &self.rejected
    }

    /// How the names of our own families stand; asked before a snapshot takes the families.
    pub(crate) fn names(&self) -> u64 {
        self.names.load(Ordering::Acquire)
    }

    /// Names of our own families were taken or given up, which can change what is shown of others. Answers
    /// how they stand now.
    pub(crate) fn note_change_of_names(&self) -> u64 {
        self.names.fetch_add(1, Ordering::Release) + 1
    }

    /// Adds all families that can be shown, but those of which a name is taken by one of ours.
    /// `names` is how those stood.
    pub(crate) fn collect(&self, names: u64, is_taken: impl Fn(&str) -> bool, snapshot: &mut Snapshot) {
        let registries = lock(&self.registries).clone();
        if registries.is_empty() {
            return;
        }
        let mut reading = lock(&self.spare).pop().unwrap_or_default();
        reading.encode(&registries, &self.rejected);
        reading.show(names, is_taken, &self.rejected, snapshot);
        lock(&self.spare).push(reading);
    }
}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached").field("len", &lock(&self.registries).len()).finish_non_exhaustive()
    }
}

/// What one snapshot needs, and the next one again.
#[derive(Default)]
struct Reading {
    /// What each registry wrote.
    texts: Vec<String>,
    known: Known,
    /// Hashes of the label sets of a family.
    seen: HashSet<u64, RandomState>,
}

impl Reading {
    fn encode(&mut self, registries: &[Arc<dyn Attach>], rejected: &Rejected) {
        self.texts.resize_with(registries.len(), String::new);
        for (registry, text) in registries.iter().zip(&mut self.texts) {
            text.clear();
            // A text that a panic has cut off is no worse than one that an error has.
            let reason = match catch_unwind(AssertUnwindSafe(|| registry.encode(text))) {
                Ok(Ok(())) => continue,
                Ok(Err(_)) => Reason::Encoder,
                Err(_) => Reason::Panic,
            };
            // The family it was at may miss samples.
            let (at, name) = last_family(text);
            rejected.note(reason, name);
            text.truncate(at);
        }
    }

    fn show(
        &mut self,
        names: u64,
        is_taken: impl Fn(&str) -> bool,
        rejected: &Rejected,
        snapshot: &mut Snapshot,
    ) {
        let mut found: Vec<Found<'_>> = Vec::with_capacity(self.known.families.len());
        for (place, family) in self.texts.iter().flat_map(|text| families(text)).enumerate() {
            match family {
                Ok(family) => found.push(Found { family, place }),
                Err(unreadable) => rejected.note(unreadable.reason, unreadable.name),
            }
        }
        found.sort_unstable_by(|a, b| (a.family.name, a.place).cmp(&(b.family.name, b.place)));
        self.known.refresh(&found, names, is_taken, snapshot);
        for (known, parts) in self.known.families.iter_mut().zip(groups(&found)) {
            let descriptor = match &mut known.shown {
                Ok(descriptor) => descriptor,
                Err(reason) => {
                    rejected.note(*reason, &known.name);
                    continue;
                }
            };
            if !snapshot.selects(descriptor) {
                continue;
            }
            let ty = known.ty;
            let fits = |part: &&Family<'_>| {
                let fits = part.ty == ty;
                if !fits {
                    rejected.note(Reason::Conflict, part.name);
                }
                fits
            };
            let parts = parts.iter().map(|found| &found.family).filter(fits);
            self.seen.clear();
            let mut series = Series { name: &known.name, seen: &mut self.seen, rejected, snapshot };
            if ty == Type::Histogram {
                series.histograms(parts, descriptor);
            } else {
                series.scalars(parts, descriptor);
            }
        }
    }
}

/// A family, and how many came before it.
struct Found<'t> {
    family: Family<'t>,
    place: usize,
}

/// What belongs to the same family.
fn groups<'f, 't>(sorted: &'f [Found<'t>]) -> impl Iterator<Item = &'f [Found<'t>]> {
    sorted.chunk_by(|a, b| a.family.name == b.family.name)
}

/// The families of the last reading, by name: most mostly come again, and nothing about them has to
/// be checked or rendered anew.
#[derive(Default)]
struct Known {
    /// How the names of our own families stood.
    names: u64,
    families: Vec<KnownFamily>,
}

struct KnownFamily {
    name: String,
    ty: Type,
    help: String,
    unit: Option<String>,
    /// The family as the snapshot has it, or why it doesn't.
    shown: Result<Descriptor, Reason>,
}

impl Known {
    /// Brings what is known up to date with what was found, sorted by name. Of families that can't
    /// stand together, ours are shown, or else those that come first.
    ///
    /// A family of ours that was unregistered a moment ago may still be in the snapshot.
    fn refresh(
        &mut self,
        found: &[Found<'_>],
        names: u64,
        is_taken: impl Fn(&str) -> bool,
        snapshot: &Snapshot,
    ) {
        let firsts = || groups(found).map(|parts| &parts[0]);
        if self.names == names && firsts().map(|first| &first.family).eq(&self.families) {
            return;
        }
        self.names = names;
        self.families = firsts().map(|first| KnownFamily::new(&first.family)).collect();
        let places = firsts().map(|first| first.place);
        let mut in_turn: Vec<_> = places.zip(&mut self.families).collect();
        in_turn.sort_unstable_by_key(|(place, _)| *place);
        let mut taken: HashSet<String> = snapshot.claimed_names().collect();
        for (_, family) in in_turn {
            let Ok(descriptor) = &family.shown else { continue };
            let names = descriptor.claimed_names();
            let is_taken = |name: &String| {
                taken.contains(name) || RESERVED_KEYS.contains(&name.as_str()) || is_taken(name)
            };
            if names.iter().any(is_taken) {
                family.shown = Err(Reason::Conflict);
            } else {
                taken.extend(names);
            }
        }
    }
}

impl KnownFamily {
    fn new(&Family { name, ty, help, unit, .. }: &Family<'_>) -> Self {
        let shown = Descriptor::attached(name, help, ty, unit, &[]).map_err(|_| Reason::Name);
        Self { name: name.to_owned(), ty, help: help.to_owned(), unit: unit.map(str::to_owned), shown }
    }
}

impl PartialEq<KnownFamily> for Family<'_> {
    fn eq(&self, known: &KnownFamily) -> bool {
        (self.name, self.ty, self.help, self.unit)
            == (&*known.name, known.ty, &*known.help, known.unit.as_deref())
    }
}

/// Takes the series of one family to the snapshot.
struct Series<'s> {
    name: &'s str,
    seen: &'s mut HashSet<u64, RandomState>,
    rejected: &'s Rejected,
    snapshot: &'s mut Snapshot,
}

impl Series<'_> {
    /// Counters, gauges and what is shown like them.
    fn scalars<'f, 't: 'f>(&mut self, parts: impl Iterator<Item = &'f Family<'t>>, descriptor: &Descriptor) {
        self.snapshot.begin_attached(descriptor);
        for part in parts {
            let mut samples = part.samples();
            while let Some(sample) = samples.next() {
                let sample = match sample {
                    Ok(sample) if sample.part == Part::Value => sample,
                    Ok(_) => continue,
                    Err(reason) => {
                        self.reject(reason);
                        continue;
                    }
                };
                let Some(value) = scalar(part.ty, sample.value) else {
                    self.reject(Reason::Value);
                    continue;
                };
                let exemplar = sample.exemplar.map(|text| (0, text));
                if exemplar.is_some() && part.ty != Type::Counter {
                    self.reject(Reason::Exemplar);
                    self.push(sample.labels, value, &[]);
                } else {
                    self.push(sample.labels, value, exemplar.as_slice());
                }
            }
        }
    }

    /// Histograms; the first series says what the buckets of the family are.
    fn histograms<'f, 't: 'f>(
        &mut self,
        parts: impl Iterator<Item = &'f Family<'t>>,
        descriptor: &mut Descriptor,
    ) {
        let mut begun = false;
        for part in parts {
            histogram::read(part, |series| match series {
                Ok(histogram) => {
                    if !begun && descriptor.bounds() != histogram.bounds {
                        *descriptor = descriptor.with_bounds(histogram.bounds);
                    }
                    if !begun {
                        self.snapshot.begin_attached(descriptor);
                        begun = true;
                    }
                    if descriptor.bounds() == histogram.bounds {
                        let value = Value::Histogram { buckets: histogram.buckets, sum: histogram.sum };
                        self.push(histogram.labels, value, histogram.exemplars);
                    } else {
                        self.reject(Reason::Buckets);
                    }
                }
                Err(reason) => self.reject(reason),
            });
        }
        if !begun {
            self.snapshot.begin_attached(descriptor);
        }
    }

    /// Adds a series, and what can be read of its exemplars, each behind the place of its bucket.
    fn push(&mut self, labels: &[text::Label<'_>], value: Value<'_>, exemplars: &[(u32, &str)]) {
        let hash = text::hash(labels, self.seen.hasher());
        if !self.seen.insert(hash) {
            return self.reject(Reason::Duplicate);
        }
        self.snapshot.push_attached(labels, value);
        for &(bucket, text) in exemplars {
            match exemplar::Reader::default().read(text) {
                Some(Exemplar { labels, value, at }) => {
                    self.snapshot.push_attached_exemplar(bucket, labels, value, at);
                }
                None => self.reject(Reason::Exemplar),
            }
        }
    }

    fn reject(&self, reason: Reason) {
        self.rejected.note(reason, self.name);
    }
}

/// The value of a sample, if its type can have it. Rust reads every number that the encoder writes.
fn scalar(ty: Type, text: &str) -> Option<Value<'static>> {
    if ty == Type::Counter
        && let Ok(whole) = text.parse()
    {
        return Some(Value::Whole(whole));
    }
    let value: f64 = text.parse().ok()?;
    let fits = match ty {
        Type::Counter => value.is_finite() && value >= 0.0,
        Type::Info => value == 1.0,
        Type::Gauge | Type::Unknown => true,
        Type::Histogram => false,
    };
    fits.then_some(Value::Float(value))
}
