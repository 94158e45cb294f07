//! A series: its cells and its rendered labels, side by side in blocks.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::Retired;
use crate::format::labels::Spelling;
use crate::storage::limbo::Unlinked;
use crate::sync::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

/// Nodes begin at multiples of this.
const ALIGN: usize = align_of::<Head>();
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

/// The most bytes that the labels of one series can take, rendered.
pub(crate) const MAX_TEXT: usize = LEN as usize;
/// Set in `Head::len` when a value was changed by escaping.
const ESCAPED: u32 = 1 << 31;
/// Set when the series was removed.
const DEAD: u32 = 1 << 30;
/// Set while the series isn't shown.
const HIDDEN: u32 = 1 << 29;
/// Set when the key of a document can't have each value as it is.
const NOT_PLAIN: u32 = 1 << 28;
const LEN: u32 = NOT_PLAIN - 1;

/// What belongs to a series in the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Run {
    /// The first of its cells; for a gauge, its word.
    pub(crate) cell: u32,
    /// The word that is kept for it beside its values.
    pub(crate) control: u32,
}

/// What precedes the text of a series.
#[repr(C)]
struct Head {
    hash: u32,
    run: Run,
    /// The length of the text, and what is said of the series by the bits above.
    len: AtomicU32,
}

/// A series: a place in a block.
#[derive(Clone, Copy)]
pub(crate) struct Node<'b> {
    head: NonNull<Head>,
    block: PhantomData<&'b Block>,
}

impl<'b> Node<'b> {
    #[inline]
    fn head(self) -> &'b Head {
        // SAFETY: heads are written before a node is handed out, and live as long as their block.
        unsafe { self.head.as_ref() }
    }

    /// The lower half of the hash of its label values.
    pub(crate) fn hash(self) -> u64 {
        u64::from(self.head().hash)
    }

    /// What belongs to it in the storage.
    #[inline]
    pub(crate) fn run(self) -> Run {
        self.head().run
    }

    /// Its labels as they stand on the page: `{a="x",b="y"}`, or nothing.
    #[inline]
    pub(crate) fn text(self) -> &'b [u8] {
        let len = self.head().len.load(Ordering::Relaxed) & LEN;
        // SAFETY: the text follows the head in the same block and is never written again.
        unsafe { std::slice::from_raw_parts(self.head.as_ptr().add(1).cast(), len as usize) }
    }

    /// Its text, and whether a value was changed by escaping.
    #[inline]
    pub(crate) fn text_and_escaped(self) -> (&'b [u8], bool) {
        let len = self.head().len.load(Ordering::Relaxed);
        // SAFETY: as in `text`.
        let text =
            unsafe { std::slice::from_raw_parts(self.head.as_ptr().add(1).cast(), (len & LEN) as usize) };
        (text, len & ESCAPED != 0)
    }

    /// Whether the key of a document can have each value as it is.
    #[inline]
    pub(crate) fn is_plain(self) -> bool {
        self.head().len.load(Ordering::Relaxed) & NOT_PLAIN == 0
    }

    /// Whether it has been removed.
    pub(crate) fn is_dead(self) -> bool {
        self.head().len.load(Ordering::Relaxed) & DEAD != 0
    }

    /// Whether it is neither removed nor hidden.
    #[inline]
    pub(crate) fn is_shown(self) -> bool {
        self.head().len.load(Ordering::Relaxed) & (DEAD | HIDDEN) == 0
    }

    /// Hides it or shows it again. One caller at a time.
    pub(crate) fn set_hidden(self, hidden: bool) {
        if hidden {
            self.head().len.fetch_or(HIDDEN, Ordering::Relaxed);
        } else {
            self.head().len.fetch_and(!HIDDEN, Ordering::Relaxed);
        }
    }

    fn size(self) -> usize {
        node_size(self.text().len())
    }
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Node").field(&String::from_utf8_lossy(self.text())).finish()
    }
}

/// A piece of memory in which nodes are laid one behind the other.
///
/// What lies below `used` was written before `used` said so and never changes, but for the atomic
/// in each head. Snapshots share blocks and so keep the text of series that are long gone.
pub(crate) struct Block {
    start: NonNull<u8>,
    layout: Layout,
    used: AtomicUsize,
    /// Bytes of nodes that are dead. Written by one caller at a time.
    dead: AtomicUsize,
}

// SAFETY: see above: what is shared is either never written again or atomic.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    fn new(size: usize) -> Self {
        // A size of at least a head, and below isize::MAX since the longest text is 256 MiB.
        let layout = Layout::from_size_align(size, ALIGN).unwrap_or(Layout::new::<[u64; SMALLEST / 8]>());
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        Self { start, layout, used: AtomicUsize::new(0), dead: AtomicUsize::new(0) }
    }

    /// Bytes of whole nodes.
    #[inline]
    fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }

    fn dead(&self) -> usize {
        self.dead.load(Ordering::Relaxed)
    }

    fn live(&self) -> usize {
        self.used() - self.dead()
    }

    /// Text by offset and length, as told by [`nodes`](Self::nodes).
    #[inline]
    pub(crate) fn text(&self, offset: u32, len: u32) -> &[u8] {
        debug_assert!(offset as usize + len as usize <= self.used());
        // SAFETY: part of a node that was pushed; see `Node::text`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(offset as usize), len as usize) }
    }

    /// Lays down a node if there is room. One caller at a time.
    fn push(&self, hash: u64, run: Run, text: &[u8], flags: u32) -> Option<usize> {
        let offset = self.used.load(Ordering::Relaxed);
        let end = offset + node_size(text.len());
        if end > self.layout.size() {
            return None;
        }
        let head = Head { hash: hash as u32, run, len: AtomicU32::new(text.len() as u32 | flags) };
        // SAFETY: from `offset` to `end` lies within the block, is aligned for a head, and nobody
        // reads above `used`.
        unsafe {
            let at = self.start.add(offset).cast::<Head>();
            at.write(head);
            ptr::copy_nonoverlapping(text.as_ptr(), at.add(1).cast().as_ptr(), text.len());
        }
        self.used.store(end, Ordering::Release);
        Some(offset)
    }

    /// The nodes below `end`, which `used` has been, in the order of creation, with the offsets of their
    /// texts.
    fn nodes(&self, end: usize) -> impl Iterator<Item = (Node<'_>, u32)> {
        debug_assert!(end <= self.used());
        let mut offset = 0;
        std::iter::from_fn(move || {
            if offset >= end {
                return None;
            }
            // SAFETY: whole nodes lie below what `used` has been.
            let node = unsafe { node_at(self.start, offset) };
            let text = (offset + size_of::<Head>()) as u32;
            offset += node.size();
            Some((node, text))
        })
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout. Heads have no destructor.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block").field("used", &self.used()).field("size", &self.layout.size()).finish()
    }
}

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

/// The node in the block that begins at `start`.
///
/// # Safety
///
/// `Block::push` has returned the offset, and the block lives as long as what is returned is used.
#[inline]
unsafe fn node_at<'b>(start: NonNull<u8>, offset: usize) -> Node<'b> {
    // SAFETY: the offset lies within the block.
    Node { head: unsafe { start.add(offset) }.cast(), block: PhantomData }
}

const fn node_size(text: usize) -> usize {
    (size_of::<Head>() + text).next_multiple_of(ALIGN)
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
        let flags = match spelling {
            Spelling::Plain => 0,
            Spelling::Verbatim => NOT_PLAIN,
            Spelling::Escaped => NOT_PLAIN | ESCAPED,
        };
        if let Some(directory) = self.directory().filter(|directory| directory.grows)
            && let Some((number, block)) = directory.last()
            && let Some(offset) = block.push(hash, run, text, flags)
        {
            // SAFETY: pushed just now, and the directory keeps the block.
            return (place(number, offset), unsafe { node_at(block.start, offset) });
        }
        let live = self.directory().map_or(0, Directory::live);
        let block = Block::new(live.clamp(SMALLEST, LARGEST).max(node_size(text.len())));
        let start = block.start;
        let offset = block.push(hash, run, text, flags).unwrap_or_default();
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
        node.head().len.fetch_or(DEAD, Ordering::Relaxed);
        block.dead.fetch_add(node.size(), Ordering::Relaxed);
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
        let offset = |text: u32| text as usize - size_of::<Head>();
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
            let flags = node.head().len.load(Ordering::Relaxed) & !LEN;
            let old = place(number, text as usize - size_of::<Head>());
            if let Some(offset) = self.push(node.hash(), node.run(), node.text(), flags) {
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

#[cfg(all(test, not(loom)))]
mod tests;
