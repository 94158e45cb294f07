//! Finding the series of a family, by what callers give.

use tracing::warn;

use super::control::Control;
use super::series::{Series, UNLABELLED};
use crate::error::LabelError;
use crate::format::labels::equal;
use crate::lookup::node::{Node, Run};
use crate::lookup::values::{AnyOrder, Given, Key, Values};
use crate::storage::Section;
use crate::sync::{Ordering, lock};

/// Up to so many labels that come in another order are put in order once, and not looked for each time.
const FEW: usize = 16;

impl Series {
    /// The series with these values, in the order of registration.
    #[inline]
    pub(crate) fn with_values<'s>(
        &'s self,
        section: &'s Section,
        values: &[&str],
    ) -> Result<Node<'s>, LabelError> {
        if let Some(node) = self.find_given(values) {
            return Ok(node);
        }
        self.check_count(values)?;
        Ok(self.create(section, values))
    }

    /// Whether there are as many values as labels.
    #[inline]
    pub(super) fn check_count(&self, values: &[&str]) -> Result<(), LabelError> {
        if values.len() == self.descriptor.label_count() {
            Ok(())
        } else {
            Err(self.wrong_count(values.len()))
        }
    }

    /// The series with these labels, in any order.
    #[inline]
    pub(crate) fn with_labels<'s>(
        &'s self,
        section: &'s Section,
        labels: &[(&str, &str)],
    ) -> Result<Node<'s>, LabelError> {
        let names = self.descriptor.names();
        if names.len() == labels.len()
            && names.iter().zip(labels).all(|(name, (given, _))| equal(name.as_bytes(), given.as_bytes()))
        {
            return Ok(self.find_given(labels).unwrap_or_else(|| self.create(section, labels)));
        }
        self.with_other_labels(section, labels)
    }

    fn with_other_labels<'s>(
        &'s self,
        section: &'s Section,
        labels: &[(&str, &str)],
    ) -> Result<Node<'s>, LabelError> {
        let names = self.descriptor.names();
        if names.is_empty() {
            self.note_dropped_labels(labels);
            return Ok(self.find_or_create(section, UNLABELLED));
        }
        if names.len() != labels.len() {
            return Err(self.wrong_names(labels));
        }
        let value_of = |name: &str| {
            labels.iter().find(|(given, _)| equal(given.as_bytes(), name.as_bytes())).map(|(_, value)| *value)
        };
        let mut ordered = [""; FEW];
        for (at, name) in names.iter().enumerate() {
            let Some(value) = value_of(name) else { return Err(self.wrong_names(labels)) };
            if let Some(place) = ordered.get_mut(at) {
                *place = value;
            }
        }
        match ordered.get(..names.len()) {
            Some(ordered) => self.with_values(section, ordered),
            None => Ok(self.find_or_create(section, &AnyOrder { names, pairs: labels })),
        }
    }

    /// The series with these labels, if there is one.
    pub(crate) fn existing<'s>(&'s self, _section: &'s Section, labels: &[(&str, &str)]) -> Option<Node<'s>> {
        let names = self.descriptor.names();
        if names.is_empty() {
            return self.find(&self.key(UNLABELLED));
        }
        if names.len() != labels.len()
            || !names.iter().all(|name| labels.iter().any(|(given, _)| **name == **given))
        {
            return None;
        }
        let values = AnyOrder { names, pairs: labels };
        self.find(&self.key(&values))
    }

    /// Counts a handle of the series that `find` finds.
    pub(crate) fn hold<E>(
        &self,
        find: impl Fn(&Self, &Section) -> Result<Run, E>,
    ) -> Result<(Run, Control), E> {
        loop {
            let section = Section::enter();
            let run = find(self, &section)?;
            let control = Control::new(run.control);
            if control.acquire() {
                return Ok((run, control));
            }
            drop(section);
            // It is being unlinked; after that it isn't found any more.
            drop(lock(&self.changes));
        }
    }

    /// The series with these values, in the order of registration; none if they aren't as many as the labels.
    ///
    /// A few are looked for as an array: what is done with each of them needs no loop then.
    #[inline]
    fn find_given(&self, given: &[impl Given]) -> Option<Node<'_>> {
        match given.len() {
            0 => self.find_array::<0>(given),
            1 => self.find_array::<1>(given),
            2 => self.find_array::<2>(given),
            3 => self.find_array::<3>(given),
            4 => self.find_array::<4>(given),
            _ => self.find_existing(given),
        }
    }

    #[inline]
    fn find_array<const N: usize>(&self, given: &[impl Given]) -> Option<Node<'_>> {
        self.find_existing(given.first_chunk::<N>()?)
    }

    #[inline]
    fn find_or_create<'s>(&'s self, section: &'s Section, values: &(impl Values + ?Sized)) -> Node<'s> {
        self.find_existing(values).unwrap_or_else(|| self.create(section, values))
    }

    /// The series with these values. In a section.
    ///
    /// A function of its own that calls no other for usual values, and none that comes back to it, so that
    /// all it needs stays in registers.
    #[inline(never)]
    fn find_existing(&self, values: &(impl Values + ?Sized)) -> Option<Node<'_>> {
        let key = self.key(values);
        // The first candidate is nearly always it.
        let node = self.nodes.node(self.table.candidates(key.hash).next()?)?;
        let (text, escaped) = node.text_and_escaped();
        let pieces = &self.descriptor.rendered().pieces;
        if key.is_short() && !escaped && pieces.match_short(text, &key) {
            Some(node)
        } else {
            self.find_unusual(values)
        }
    }

    /// The same where values are long or were escaped, and for two series with one tag.
    #[inline(never)]
    fn find_unusual(&self, values: &(impl Values + ?Sized)) -> Option<Node<'_>> {
        self.find(&self.key(values))
    }

    #[inline(always)]
    pub(super) fn key<'v, V: Values + ?Sized>(&self, values: &'v V) -> Key<'v, V> {
        Key::new(&self.hasher, values)
    }

    /// The series of a key. In a section, or under the lock of changes.
    pub(super) fn find(&self, key: &Key<'_, impl Values + ?Sized>) -> Option<Node<'_>> {
        self.find_placed(key).map(|(_, node)| node)
    }

    /// The series of a key, and its place among the nodes.
    pub(super) fn find_placed(&self, key: &Key<'_, impl Values + ?Sized>) -> Option<(u64, Node<'_>)> {
        let pieces = &self.descriptor.rendered().pieces;
        for place in self.table.candidates(key.hash) {
            let node = self.nodes.node(place)?;
            let (text, escaped) = node.text_and_escaped();
            let matches =
                if escaped { pieces.match_escaped(text, key) } else { pieces.match_plain(text, key) };
            if matches {
                return Some((place, node));
            }
        }
        None
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
}
