//! The series of one family: finding them, creating them, counting what was refused.

use std::sync::Arc;

use std::hash::{BuildHasher, Hasher};
use tracing::warn;

use crate::descriptor::{Descriptor, Kind};
use crate::error::LabelError;
use crate::format::labels::equal;
use crate::lookup::node::{MAX_TEXT, Node, Nodes};
use crate::lookup::table::Table;
use crate::lookup::values::{AnyOrder, InOrder, Same, Values};
use crate::storage::Reader;
use crate::storage::local::STORAGE;
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, RandomState, lock};

use super::Total;

/// The value of every label of the series that takes the updates past the cardinality cap.
const OVERFLOW: &str = "__overflow__";
const UNLABELLED: &[&str] = &[];

/// Updates that were refused, for all families of a registry.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    pub(crate) amounts: AtomicU64,
    pub(crate) observations: AtomicU64,
}

/// All series of a family.
///
/// Finding one takes no lock and writes to no shared memory. Creating one takes the lock `create`,
/// which nobody who finds, updates or reads ever waits for.
pub(crate) struct Series {
    descriptor: Descriptor,
    refused: Arc<Refused>,
    hasher: RandomState,
    table: Table,
    nodes: Nodes,
    len: AtomicUsize,
    /// Held to create a series; guards the buffer in which its text is rendered.
    create: Mutex<Vec<u8>>,
    max_series: usize,
    /// Set once the cap is reached; from then on a miss means the overflow series.
    full: AtomicBool,
    /// Updates of an unlabelled metric that carried labels.
    dropped_labels: AtomicU64,
    /// Updates that went to the overflow series because of the cap.
    overflowed: AtomicU64,
    /// The place of the overflow series plus one; 0 until there is one.
    overflow: AtomicU64,
}

impl Series {
    pub(crate) fn new(descriptor: Descriptor, max_series: usize, refused: Arc<Refused>) -> Self {
        let series = Self {
            refused,
            hasher: RandomState::default(),
            table: Table::new(),
            nodes: Nodes::new(),
            len: AtomicUsize::new(0),
            create: Mutex::new(Vec::new()),
            max_series: max_series.max(1),
            full: AtomicBool::new(false),
            dropped_labels: AtomicU64::new(0),
            overflowed: AtomicU64::new(0),
            overflow: AtomicU64::new(0),
            descriptor,
        };
        if series.descriptor.label_count() == 0 {
            // An unlabelled metric stands at 0 from registration.
            series.find_or_create(&UNLABELLED);
        }
        series
    }

    pub(crate) fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    pub(crate) fn refused(&self) -> &Refused {
        &self.refused
    }

    pub(crate) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    pub(crate) fn dropped_labels(&self) -> u64 {
        self.dropped_labels.load(Ordering::Relaxed)
    }

    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// How many cells a series takes: one, or for a histogram its buckets, `+Inf` and the sum.
    fn cells(&self) -> u32 {
        match self.descriptor.kind() {
            Kind::Histogram => self.descriptor.bounds().len() as u32 + 2,
            _ => 1,
        }
    }

    /// The series with these values, in the order of registration.
    #[inline]
    pub(crate) fn with_values(&self, values: &[&str]) -> Result<Node<'_>, LabelError> {
        if values.len() != self.descriptor.label_count() {
            return Err(self.wrong_count(values.len()));
        }
        Ok(self.find_or_create(&values))
    }

    /// The series with these labels, in any order.
    #[inline]
    pub(crate) fn with_labels(&self, labels: &[(&str, &str)]) -> Result<Node<'_>, LabelError> {
        let names = self.descriptor.names();
        if names.len() == labels.len()
            && names.iter().zip(labels).all(|(name, (given, _))| equal(name.as_bytes(), given.as_bytes()))
        {
            return Ok(self.find_or_create(&InOrder(labels)));
        }
        self.with_other_labels(labels)
    }

    fn with_other_labels(&self, labels: &[(&str, &str)]) -> Result<Node<'_>, LabelError> {
        let names = self.descriptor.names();
        if names.is_empty() {
            self.note_dropped_labels(labels);
            return Ok(self.find_or_create(&UNLABELLED));
        }
        let given = |name: &str| labels.iter().any(|(given, _)| *given == name);
        if names.len() != labels.len() || !names.iter().all(|name| given(name)) {
            return Err(self.wrong_names(labels));
        }
        Ok(self.find_or_create(&AnyOrder { names, pairs: labels }))
    }

    /// The series with these labels, if there is one.
    pub(crate) fn existing(&self, labels: &[(&str, &str)]) -> Option<Node<'_>> {
        let names = self.descriptor.names();
        if names.is_empty() {
            return self.find(self.hash(&UNLABELLED), &UNLABELLED);
        }
        if names.len() != labels.len()
            || !names.iter().all(|name| labels.iter().any(|(given, _)| **name == **given))
        {
            return None;
        }
        let values = AnyOrder { names, pairs: labels };
        self.find(self.hash(&values), &values)
    }

    #[inline]
    fn find_or_create(&self, values: &impl Values) -> Node<'_> {
        let hash = self.hash(values);
        match self.find(hash, values) {
            Some(node) => node,
            None => self.create(hash, values),
        }
    }

    #[inline]
    fn hash(&self, values: &impl Values) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for i in 0..self.descriptor.label_count() {
            // Each write folds in its length; what still collides is told apart by comparing.
            hasher.write(values.get(i).as_bytes());
        }
        hasher.finish()
    }

    #[inline]
    fn find(&self, hash: u64, values: &impl Values) -> Option<Node<'_>> {
        self.find_placed(hash, values).map(|(_, node)| node)
    }

    /// The series with these values, and its place among the nodes.
    #[inline]
    fn find_placed(&self, hash: u64, values: &impl Values) -> Option<(u64, Node<'_>)> {
        let pieces = &self.descriptor.rendered().pieces;
        let mut found = None;
        let place = self.table.find(hash, |place| {
            let node = self.nodes.node(place);
            found = Some(node);
            if node.is_escaped() {
                pieces.matches_escaped(node.text(), values)
            } else {
                node.text().is_empty() || pieces.matches(node.text(), values)
            }
        });
        place.zip(found)
    }

    #[cold]
    fn create(&self, hash: u64, values: &impl Values) -> Node<'_> {
        if self.full.load(Ordering::Acquire) {
            // Nothing is inserted any more, so a miss that begins now is final.
            return self.find(hash, values).unwrap_or_else(|| self.overflow());
        }
        let mut text = lock(&self.create);
        if let Some(node) = self.find(hash, values) {
            return node;
        }
        if self.len() < self.max_series
            && let Some(node) = self.insert(&mut text, hash, values)
        {
            return node;
        }
        if self.overflow.load(Ordering::Acquire) == 0 {
            let values = Same(OVERFLOW);
            let hash = self.hash(&values);
            let node = self.find(hash, &values).or_else(|| self.insert(&mut text, hash, &values));
            let place = node.and_then(|_| self.find_placed(hash, &values));
            self.overflow.store(place.map_or(0, |(place, _)| place + 1), Ordering::Release);
        }
        if self.len() >= self.max_series && !self.full.swap(true, Ordering::Release) {
            self.warn_of_overflow();
        }
        self.overflow()
    }

    /// Lays down a new series and publishes it; `None` when its labels take more than 2 GiB.
    fn insert(&self, text: &mut Vec<u8>, hash: u64, values: &impl Values) -> Option<Node<'_>> {
        text.clear();
        let escaped = self.descriptor.rendered().pieces.write(values, text);
        if text.len() > MAX_TEXT {
            return None;
        }
        let cell = STORAGE.take(self.cells());
        let place = self.nodes.push(hash, cell, text, escaped);
        let len = self.len();
        self.table.insert(len, hash, place, |place| self.nodes.node(place).hash());
        self.len.store(len + 1, Ordering::Release);
        // A label of a megabyte must not be held for ever.
        text.clear();
        text.shrink_to(4_096);
        Some(self.nodes.node(place))
    }

    /// The series for what the cap keeps out; it exists by now.
    fn overflow(&self) -> Node<'_> {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        self.nodes.node(self.overflow.load(Ordering::Acquire).saturating_sub(1))
    }

    #[cold]
    fn warn_of_overflow(&self) {
        warn!(
            target: "aios_metrics",
            "{} has {} series, the cap of this family; updates of further label sets go to one series \
             whose labels are all {OVERFLOW:?}",
            self.descriptor, self.max_series,
        );
    }

    #[cold]
    fn note_dropped_labels(&self, labels: &[(&str, &str)]) {
        if self.dropped_labels.fetch_add(1, Ordering::Relaxed) == 0 {
            let names: Vec<&str> = labels.iter().map(|(name, _)| *name).collect();
            warn!(
                target: "aios_metrics",
                "{} was registered without labels; the labels {names:?} of an update are dropped and its value \
                 recorded. This is said once.",
                self.descriptor,
            );
        }
    }

    #[cold]
    fn wrong_count(&self, given: usize) -> LabelError {
        LabelError::Count {
            metric: self.descriptor.exposed_name().to_owned(),
            expected: self.descriptor.label_names(),
            given,
        }
    }

    #[cold]
    fn wrong_names(&self, labels: &[(&str, &str)]) -> LabelError {
        LabelError::Names {
            metric: self.descriptor.exposed_name().to_owned(),
            expected: self.descriptor.label_names(),
            given: labels.iter().map(|(name, _)| (*name).to_owned()).collect(),
        }
    }

    /// The cell for fractional amounts of a counter's series, taken on the first one.
    #[cold]
    pub(crate) fn float_cell(&self, node: Node<'_>) -> u32 {
        let _create = lock(&self.create);
        node.float().unwrap_or_else(|| {
            let id = STORAGE.take(1);
            node.set_float(id);
            id
        })
    }
}

/// The total of a counter's series.
pub(crate) fn total(reader: &mut Reader<'static>, node: Node<'_>) -> Total {
    let fraction = node.float().map(|id| reader.sum_f64(&STORAGE, id));
    Total::new(reader.sum(&STORAGE, node.cell()), fraction)
}

impl Drop for Series {
    /// Gives the cells back. No handle and no snapshot in the making is left, or they would share
    /// this; what they wrote happened before they dropped their share.
    fn drop(&mut self) {
        let cells = self.cells();
        for (node, _) in self.nodes.blocks().flat_map(|block| block.nodes()) {
            STORAGE.give_back(node.cell(), cells);
            if let Some(float) = node.float() {
                STORAGE.give_back(float, 1);
            }
        }
    }
}

impl std::fmt::Debug for Series {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Series").field("descriptor", &self.descriptor).field("len", &self.len()).finish()
    }
}
