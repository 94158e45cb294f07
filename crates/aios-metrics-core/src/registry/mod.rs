//! Everything that is registered, and the calls by name.

mod bridge;
mod find;
#[cfg(all(test, loom))]
mod loom;
mod options;
mod self_metrics;
mod update;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::options::RegistryOptions;
use crate::bridge::Attached;
use crate::collect::Collect;
use crate::descriptor::Descriptor;
use crate::document::RESERVED_KEYS;
use crate::error::RegisterError;
use crate::format::Format;
use crate::lookup::list::List;
use crate::lookup::memo::Memo;
use crate::lookup::table::{Outgrown, Table};
use crate::metric::series::{Refused, Series};
use crate::metric::{Counter, Family, Gauge, Histogram};
use crate::native::NativeBuckets;
use crate::rolling::RollingSet;
use crate::snapshot::Snapshot;
use crate::source::Source;
use crate::storage::Section;
use crate::storage::limbo::{Limbo, Unlinked};
use crate::storage::local::STORAGE;
use crate::sync::{Mutex, RandomState, lock, try_lock};

/// Everything that is registered: families, rolling metrics, collectors.
///
/// Cheap to clone; clones share everything. Nothing is global: two registries know nothing of each
/// other. Registering takes a lock; looking up, updating and taking snapshots take none.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::{PrometheusText, Registry};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// registry.register_counter("events_total", "Events", &["type"])?;
/// registry.increment_counter("events_total", &[("type", "click")], 2_u64)?;
///
/// let mut page = Vec::new();
/// registry.encode(&PrometheusText, &mut page);
/// assert!(String::from_utf8(page)?.ends_with("events_total{type=\"click\"} 2\n"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    options: RegistryOptions,
    hasher: RandomState,
    /// Families by every name under which they can be updated.
    names: Table,
    /// Where names were found.
    memo: Memo,
    aliases: List<Alias>,
    families: List<Registered>,
    collectors: List<Collector>,
    attached: Attached,
    /// Held while something is registered or unregistered.
    changes: Mutex<Changes>,
    rolling: RollingSet,
    refused: Arc<Refused>,
    /// Snapshots to be filled again by `encode`.
    spare: Mutex<Vec<Snapshot>>,
}

struct Changes {
    /// Who exposes what.
    claims: BTreeMap<String, Claim>,
    limbo: Limbo<Garbage>,
}

/// What was unlinked; readers may still look at it.
#[expect(dead_code, reason = "kept until it is dropped")]
enum Garbage {
    Names(Outgrown),
    Alias(Unlinked<Alias>),
    Family(Unlinked<Registered>),
}

struct Alias {
    name: Box<str>,
    series: Arc<Series>,
}

/// A family, with how often names had changed when it came.
struct Registered {
    since: u64,
    series: Arc<Series>,
}

struct Collector {
    /// How often names had changed when it came.
    since: u64,
    collect: Box<dyn Collect>,
    descriptors: Arc<[Descriptor]>,
}

#[derive(Clone)]
struct Claim {
    descriptor: Descriptor,
    /// `None` for what a collector adds.
    series: Option<Arc<Series>>,
}

impl Registry {
    /// An empty registry with the default [`RegistryOptions`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(RegistryOptions::default())
    }

    /// An empty registry.
    #[must_use]
    pub fn with_options(options: RegistryOptions) -> Self {
        Self(Arc::new(Inner {
            hasher: RandomState::default(),
            names: Table::new(),
            memo: Memo::new(),
            aliases: List::new(),
            families: List::new(),
            collectors: List::new(),
            attached: Attached::new(),
            changes: Mutex::new(Changes { claims: BTreeMap::new(), limbo: Limbo::new() }),
            rolling: RollingSet::new(options.rolling_windows, options.max_rolling, options.time.clone()),
            refused: Arc::default(),
            spare: Mutex::new(Vec::new()),
            options,
        }))
    }

    /// Registers a counter, or finds the one that is registered already: registering the same twice
    /// gives the same family, and the first help stays.
    ///
    /// `jobs` and `jobs_total` are one and the same counter, exposed as `jobs_total`.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] for names that can't be used, and when the name is taken by something else.
    pub fn register_counter(
        &self,
        name: &str,
        help: &str,
        label_names: &[&str],
    ) -> Result<Family<Counter>, RegisterError> {
        self.family(Descriptor::counter(name, help, label_names)?).map(Family::new)
    }

    /// Registers a gauge, or finds the one that is registered already.
    ///
    /// # Errors
    ///
    /// As for [`register_counter`](Self::register_counter).
    pub fn register_gauge(
        &self,
        name: &str,
        help: &str,
        label_names: &[&str],
    ) -> Result<Family<Gauge>, RegisterError> {
        self.family(Descriptor::gauge(name, help, label_names)?).map(Family::new)
    }

    /// Registers a histogram, or finds the one that is registered already. `None` takes the default
    /// buckets of the options.
    ///
    /// # Errors
    ///
    /// As for [`register_counter`](Self::register_counter), and for bounds that can't be used.
    pub fn register_histogram(
        &self,
        name: &str,
        help: &str,
        label_names: &[&str],
        buckets: Option<&[f64]>,
    ) -> Result<Family<Histogram>, RegisterError> {
        let buckets = buckets.unwrap_or(&self.0.options.default_buckets);
        self.family(Descriptor::histogram(name, help, label_names, buckets)?).map(Family::new)
    }

    /// Registers a histogram that has native buckets beside its classic ones, or finds the one that
    /// is registered already.
    ///
    /// The page shows them in protobuf only, the one format that has them: the feature `protobuf`.
    ///
    /// # Errors
    ///
    /// As for [`register_histogram`](Self::register_histogram), and for native buckets that can't be
    /// used or are too many: a histogram has 1,022 buckets at the most, native ones included.
    pub fn register_native_histogram(
        &self,
        name: &str,
        help: &str,
        label_names: &[&str],
        buckets: Option<&[f64]>,
        native: NativeBuckets,
    ) -> Result<Family<Histogram>, RegisterError> {
        let buckets = buckets.unwrap_or(&self.0.options.default_buckets);
        self.family(Descriptor::native_histogram(name, help, label_names, buckets, native)?).map(Family::new)
    }

    /// Registers a collector, which adds families of its own to every snapshot.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] when a family that it describes has a name that is taken or reserved.
    pub fn register(&self, collector: impl Collect) -> Result<(), RegisterError> {
        let descriptors: Arc<[Descriptor]> = collector.describe().into();
        let claims = &mut lock(&self.0.changes).claims;
        let mut added = BTreeMap::new();
        for descriptor in &*descriptors {
            check_reserved(descriptor)?;
            let taken = free(claims, descriptor)?.or(free(&added, descriptor)?);
            if let Some(claim) = taken {
                return Err(conflict(descriptor.exposed_name(), &claim.descriptor, descriptor));
            }
            let claim = Claim { descriptor: descriptor.clone(), series: None };
            added.extend(descriptor.claimed_names().into_iter().map(|name| (name, claim.clone())));
        }
        claims.append(&mut added);
        let since = self.0.attached.note_change_of_names();
        self.0.collectors.push(Collector { since, collect: Box::new(collector), descriptors });
        Ok(())
    }

    /// Appends the page in `format` to `out`.
    ///
    /// Stops no writer. Allocates nothing once `out` and the registry's spare snapshot have grown to
    /// their size.
    pub fn encode(&self, format: &impl Format, out: &mut Vec<u8>) {
        self.with_spare(|snapshot| {
            self.snapshot_into(snapshot);
            format.encode(snapshot, out);
        });
    }

    /// Lends a snapshot without summaries that was used before, if there is one.
    fn with_spare<T>(&self, work: impl FnOnce(&mut Snapshot) -> T) -> T {
        let mut snapshot = lock(&self.0.spare).pop().unwrap_or_else(Snapshot::samples_only);
        let result = work(&mut snapshot);
        snapshot.clear(snapshot.taken());
        lock(&self.0.spare).push(snapshot);
        result
    }

    fn family(&self, descriptor: Descriptor) -> Result<Arc<Series>, RegisterError> {
        let inner = &*self.0;
        check_reserved(&descriptor)?;
        let mut changes = lock(&inner.changes);
        if let Some(claim) = free(&changes.claims, &descriptor)? {
            return claim
                .series
                .clone()
                .ok_or_else(|| conflict(descriptor.exposed_name(), &claim.descriptor, &descriptor));
        }
        let series = Arc::new(Series::new(descriptor.clone(), &inner.options, Arc::clone(&inner.refused)));
        let claim = Claim { descriptor: descriptor.clone(), series: Some(Arc::clone(&series)) };
        changes.claims.extend(descriptor.claimed_names().into_iter().map(|name| (name, claim.clone())));
        let since = inner.attached.note_change_of_names();
        for name in descriptor.update_names() {
            let index = inner.aliases.push(Alias { name: name.into(), series: Arc::clone(&series) });
            if let Some(outgrown) = inner.names.insert(self.hash(name), index as u64, |at| self.hash_of(at)) {
                changes.limbo.retire_large([Garbage::Names(outgrown)]);
            }
        }
        inner.families.push(Registered { since, series: Arc::clone(&series) });
        let garbage = changes.limbo.poll(&STORAGE);
        drop(changes);
        drop(garbage);
        Ok(series)
    }

    /// Takes a family off the registry, by any name under which it can be updated; `false` when there is
    /// none. What a collector adds belongs to the collector and stays.
    ///
    /// Its name can be registered again, as anything. A [`Family`] and handles that are still held go on
    /// working, and count into nothing that is shown; by name it is unknown from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// use aios_metrics_core::Registry;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = Registry::new();
    /// registry.register_counter("jobs_total", "Jobs", &[])?;
    /// assert!(registry.unregister("jobs_total"));
    /// assert!(!registry.unregister("jobs_total"));
    /// registry.register_gauge("jobs", "Jobs that are running", &[])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn unregister(&self, name: &str) -> bool {
        let inner = &*self.0;
        let mut changes = lock(&inner.changes);
        let Some(series) = self.find(&Section::enter(), name).cloned() else { return false };
        let descriptor = series.descriptor();
        for name in descriptor.claimed_names() {
            changes.claims.remove(&name);
        }
        for name in descriptor.update_names() {
            let hash = self.hash(name);
            if let Some(index) = inner.names.candidates(hash).find(|&at| self.alias(at, name).is_some()) {
                inner.names.remove(hash, index);
                changes.limbo.retire_large(inner.aliases.take(index as usize).map(Garbage::Alias));
                inner.memo.forget(index);
            }
        }
        let place = (0..inner.families.end())
            .find(|&at| inner.families.get(at).is_some_and(|family| Arc::ptr_eq(&family.series, &series)));
        let family = place.and_then(|at| inner.families.take(at));
        changes.limbo.retire_large(family.map(Garbage::Family));
        // Not before it is out of the list: whoever sees the change must not find the family any more.
        inner.attached.note_change_of_names();
        let garbage = changes.limbo.poll(&STORAGE);
        drop(changes);
        // A family is large, so nobody waits for it to be freed.
        drop((garbage, series));
        true
    }

    /// Frees what nobody looks at any more, unless somebody registers just now.
    fn tidy_up(&self) {
        while let Some(mut changes) = try_lock(&self.0.changes) {
            let garbage = changes.limbo.empty(&STORAGE);
            drop(changes);
            if garbage.is_empty() {
                break;
            }
        }
    }

    /// Fills a snapshot, with what is attached or without.
    fn fill(&self, snapshot: &mut Snapshot, with_attached: bool) {
        let inner = &*self.0;
        self.tidy_up();
        // What comes later is left out: it may have a name of what has been there and is gone by then.
        let names = inner.attached.names();
        snapshot.clear(inner.options.time.wall());
        for index in 0..inner.families.end() {
            // One for each, so that a long walk holds nothing up; and none while a collector works.
            let _section = Section::enter();
            if let Some(family) = inner.families.get(index).filter(|family| family.since <= names) {
                snapshot.add_series(&family.series);
            }
        }
        if with_attached {
            inner.add_attached(names, snapshot);
        }
        // Behind what is attached, so that the figures of it are those of this snapshot.
        for collector in inner.collectors.iter().filter(|collector| collector.since <= names) {
            if snapshot.expect(&collector.descriptors) {
                collector.collect.collect(snapshot);
            }
        }
        if let Some(summaries) = snapshot.summaries_mut() {
            inner.rolling.summarize(summaries);
        }
        snapshot.finish();
    }
}

/// No sample may stand under a key that the document uses itself.
fn check_reserved(wanted: &Descriptor) -> Result<(), RegisterError> {
    for name in wanted.claimed_names() {
        if let Some(&key) = RESERVED_KEYS.iter().find(|key| **key == name) {
            return Err(RegisterError::ReservedName { name, key: key.to_owned() });
        }
    }
    Ok(())
}

/// The claim of the same family, if there is one; an error if something else claims one of its names.
fn free<'c>(
    claims: &'c BTreeMap<String, Claim>,
    wanted: &Descriptor,
) -> Result<Option<&'c Claim>, RegisterError> {
    let mut same = None;
    for name in wanted.claimed_names() {
        if let Some(claim) = claims.get(&name) {
            if !claim.descriptor.agrees_with(wanted) {
                return Err(conflict(&name, &claim.descriptor, wanted));
            }
            same = Some(claim);
        }
    }
    Ok(same)
}

fn conflict(exposed: &str, existing: &Descriptor, requested: &Descriptor) -> RegisterError {
    RegisterError::Conflict {
        exposed: exposed.to_owned(),
        existing: existing.to_string(),
        requested: requested.to_string(),
    }
}

impl Source for Registry {
    fn snapshot_into(&self, snapshot: &mut Snapshot) {
        self.fill(snapshot, true);
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("families", &self.0.families.len())
            .field("collectors", &self.0.collectors.len())
            .field("attached", &self.0.attached)
            .field("rolling", &self.0.rolling)
            .finish()
    }
}
