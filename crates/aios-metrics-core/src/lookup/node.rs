//! A series: its cells and its rendered labels, side by side in a block.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use crate::format::labels::Spelling;
use crate::sync::{AtomicU32, AtomicUsize, Ordering};

/// Nodes begin at multiples of this.
pub(super) const ALIGN: usize = align_of::<Head>();
/// What precedes the text of each.
pub(super) const HEAD: usize = size_of::<Head>();
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

/// The marks of a new node whose values are written like this.
pub(super) const fn marks_of(spelling: Spelling) -> u32 {
    match spelling {
        Spelling::Plain => 0,
        Spelling::Verbatim => NOT_PLAIN,
        Spelling::Escaped => NOT_PLAIN | ESCAPED,
    }
}

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

    /// Marks it as removed.
    pub(super) fn kill(self) {
        self.head().len.fetch_or(DEAD, Ordering::Relaxed);
    }

    /// Hides it or shows it again. One caller at a time.
    pub(crate) fn set_hidden(self, hidden: bool) {
        if hidden {
            self.head().len.fetch_or(HIDDEN, Ordering::Relaxed);
        } else {
            self.head().len.fetch_and(!HIDDEN, Ordering::Relaxed);
        }
    }

    /// What is said of it beside its length; a copy says the same.
    pub(super) fn marks(self) -> u32 {
        self.head().len.load(Ordering::Relaxed) & !LEN
    }

    pub(super) fn size(self) -> usize {
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
    pub(super) start: NonNull<u8>,
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
    pub(super) fn new(size: usize) -> Self {
        // A size of at least a head, and below isize::MAX since the longest text is 256 MiB.
        let layout = Layout::from_size_align(size, ALIGN).unwrap_or(Layout::new::<[u64; 64]>());
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        Self { start, layout, used: AtomicUsize::new(0), dead: AtomicUsize::new(0) }
    }

    /// Bytes of whole nodes.
    #[inline]
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }

    pub(super) fn dead(&self) -> usize {
        self.dead.load(Ordering::Relaxed)
    }

    /// Notes that so many bytes more are dead. One caller at a time.
    pub(super) fn add_dead(&self, bytes: usize) {
        self.dead.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn live(&self) -> usize {
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
    pub(super) fn push(&self, hash: u64, run: Run, text: &[u8], marks: u32) -> Option<usize> {
        let offset = self.used.load(Ordering::Relaxed);
        let end = offset + node_size(text.len());
        if end > self.layout.size() {
            return None;
        }
        let head = Head { hash: hash as u32, run, len: AtomicU32::new(text.len() as u32 | marks) };
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
    pub(super) fn nodes(&self, end: usize) -> impl Iterator<Item = (Node<'_>, u32)> {
        debug_assert!(end <= self.used());
        let mut offset = 0;
        std::iter::from_fn(move || {
            if offset >= end {
                return None;
            }
            // SAFETY: whole nodes lie below what `used` has been.
            let node = unsafe { node_at(self.start, offset) };
            let text = (offset + HEAD) as u32;
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

/// The node in the block that begins at `start`.
///
/// # Safety
///
/// `Block::push` has returned the offset, and the block lives as long as what is returned is used.
#[inline]
pub(super) unsafe fn node_at<'b>(start: NonNull<u8>, offset: usize) -> Node<'b> {
    // SAFETY: the offset lies within the block.
    Node { head: unsafe { start.add(offset) }.cast(), block: PhantomData }
}

pub(super) const fn node_size(text: usize) -> usize {
    (HEAD + text).next_multiple_of(ALIGN)
}
