//! Finding a family by its name.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use super::Registry;
use crate::format::labels::equal;
use crate::lookup::values::hash_into;
use crate::metric::series::Series;
use crate::storage::Section;

impl Registry {
    #[inline]
    pub(super) fn hash(&self, name: &str) -> u64 {
        let mut hasher = self.0.hasher.build_hasher();
        hash_into(&mut hasher, name);
        hasher.finish()
    }

    pub(super) fn hash_of(&self, alias: u64) -> u64 {
        self.0.aliases.get(alias as usize).map_or(0, |alias| self.hash(&alias.name))
    }

    /// The family of that name.
    #[inline]
    pub(super) fn find<'s>(&'s self, _section: &'s Section, name: &str) -> Option<&'s Arc<Series>> {
        match self.0.memo.guess(name).and_then(|alias| self.alias(alias, name)) {
            Some(series) => Some(series),
            None => self.find_by_hash(name),
        }
    }

    #[inline(never)]
    fn find_by_hash(&self, name: &str) -> Option<&Arc<Series>> {
        let inner = &*self.0;
        let found = |alias| Some((alias, self.alias(alias, name)?));
        let (alias, series) = inner.names.candidates(self.hash(name)).find_map(found)?;
        inner.memo.note(name, alias);
        Some(series)
    }

    /// The family that has this name, if the alias is that.
    #[inline]
    pub(super) fn alias(&self, alias: u64, name: &str) -> Option<&Arc<Series>> {
        let alias = self.0.aliases.get(alias as usize)?;
        equal(alias.name.as_bytes(), name.as_bytes()).then_some(&alias.series)
    }
}
