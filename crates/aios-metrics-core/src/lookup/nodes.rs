//! The nodes of a family: the blocks in which they lie, and places that name one.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::Retired;
use super::node::{ALIGN, Block, HEAD, Node, Run, marks_of, node_at, node_size};
use crate::format::labels::Spelling;
use crate::storage::limbo::Unlinked;
use crate::sync::{AtomicPtr, Ordering};

/// Sizes of blocks: as large as all that is there already, within these limits; a node that is larger
/// still gets a block of its own.
const SMALLEST: usize = 512;
const LARGEST: usize = 64 * 1_024;
/// A block this small joins a neighbour that is being rewritten.
const SMALL: usize = LARGEST / 8;
/// So many dead bytes in the block that is being filled aren't worth a rewriting.
const SLACK: usize = 1_024;
/// A rewriting copies about so much, or a sixteenth of all if that is more, since others wait for it.
const PORTION: usize = 16 * LARGEST;
const OFFSET_BITS: u32 = 24;

/// A block as far as it was filled at one time.
pub(crate) struct Filled {
    block: Arc<Block>,
    end: usize,
}

impl Filled {
    /// Its nodes, in the order of creation, with the offsets of their texts.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (Node<'_>, u32)> {
        self.block.nodes(self.end)
    }

    pub(crate) fn into_block(self) -> Arc<Block> {
        self.block
    }
}

/// The blocks of a family at one time; another one follows when they change.
///
/// Places name a block by its number. A block keeps its number while a reader may have a place in it,
/// also when it no longer stands in `order`.
pub(crate) struct Directory {
    /// Where each block begins; the pointers of `blocks`, since a look-up needs nothing else.
    starts: Box<[*const u8]>,
    blocks: Box<[Option<Arc<Block>>]>,
    /// The blocks whose nodes are there, by number, in the order in which these were created.
    order: Box<[u32]>,
    /// Whether the last of them may take more nodes. The others never do again, so that a walk that has
    /// begun needs to know of one block only where it was filled to.
    grows: bool,
}

// SAFETY: the pointers are to blocks that it keeps.
unsafe impl Send for Directory {}
// SAFETY: as above.
unsafe impl Sync for Directory {}

/// A directory that another one has followed.
pub(crate) type Replaced = Unlinked<Directory>;

impl Directory {
    fn new(blocks: Vec<Option<Arc<Block>>>, order: Vec<u32>, grows: bool) -> Self {
        let start = |block: &Arc<Block>| block.start.as_ptr().cast_const();
        let starts = blocks.iter().map(|block| block.as_ref().map_or(ptr::null(), start)).collect();
        Self { starts, blocks: blocks.into(), order: order.into(), grows }
    }

    fn block(&self, number: u32) -> Option<&Arc<Block>> {
        self.blocks.get(number as usize)?.as_ref()
    }

    fn in_order(&self) -> impl Iterator<Item = (u32, &Arc<Block>)> {
        self.order.iter().filter_map(|&number| Some((number, self.block(number)?)))
    }

    /// The last block.
    fn last(&self) -> Option<(u32, &Arc<Block>)> {
        self.order.last().and_then(|&number| Some((number, self.block(number)?)))
    }

    /// Bytes of living nodes.
    fn live(&self) -> usize {
        self.in_order().map(|(_, block)| block.live()).sum()
    }
}

/// The nodes of a family: blocks, and places in them that fit a table's payload.
///
/// Readers are in a [`Section`](crate::storage::Section); what changes anything is called by one
/// thread at a time, and hands over what it has replaced.
pub(crate) struct Nodes {
    directory: AtomicPtr<Directory>,
}

impl Nodes {
    pub(crate) fn new() -> Self {
        Self { directory: AtomicPtr::new(ptr::null_mut()) }
    }

    #[inline]
    fn directory(&self) -> Option<&Directory> {
        // SAFETY: null, or a box that `publish` made; whoever gets it when it is replaced keeps it
        // until the sections of all readers have ended.
        unsafe { self.directory.load(Ordering::Acquire).as_ref() }
    }

    fn publish(&self, directory: Directory, retire: &mut impl FnMut(Retired)) {
        let old = self.directory.swap(Box::into_raw(Box::new(directory)), Ordering::AcqRel);
        // SAFETY: null, or the box published before; it waits with all that was retired.
        if let Some(old) = unsafe { Unlinked::new(old) } {
            retire(Retired::Directory(old));
        }
    }

    /// The node at a place that a search in the table has just found, or that [`push`](Self::push)
    /// has returned.
    #[inline]
    pub(crate) fn node(&self, place: u64) -> Option<Node<'_>> {
        let (block, offset) = (place >> OFFSET_BITS, place & ((1 << OFFSET_BITS) - 1));
        // The directory is read after the place was, so it has the block.
        let start = NonNull::new(self.directory()?.starts.get(block as usize)?.cast_mut())?;
        // SAFETY: places come from `push` and `rewrite`, and the block keeps its number until nobody can
        // have a place in it.
        Some(unsafe { node_at(start, offset as usize * ALIGN) })
    }

    /// Lays down a node and returns it with its place.
    pub(crate) fn push(
        &self,
        hash: u64,
        run: Run,
        text: &[u8],
        spelling: Spelling,
        retire: &mut impl FnMut(Retired),
    ) -> (u64, Node<'_>) {
        let marks = marks_of(spelling);
        if let Some(directory) = self.directory().filter(|directory| directory.grows)
            && let Some((number, block)) = directory.last()
            && let Some(offset) = block.push(hash, run, text, marks)
        {
            // SAFETY: pushed just now, and the directory keeps the block.
            return (place(number, offset), unsafe { node_at(block.start, offset) });
        }
        let live = self.directory().map_or(0, Directory::live);
        let block = Block::new(live.clamp(SMALLEST, LARGEST).max(node_size(text.len())));
        let start = block.start;
        let offset = block.push(hash, run, text, marks).unwrap_or_default();
        let (mut blocks, mut order) = self.lists();
        let number = add(&mut blocks, block);
        order.push(number);
        self.publish(Directory::new(blocks, order, true), retire);
        // SAFETY: pushed just now, and the directory keeps the block.
        (place(number, offset), unsafe { node_at(start, offset) })
    }

    /// Marks the node at a place as dead. [`rewrite`](Self::rewrite) frees its memory some time.
    pub(crate) fn kill(&self, at: u64) {
        let block = self.directory().and_then(|directory| directory.block((at >> OFFSET_BITS) as u32));
        let (Some(block), Some(node)) = (block, self.node(at)) else { return };
        node.kill();
        block.add_dead(node.size());
    }

    /// Leaves out the blocks without living nodes and copies the living ones out of blocks that are
    /// more than half dead. `moved` is told the hash, the old and the new place of each; the old
    /// blocks are retired after that. Whether there may be more to do, as this does a part of it at a time.
    pub(crate) fn rewrite(
        &self,
        mut moved: impl FnMut(u64, u64, u64),
        retire: &mut impl FnMut(Retired),
    ) -> bool {
        let Some(directory) = self.directory() else { return false };
        let last = directory.order.last().copied();
        let left = Cell::new(PORTION.max(directory.live() / 16));
        let wants = |number, block: &Block| {
            let slack = if Some(number) == last { SLACK } else { 0 };
            let dead = block.dead();
            dead > slack && dead * 2 > block.used() && left.get() > 0
        };
        if !directory.in_order().any(|(number, block)| wants(number, block)) {
            return false;
        }
        let (mut blocks, mut order) = (directory.blocks.to_vec(), Vec::with_capacity(directory.order.len()));
        let mut gone = Vec::new();
        let mut moves = Vec::new();
        // Blocks that follow each other and are copied into one.
        let mut group: Vec<(u32, &Arc<Block>)> = Vec::new();
        let mut close = |group: &mut Vec<(u32, &Arc<Block>)>| {
            if group.iter().any(|&(number, block)| wants(number, block)) {
                let size = group.iter().map(|(_, block)| block.live()).sum();
                left.set(left.get().saturating_sub(size));
                if size > 0 {
                    let copy = Block::new(size);
                    let copied: Vec<_> =
                        group.iter().flat_map(|(from, block)| copy.take_over(*from, block)).collect();
                    let number = add(&mut blocks, copy);
                    moves.extend(copied.into_iter().map(|(hash, from, to)| (hash, from, place(number, to))));
                    order.push(number);
                }
                gone.extend(group.drain(..).map(|(number, _)| number));
            } else {
                order.extend(group.drain(..).map(|(number, _)| number));
            }
        };
        for (number, block) in directory.in_order() {
            let joins = wants(number, block) || block.live() <= SMALL;
            let size: usize = group.iter().map(|(_, block)| block.live()).sum();
            if !joins || size + block.live() > LARGEST {
                close(&mut group);
            }
            group.push((number, block));
            if !joins {
                close(&mut group);
            }
        }
        close(&mut group);
        drop(group);
        let grows = directory.grows && order.last().copied() == last;
        self.publish(Directory::new(blocks, order, grows), retire);
        for (hash, from, to) in moves {
            moved(hash, from, to);
        }
        gone.into_iter().for_each(|number| retire(Retired::Block(number)));
        left.get() == 0
    }

    /// Lets go of blocks that were retired: nobody can have a place in them any more.
    pub(crate) fn release(&self, numbers: &[u32], retire: &mut impl FnMut(Retired)) {
        if numbers.is_empty() {
            return;
        }
        let (mut blocks, order) = self.lists();
        let grows = self.directory().is_some_and(|directory| directory.grows);
        for &number in numbers {
            blocks[number as usize] = None;
        }
        while blocks.last().is_some_and(Option::is_none) {
            blocks.pop();
        }
        self.publish(Directory::new(blocks, order, grows), retire);
    }

    fn lists(&self) -> (Vec<Option<Arc<Block>>>, Vec<u32>) {
        self.directory().map_or_else(Default::default, |d| (d.blocks.to_vec(), d.order.to_vec()))
    }

    /// The blocks as they are filled now, in the order in which their nodes were created.
    ///
    /// Of two nodes with the same labels that it shows, the older one was dead before the newer one was laid
    /// down, and is seen to be: no walk finds both alive, however long it takes and whatever happens meanwhile.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = Filled> {
        self.filled().map(|(_, block, end)| Filled { block: Arc::clone(block), end })
    }

    /// The living nodes with their places, in the order of creation: of those that are there now.
    pub(crate) fn places(&self) -> impl Iterator<Item = (u64, Node<'_>)> {
        let offset = |text: u32| text as usize - HEAD;
        self.filled()
            .flat_map(move |(number, block, end)| {
                block.nodes(end).map(move |(node, text)| (place(number, offset(text)), node))
            })
            .filter(|(_, node)| !node.is_dead())
    }

    /// The blocks with their numbers, and where each is filled to.
    fn filled(&self) -> impl Iterator<Item = (u32, &Arc<Block>, usize)> {
        let mut directory = self.directory();
        let end = loop {
            let end = directory.and_then(Directory::last).map_or(0, |(_, block)| block.used());
            // A node that was copied is dead in the copy only. So the last block must not have grown since
            // another directory came.
            let now = self.directory();
            if directory.map(ptr::from_ref) == now.map(ptr::from_ref) {
                break end;
            }
            directory = now;
        };
        let last = directory.and_then(|directory| directory.order.last().copied());
        directory.into_iter().flat_map(Directory::in_order).map(move |(number, block)| {
            let end = if Some(number) == last { end } else { block.used() };
            (number, block, end)
        })
    }
}

impl Block {
    /// Copies the living nodes of block `number`; the hash, old place and new offset of each.
    fn take_over(&self, number: u32, from: &Self) -> Vec<(u64, u64, usize)> {
        let mut copied = Vec::new();
        for (node, text) in from.nodes(from.used()).filter(|(node, _)| !node.is_dead()) {
            let old = place(number, text as usize - HEAD);
            if let Some(offset) = self.push(node.hash(), node.run(), node.text(), node.marks()) {
                copied.push((node.hash(), old, offset));
            }
        }
        copied
    }
}

/// Gives a block the first number that is free.
fn add(blocks: &mut Vec<Option<Arc<Block>>>, block: Block) -> u32 {
    let number = blocks.iter().position(Option::is_none).unwrap_or(blocks.len());
    if number == blocks.len() {
        blocks.push(None);
    }
    blocks[number] = Some(Arc::new(block));
    number as u32
}

fn place(block: u32, offset: usize) -> u64 {
    u64::from(block) << OFFSET_BITS | (offset / ALIGN) as u64
}

impl Drop for Nodes {
    fn drop(&mut self) {
        // SAFETY: null, or the box published last, and nobody else has the nodes any more.
        drop(unsafe { Unlinked::new(self.directory.load(Ordering::Acquire)) });
    }
}

#[cfg(all(test, loom))]
mod loom;
#[cfg(all(test, not(loom)))]
mod tests;
