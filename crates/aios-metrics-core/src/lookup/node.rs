//! A series: its cells and its rendered labels, side by side in append-only blocks.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::storage::pointers::Pointers;
use crate::sync::{AtomicU32, AtomicUsize, Ordering};

/// Nodes begin at multiples of this.
const ALIGN: usize = 8;
/// Sizes of blocks: the first is small, each is twice the one before up to the largest; a node
/// that is larger still gets a block of its own.
const SMALLEST: usize = 512;
const LARGEST: usize = 64 * 1_024;
const OFFSET_BITS: u32 = 24;

/// The most bytes that the labels of one series can take, rendered.
pub(crate) const MAX_TEXT: usize = (ESCAPED - 1) as usize;
/// Set in `Head::len` when a value was changed by escaping.
const ESCAPED: u32 = 1 << 31;

/// What precedes the text of a series.
#[repr(C)]
struct Head {
    hash: u32,
    cell: u32,
    /// The id of the cell for fractional amounts plus one; 0 until there was one.
    float: AtomicU32,
    len: u32,
}

/// A series, as long as the block that it lies in.
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

    /// The first cell of its run.
    #[inline]
    pub(crate) fn cell(self) -> u32 {
        self.head().cell
    }

    /// The cell for fractional amounts, once there was one.
    #[inline]
    pub(crate) fn float(self) -> Option<u32> {
        self.head().float.load(Ordering::Acquire).checked_sub(1)
    }

    /// Sets the cell for fractional amounts; under the lock for creation.
    pub(crate) fn set_float(self, id: u32) {
        self.head().float.store(id + 1, Ordering::Release);
    }

    /// Its labels as they stand on the page: `{a="x",b="y"}`, or nothing.
    #[inline]
    pub(crate) fn text(self) -> &'b [u8] {
        // SAFETY: the text follows the head in the same block and is never written again.
        unsafe { std::slice::from_raw_parts(self.head.as_ptr().add(1).cast(), self.text_len()) }
    }

    #[inline]
    fn text_len(self) -> usize {
        (self.head().len & !ESCAPED) as usize
    }

    /// Whether a value was changed by escaping.
    #[inline]
    pub(crate) fn is_escaped(self) -> bool {
        self.head().len & ESCAPED != 0
    }

    /// The same node for as long as somebody else keeps its block.
    ///
    /// # Safety
    ///
    /// The block lives as long as what is returned is used.
    pub(crate) unsafe fn detach(self) -> Node<'static> {
        Node { head: self.head, block: PhantomData }
    }
}

// SAFETY: a node is a shared reference to atomics and to memory that is never written again.
unsafe impl Send for Node<'_> {}
// SAFETY: as above.
unsafe impl Sync for Node<'_> {}

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
}

// SAFETY: see above: what is shared is either never written again or atomic.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    fn new(size: usize) -> Self {
        // A size of at least a head, and below isize::MAX since the longest text is 2 GiB.
        let layout = Layout::from_size_align(size, ALIGN).unwrap_or(Layout::new::<[u64; SMALLEST / 8]>());
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        Self { start, layout, used: AtomicUsize::new(0) }
    }

    /// Bytes of whole nodes.
    #[inline]
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }

    /// The node at an offset that a push returned.
    #[inline]
    fn node(&self, offset: usize) -> Node<'_> {
        debug_assert!(offset < self.used());
        // SAFETY: the offset lies within the block and is that of a node that was pushed.
        Node { head: unsafe { self.start.add(offset) }.cast(), block: PhantomData }
    }

    /// Text by offset and length, as told by [`nodes`](Self::nodes).
    #[inline]
    pub(crate) fn text(&self, offset: u32, len: u32) -> &[u8] {
        debug_assert!(offset as usize + len as usize <= self.used());
        // SAFETY: part of a node that was pushed; see `Node::text`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(offset as usize), len as usize) }
    }

    /// Lays down a node if there is room. One caller at a time.
    fn push(&self, hash: u64, cell: u32, text: &[u8], escaped: bool) -> Option<usize> {
        let offset = self.used.load(Ordering::Relaxed);
        let end = offset + node_size(text.len());
        if end > self.layout.size() {
            return None;
        }
        let len = text.len() as u32 | if escaped { ESCAPED } else { 0 };
        let head = Head { hash: hash as u32, cell, float: AtomicU32::new(0), len };
        // SAFETY: from `offset` to `end` lies within the block, is aligned for a head, and nobody
        // reads above `used`.
        unsafe {
            let at = self.start.add(offset).cast::<Head>();
            at.write(head);
            std::ptr::copy_nonoverlapping(text.as_ptr(), at.add(1).cast().as_ptr(), text.len());
        }
        self.used.store(end, Ordering::Release);
        Some(offset)
    }

    /// Every node, in the order of creation, with the offset of its text.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (Node<'_>, u32)> {
        let (mut offset, used) = (0, self.used());
        std::iter::from_fn(move || {
            if offset == used {
                return None;
            }
            let node = self.node(offset);
            let text = (offset + size_of::<Head>()) as u32;
            offset += node_size(node.text_len());
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

const fn node_size(text: usize) -> usize {
    (size_of::<Head>() + text).next_multiple_of(ALIGN)
}

/// The nodes of a family: blocks, and places in them that fit a table's payload.
pub(crate) struct Nodes {
    blocks: Pointers<Block>,
    len: AtomicUsize,
}

impl Nodes {
    pub(crate) fn new() -> Self {
        Self { blocks: Pointers::new(), len: AtomicUsize::new(0) }
    }

    /// The node at a place that [`push`](Self::push) returned.
    #[inline]
    pub(crate) fn node(&self, place: u64) -> Node<'_> {
        let (block, offset) = (place >> OFFSET_BITS, place & ((1 << OFFSET_BITS) - 1));
        // SAFETY: places come from `push`, which had set the block by then; blocks live as long as
        // self.
        unsafe { &*self.blocks.get(block as usize) }.node(offset as usize * ALIGN)
    }

    /// Lays down a node and returns its place. One caller at a time.
    pub(crate) fn push(&self, hash: u64, cell: u32, text: &[u8], escaped: bool) -> u64 {
        let count = self.len.load(Ordering::Relaxed);
        if let Some(last) = count.checked_sub(1) {
            // SAFETY: as in `node`.
            let block = unsafe { &*self.blocks.get(last) };
            if let Some(offset) = block.push(hash, cell, text, escaped) {
                return place(last, offset);
            }
        }
        let size = (SMALLEST << count.min(16)).min(LARGEST).max(node_size(text.len()));
        let block = Arc::new(Block::new(size));
        let offset = block.push(hash, cell, text, escaped).unwrap_or_default();
        self.blocks.set(count, Arc::into_raw(block).cast_mut());
        self.len.store(count + 1, Ordering::Release);
        place(count, offset)
    }

    /// The blocks, in the order of creation.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        (0..self.len.load(Ordering::Acquire)).filter_map(|index| {
            // SAFETY: as in `node`.
            unsafe { self.blocks.get(index).as_ref() }
        })
    }

    /// A share of a block of these nodes.
    pub(crate) fn share(&self, block: &Block) -> Arc<Block> {
        let raw: *const Block = block;
        // SAFETY: every block of `blocks` comes from `Arc::into_raw`, and self holds that count.
        unsafe {
            Arc::increment_strong_count(raw);
            Arc::from_raw(raw)
        }
    }
}

fn place(block: usize, offset: usize) -> u64 {
    (block as u64) << OFFSET_BITS | (offset / ALIGN) as u64
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for block in self.blocks.iter() {
            // SAFETY: the count that `push` took; nobody else has these nodes any more.
            drop(unsafe { Arc::from_raw(block) });
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn nodes_keep_what_they_were_given_in_order() {
        let nodes = Nodes::new();
        let texts: Vec<String> = (0..3_000)
            .map(|i| match i {
                700 => "x".repeat(1 << 20),
                i => format!("{{a=\"{i}\"}}"),
            })
            .collect();
        let places: Vec<u64> = (0..)
            .zip(&texts)
            .map(|(i, text)| nodes.push(u64::from(i) << 32 | 7, i, text.as_bytes(), i % 2 == 0))
            .collect();
        for (i, (&place, text)) in (0..).zip(places.iter().zip(&texts)) {
            let node = nodes.node(place);
            assert_eq!((node.cell(), node.text(), node.hash()), (i, text.as_bytes(), 7));
            assert_eq!((node.is_escaped(), node.float()), (i % 2 == 0, None));
        }
        let walked: Vec<u32> = nodes.blocks().flat_map(Block::nodes).map(|(node, _)| node.cell()).collect();
        assert!(walked.into_iter().eq(0..3_000));
    }

    #[test]
    fn a_block_outlives_its_nodes() {
        let nodes = Nodes::new();
        nodes.push(1, 2, b"{a=\"kept\"}", false);
        let block = nodes.blocks().map(|block| nodes.share(block)).next().unwrap();
        drop(nodes);
        let (node, offset) = block.nodes().next().unwrap();
        assert_eq!(block.text(offset, 10), node.text());
    }
}
