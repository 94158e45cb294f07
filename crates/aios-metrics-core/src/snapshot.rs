//! One immutable, structured picture of everything registered.

mod attached;
mod collected;
mod exemplar;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

pub use self::collected::FamilySamples;
pub use self::exemplar::ExemplarView;
use crate::descriptor::{Descriptor, Kind};
use crate::format::labels;
use crate::lookup::node::Block;
use crate::metric::series::Series;
use crate::metric::{Total, gauge};
use crate::native::{Layout, NativeView};
use crate::rolling::Summaries;
use crate::selection::Selection;
use crate::storage::Reader;
use crate::storage::local::STORAGE;
use crate::sync::Ordering;

/// One picture of everything registered at one moment: flat, immutable to its readers, and made to
/// be filled again and again.
///
/// A series takes 24 bytes here: its labels stay where they were rendered when it was created, and
/// the snapshot shares those blocks of text. It therefore stays whole when series or registries go.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::{Registry, Source, Value};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// registry.register_counter("jobs_total", "Jobs", &["status"])?.inc(&["ok"])?;
///
/// let snapshot = registry.snapshot();
/// for family in snapshot.families() {
///     for series in family.series() {
///         assert_eq!(series.labels().next(), Some(("status", "ok".into())));
///         assert!(matches!(series.value(), Value::Whole(1)));
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Snapshot {
    taken: Duration,
    families: Vec<FamilyEntry>,
    /// The families by name. Kept from one filling to the next, when it is mostly still right.
    order: Vec<u32>,
    entries: Vec<Entry>,
    /// Buckets, sum and native buckets of each histogram's series.
    words: Vec<u64>,
    /// When series were created, in milliseconds since the Unix epoch, by their places in `entries`;
    /// 0 and what is missing at the end stand for unknown.
    created: Vec<u64>,
    /// By series and bucket.
    exemplars: Vec<exemplar::Entry>,
    blocks: Vec<Arc<Block>>,
    /// Labels of what collectors add, and of exemplars.
    text: Vec<u8>,
    summaries: Option<Summaries>,
    selection: Selection,
    reader: Reader<'static>,
    /// What the collector that is being asked has said it would add.
    expected: Arc<[Descriptor]>,
    /// Where the families of that collector begin.
    collected_from: usize,
}

#[derive(Debug)]
struct FamilyEntry {
    descriptor: Descriptor,
    entries: Range<usize>,
    exemplars: Range<usize>,
}

/// A series: where its labels are, and its value.
#[derive(Clone, Copy, Debug)]
struct Entry {
    block: u32,
    offset: u32,
    len: u32,
    form: Form,
    /// Whether the key of a document can have each value of a label as it is.
    plain: bool,
    bits: u64,
}

/// What `Entry::bits` is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Whole,
    Float,
    /// The place of the first bucket in `Snapshot::words`.
    Histogram,
}

/// `Entry::block` of labels that lie in `Snapshot::text`.
const OWN_TEXT: u32 = u32::MAX;

impl Snapshot {
    /// An empty snapshot; [`Source::snapshot_into`](crate::Source::snapshot_into) fills it.
    #[must_use]
    pub fn new() -> Self {
        Self::with_summaries(Some(Summaries::default()))
    }

    /// An empty snapshot that is filled without rolling summaries, which no page shows.
    #[must_use]
    pub fn samples_only() -> Self {
        Self::with_summaries(None)
    }

    fn with_summaries(summaries: Option<Summaries>) -> Self {
        Self {
            taken: Duration::ZERO,
            families: Vec::new(),
            order: Vec::new(),
            entries: Vec::new(),
            words: Vec::new(),
            created: Vec::new(),
            exemplars: Vec::new(),
            blocks: Vec::new(),
            text: Vec::new(),
            summaries,
            selection: Selection::all(),
            reader: Reader::default(),
            expected: Arc::default(),
            collected_from: 0,
        }
    }

    /// Has it filled with these families only, from the next filling on. What is left out costs next
    /// to nothing; rolling summaries are left alone.
    pub fn select(&mut self, selection: Selection) {
        self.selection = selection;
    }

    /// When it was taken: the time since the Unix epoch.
    #[must_use]
    pub fn taken(&self) -> Duration {
        self.taken
    }

    /// The families, sorted by name.
    pub fn families(&self) -> impl ExactSizeIterator<Item = FamilyView<'_>> {
        self.order.iter().map(|&index| FamilyView { snapshot: self, family: &self.families[index as usize] })
    }

    /// Empties the snapshot and keeps its memory.
    pub(crate) fn clear(&mut self, taken: Duration) {
        self.taken = taken;
        self.families.clear();
        self.entries.clear();
        self.words.clear();
        self.created.clear();
        self.exemplars.clear();
        self.blocks.clear();
        self.text.clear();
        self.reader.refresh();
        if let Some(summaries) = &mut self.summaries {
            summaries.clear();
        }
    }

    /// Where rolling summaries go, if they are wanted.
    pub(crate) fn summaries_mut(&mut self) -> Option<&mut Summaries> {
        self.summaries.as_mut()
    }

    /// The rolling summaries, if they were wanted.
    pub(crate) fn summaries(&self) -> Option<&Summaries> {
        self.summaries.as_ref()
    }

    fn begin(&mut self, descriptor: &Descriptor) {
        let (entry, exemplar) = (self.entries.len(), self.exemplars.len());
        self.families.push(FamilyEntry {
            descriptor: descriptor.clone(),
            entries: entry..entry,
            exemplars: exemplar..exemplar,
        });
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        if let Some(family) = self.families.last_mut() {
            family.entries.end = self.entries.len();
        }
    }

    /// Says when the series that was pushed last was created.
    fn push_created(&mut self, millis: u64) {
        self.created.resize(self.entries.len(), 0);
        if let Some(last) = self.created.last_mut() {
            *last = millis;
        }
    }

    /// Adds a registered family, if it is selected: every series that was there when it began. In a
    /// section.
    pub(crate) fn add_series(&mut self, series: &Series) {
        series.tidy_up();
        let descriptor = series.descriptor();
        if !self.selection.includes(descriptor) {
            return;
        }
        self.begin(descriptor);
        let first = self.entries.len();
        self.entries.reserve(series.len());
        let exemplars = series.exemplars().hold();
        for filled in series.nodes().blocks() {
            let number = self.blocks.len() as u32;
            for (node, offset) in filled.nodes().filter(|(node, _)| node.is_shown()) {
                let run = node.run();
                let (form, bits) = match descriptor.kind() {
                    Kind::Counter => series.total(&mut self.reader, run).into(),
                    Kind::Gauge => (Form::Float, gauge::word(run).load(Ordering::Relaxed)),
                    Kind::Histogram => {
                        let at = self.words.len();
                        let buckets = descriptor.bounds().len() as u32 + 1;
                        let (reader, cell) = (&mut self.reader, run.cell);
                        self.words.extend((cell..cell + buckets).map(|id| reader.sum(&STORAGE, id) as u64));
                        self.words.push(reader.sum_f64(&STORAGE, cell + buckets).to_bits());
                        let native = cell + buckets + 1;
                        let end = native + descriptor.native().map_or(0, Layout::cells) as u32;
                        self.words.extend((native..end).map(|id| reader.sum(&STORAGE, id) as u64));
                        (Form::Histogram, at as u64)
                    }
                };
                let (len, plain) = (node.text().len() as u32, node.is_plain());
                self.entries.push(Entry { block: number, offset, len, form, plain, bits });
                if let Some(created) = series.created(run) {
                    self.push_created(created.load(Ordering::Relaxed));
                }
                if let Some(held) = &exemplars {
                    for (&cell, exemplar) in held.of_run(run.cell, descriptor.bounds().len() as u32 + 1) {
                        self.push_exemplar(cell - run.cell, exemplar.value, Some(exemplar.at), |text| {
                            text.extend_from_slice(&exemplar.labels);
                        });
                    }
                }
            }
            self.blocks.push(filled.into_block());
        }
        let entries = first..self.entries.len();
        if let Some(family) = self.families.last_mut() {
            family.entries = entries;
        }
    }

    /// Sorts the families; the last step of filling.
    pub(crate) fn finish(&mut self) {
        self.expected = Arc::default();
        let families = &self.families;
        if self.order.len() != families.len() {
            self.order.clear();
            self.order.extend(0..families.len() as u32);
        }
        let name = |&index: &u32| families[index as usize].descriptor.name();
        if !self.order.is_sorted_by_key(name) {
            self.order.sort_unstable_by(|a, b| name(a).cmp(name(b)));
        }
    }

    fn text_of(&self, entry: &Entry) -> &[u8] {
        if entry.block == OWN_TEXT {
            &self.text[entry.offset as usize..][..entry.len as usize]
        } else {
            self.blocks[entry.block as usize].text(entry.offset, entry.len)
        }
    }
}

impl Default for Snapshot {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Total> for (Form, u64) {
    fn from(total: Total) -> Self {
        match total {
            Total::Whole(whole) => (Form::Whole, whole),
            Total::Float(float) => (Form::Float, float.to_bits()),
        }
    }
}

/// A family in a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct FamilyView<'s> {
    snapshot: &'s Snapshot,
    family: &'s FamilyEntry,
}

impl<'s> FamilyView<'s> {
    /// What was registered.
    #[must_use]
    pub fn descriptor(&self) -> &'s Descriptor {
        &self.family.descriptor
    }

    /// The series, in the order of creation.
    pub fn series(&self) -> impl ExactSizeIterator<Item = SeriesView<'s>> + use<'s> {
        let Self { snapshot, family } = *self;
        let entries = snapshot.entries[family.entries.clone()].iter();
        entries.zip(family.entries.clone()).map(move |(entry, index)| SeriesView {
            snapshot,
            family,
            entry,
            index,
        })
    }
}

/// A series in a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct SeriesView<'s> {
    snapshot: &'s Snapshot,
    family: &'s FamilyEntry,
    entry: &'s Entry,
    /// The place of the entry.
    index: usize,
}

impl<'s> SeriesView<'s> {
    /// The labels as they stand in the text formats, `{a="x",b="y"}`, escaped; empty without
    /// labels.
    #[must_use]
    pub fn label_text(&self) -> &'s str {
        // Only `&str` values and names are ever written there.
        std::str::from_utf8(self.label_bytes()).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn label_bytes(&self) -> &'s [u8] {
        self.snapshot.text_of(self.entry)
    }

    /// Whether the key of a document can have each value as it is; then the labels are those of the
    /// descriptor.
    #[inline]
    pub(crate) fn has_plain_labels(&self) -> bool {
        self.entry.plain
    }

    /// Names and values of the labels, in the order of registration.
    pub fn labels(&self) -> impl Iterator<Item = (&'s str, Cow<'s, str>)> + use<'s> {
        labels::parse(self.label_text())
    }

    /// The value.
    #[must_use]
    #[inline]
    pub fn value(&self) -> Value<'s> {
        match self.entry.form {
            Form::Whole => Value::Whole(self.entry.bits),
            Form::Float => Value::Float(f64::from_bits(self.entry.bits)),
            Form::Histogram => {
                let at = self.entry.bits as usize;
                let buckets = self.family.descriptor.bounds().len() + 1;
                let words = &self.snapshot.words[at..=at + buckets];
                Value::Histogram { buckets: &words[..buckets], sum: f64::from_bits(words[buckets]) }
            }
        }
    }

    /// The native buckets of a histogram that has some. Their observations may differ from those of
    /// [`value`](Self::value) by the ones that were in flight when the snapshot was taken.
    #[must_use]
    pub fn native(&self) -> Option<NativeView<'s>> {
        let layout = self.family.descriptor.native()?;
        let at = self.entry.bits as usize + self.family.descriptor.bounds().len() + 2;
        Some(NativeView::new(layout, &self.snapshot.words[at..at + layout.cells()]))
    }

    /// When the series was created, to the millisecond: the time since the Unix epoch. `None` unless
    /// the registry keeps it; see
    /// [`RegistryOptions::created_timestamps`](crate::RegistryOptions::created_timestamps).
    #[must_use]
    #[inline]
    pub fn created(&self) -> Option<Duration> {
        let millis = self.snapshot.created.get(self.index).filter(|millis| **millis > 0);
        millis.map(|&millis| Duration::from_millis(millis))
    }

    /// What single updates came from: of a counter the latest, of a histogram the latest of each
    /// bucket, in the order of the buckets.
    #[inline]
    pub fn exemplars(&self) -> impl ExactSizeIterator<Item = ExemplarView<'s>> + use<'s> {
        let Self { snapshot, family, .. } = *self;
        let none = family.exemplars.is_empty();
        let entries = if none { &[] } else { snapshot.exemplars_of(self.index, &family.exemplars) };
        entries.iter().map(move |entry| ExemplarView { snapshot, entry })
    }
}

/// The value of a series in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'s> {
    /// The exact total of a counter to which no fraction was added.
    Whole(u64),
    /// A gauge, or a counter with fractions.
    Float(f64),
    /// A histogram.
    Histogram {
        /// The observations in each bucket alone (not cumulated), `+Inf` last.
        buckets: &'s [u64],
        /// The sum of all observations.
        sum: f64,
    },
}
