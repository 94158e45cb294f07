//! The end of series: how they are removed, and what happens to what they leave.
//!
//! A series is unlinked first, so that nobody finds it any more. Its cells are used again when no
//! section is open in which it could have been found, and no handle of it is left.

use std::collections::HashMap;

use super::control::Control;
use super::expiry::Idle;
use super::series::Series;
use crate::error::LabelError;
use crate::format::labels::Labels;
use crate::lookup::Retired;
use crate::lookup::node::{Node, Run};
use crate::storage::Section;
use crate::storage::limbo::Limbo;
use crate::storage::local::STORAGE;
use crate::storage::reserve::Reserve;
use crate::sync::{Ordering, lock, try_lock, yield_now};

/// How many series are changed at a time under the lock, for which those wait who create series.
const PORTION: usize = 256;

/// What belongs to the lock under which series come and go.
pub(crate) struct Changes {
    /// In which the text of a new series is rendered.
    pub(super) text: Vec<u8>,
    pub(super) limbo: Limbo<Garbage>,
    /// The control word of the overflow series, once there is one.
    pub(super) overflow: Option<u32>,
    /// What has expired and may come back.
    pub(super) idle: Idle,
    /// Cells for series to come, or words where the values are words.
    pub(super) cells: Reserve,
    /// Words to be kept beside the values of series to come.
    pub(super) words: Reserve,
}

/// What waits until nobody looks at it any more.
pub(crate) enum Garbage {
    Lookup(Retired),
    /// A series that was removed.
    Series(Run),
    /// One that has expired, and the hash of its values. If it isn't among the idle ones any more, it was
    /// removed.
    Idle(u64, Run),
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
        Self {
            text: Vec::new(),
            limbo: Limbo::new(),
            overflow: None,
            idle: Idle::new(),
            cells: Reserve::new(),
            words: Reserve::new(),
        }
    }
}

impl Series {
    /// Removes the series with these values; `false` when there is none.
    pub(crate) fn remove(&self, values: &[&str]) -> Result<bool, LabelError> {
        self.check_count(values)?;
        let key = self.key(values);
        let section = Section::enter();
        let (removed, crowded) = self.change(|changes| {
            let mut removed = self.forget(changes, &key);
            if let Some((place, node)) = self.find_placed(&key) {
                let run = self.unlink(changes, place, node);
                changes.limbo.retire(Garbage::Series(run));
                self.finish(changes);
                removed = true;
            }
            (removed, changes.limbo.is_crowded())
        });
        drop(section);
        if crowded {
            yield_now();
        }
        Ok(removed)
    }

    /// Removes every series.
    pub(crate) fn clear(&self) {
        self.remove_if(|_, _| true);
    }

    /// Removes the series whose labels `keep` refuses.
    pub(crate) fn retain(&self, mut keep: impl FnMut(Labels<'_>) -> bool) {
        let (blocks, idle) = {
            let _section = Section::enter();
            let changes = lock(&self.changes);
            (self.nodes.blocks().collect::<Vec<_>>(), self.updated(&changes.idle))
        };
        // Asked outside of all locks, since what the caller does there is the caller's business.
        let mut refused = HashMap::new();
        let nodes = blocks.iter().flat_map(|block| block.nodes()).filter(|(node, _)| !node.is_dead());
        let there = nodes.map(|(node, _)| (node.run().control, node.text()));
        for (control, text) in there.chain(idle.iter().map(|(control, text)| (*control, &**text))) {
            if !keep(Labels::new(text)) {
                refused.insert(control, text);
            }
        }
        if !refused.is_empty() {
            // The word of a series that was removed meanwhile may be another one's by now.
            self.remove_if(|control, text| refused.get(&control) == Some(&text));
        }
    }

    /// Removes the series that are unwanted, by their control words and texts.
    fn remove_if(&self, mut unwanted: impl FnMut(u32, &[u8]) -> bool) {
        let section = Section::enter();
        let nodes = self.change(|changes| {
            changes.idle.retain(|control, text| !unwanted(control, text));
            self.nodes.places()
        });
        let nodes = nodes.filter(|(_, node)| unwanted(node.run().control, node.text()));
        self.change_each(nodes.map(|(_, node)| (node, ())), |changes, found, node, ()| {
            let Some((place, node)) = found else {
                changes.idle.remove(node.hash(), node.run());
                return false;
            };
            let run = self.unlink(changes, place, node);
            changes.limbo.retire(Garbage::Series(run));
            true
        });
        drop(section);
        if lock(&self.changes).limbo.is_crowded() {
            yield_now();
        }
    }

    /// Makes a series one that nobody finds any more.
    pub(super) fn unlink(&self, changes: &mut Changes, place: u64, node: Node<'_>) -> Run {
        let run = node.run();
        Control::new(run.control).unlink();
        self.table.remove(node.hash(), place);
        self.nodes.kill(place);
        self.len.fetch_sub(1, Ordering::Release);
        changes.overflow = changes.overflow.filter(|&control| control != run.control);
        self.reopen(changes);
        run
    }

    /// What follows when series were unlinked; whether it has to follow once more, after others had their
    /// turn.
    fn finish(&self, changes: &mut Changes) -> bool {
        let limbo = &mut changes.limbo;
        let moved = |hash, from, to| self.table.replace(hash, from, to);
        let is_left = self.nodes.rewrite(moved, &mut |retired| retire_from_lookup(limbo, retired));
        let hash_of = |place| self.nodes.node(place).map_or(0, Node::hash);
        if let Some(outgrown) = self.table.shrink(hash_of) {
            retire_from_lookup(limbo, Retired::Entries(outgrown));
        }
        self.stand_at_zero(changes);
        is_left
    }

    /// Changes something under the lock. What nobody looks at any more by then is freed after it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Changes) -> T) -> T {
        self.change_in(None, change)
    }

    /// The same in a section in which nothing was found that is still used.
    pub(super) fn change_in<T>(
        &self,
        section: Option<&Section>,
        change: impl FnOnce(&mut Changes) -> T,
    ) -> T {
        let mut changes = lock(&self.changes);
        let result = change(&mut changes);
        let limbo = &mut changes.limbo;
        let garbage = if limbo.is_empty() { Vec::new() } else { limbo.poll_in(&STORAGE, section) };
        let garbage = self.sort_out(&mut changes, garbage);
        drop(changes);
        self.free_all(garbage);
        result
    }

    /// Changes series that were found without the lock, a portion of them at a time, so that others have
    /// their turn. `change` is told where each one is now, if it still is there, and answers whether it has
    /// unlinked it. In the section in which they were found.
    pub(super) fn change_each<'s, T>(
        &'s self,
        mut nodes: impl Iterator<Item = (Node<'s>, T)>,
        mut change: impl FnMut(&mut Changes, Option<(u64, Node<'s>)>, Node<'s>, T) -> bool,
    ) {
        let mut gone = false;
        loop {
            let portion: Vec<_> = nodes.by_ref().take(PORTION).collect();
            if portion.is_empty() {
                break;
            }
            self.change(|changes| {
                for (node, what) in portion {
                    gone |= change(changes, self.find_again(node), node, what);
                }
            });
        }
        while gone {
            gone = self.change(|changes| self.finish(changes));
        }
    }

    /// The series of a node that may have been copied or killed meanwhile. Its run isn't another one's in
    /// the section in which the node was found.
    fn find_again(&self, node: Node<'_>) -> Option<(u64, Node<'_>)> {
        let run = node.run();
        let is_same = |node: Node<'_>| node.run() == run;
        let place = self.table.find_by(node.hash(), |place| self.nodes.node(place).is_some_and(is_same))?;
        Some((place, self.nodes.node(place)?))
    }

    /// Does what needs the lock for what nobody looks at any more, and returns what is to be freed without.
    fn sort_out(&self, changes: &mut Changes, mut garbage: Vec<Garbage>) -> Vec<Garbage> {
        let mut blocks = Vec::new();
        garbage.retain(|garbage| match *garbage {
            Garbage::Lookup(Retired::Block(number)) => {
                blocks.push(number);
                false
            }
            Garbage::Idle(hash, run) => !self.comes_back(changes, hash, run),
            Garbage::Lookup(_) | Garbage::Series(_) => true,
        });
        let limbo = &mut changes.limbo;
        self.nodes.release(&blocks, &mut |retired| retire_from_lookup(limbo, retired));
        garbage
    }

    fn free_all(&self, garbage: Vec<Garbage>) {
        for garbage in garbage {
            match garbage {
                // With a handle left, the last one frees it.
                Garbage::Series(run) | Garbage::Idle(_, run) if Control::new(run.control).abandon() => {
                    self.free(run);
                }
                _ => {}
            }
        }
    }

    /// What a reader does on its way: lets idle series go, and frees what nobody looks at. Who creates series
    /// waits for it no longer than a portion takes.
    pub(crate) fn tidy_up(&self) {
        let _section = Section::enter();
        if self.expires() {
            self.sweep(&mut lock(&self.expiry));
        }
        while let Some(mut changes) = try_lock(&self.changes) {
            let garbage = changes.limbo.empty(&STORAGE);
            if garbage.is_empty() {
                break;
            }
            let garbage = self.sort_out(&mut changes, garbage);
            drop(changes);
            self.free_all(garbage);
        }
    }
}
