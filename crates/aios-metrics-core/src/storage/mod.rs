//! Cells: a slab for each thread, written without read-modify-write, summed up by readers.
//!
//! **Invariant**: a cell of a slab has one writer, the thread that holds the slab; the shared slab
//! has many and is written by atomic read-modify-write.
//!
//! **Invariant**: a sum runs over the slabs in one fixed order, so a total never goes backwards
//! between two reads that are ordered by happens-before, rounding included.

#![allow(unsafe_code)]

mod barrier;
mod ids;
pub(crate) mod limbo;
pub(crate) mod local;
#[cfg(all(test, loom))]
mod loom;
pub(crate) mod pointers;
pub(crate) mod reserve;
pub(crate) mod section;
mod slab;

use std::ptr;

use self::ids::Ids;
use self::slab::{CHUNK, Chunk};
use crate::sync::{AtomicPtr, AtomicU64, AtomicUsize, Mutex, Ordering, lock};

pub(crate) use self::section::Section;
pub(crate) use self::slab::{Cells, Slab};

/// The longest run of cells that [`Storage::take`] gives out.
pub(crate) const LONGEST_RUN: usize = CHUNK;

/// All cells: the slabs of threads, the shared slab, and which ids are taken.
pub(crate) struct Storage {
    /// Every slab there is, newest first, linked through `Owned::next`.
    slabs: AtomicPtr<Owned>,
    /// Slabs whose thread is gone. The lock makes what the old owner wrote visible to the next.
    free: Mutex<Vec<&'static Slab>>,
    /// For threads that have no slab: those that are ending, and updates made by an allocator
    /// while a slab is being allocated.
    shared: Slab,
    ids: Mutex<Ids>,
    /// Words that are not summed up: gauges, and what is kept for each series.
    words: Slab,
    word_ids: Mutex<Ids>,
    /// How many sections threads without a slab are in.
    guests: AtomicUsize,
}

struct Owned {
    slab: Slab,
    next: *mut Owned,
}

// SAFETY: the raw pointers are to slabs that are shared by design; slabs are made of atomics.
unsafe impl Send for Storage {}
// SAFETY: as above.
unsafe impl Sync for Storage {}

impl Storage {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self {
            slabs: AtomicPtr::new(ptr::null_mut()),
            free: Mutex::new(Vec::new()),
            shared: Slab::new(),
            ids: Mutex::new(Ids::new()),
            words: Slab::new(),
            word_ids: Mutex::new(Ids::new()),
            guests: AtomicUsize::new(0),
        }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            slabs: AtomicPtr::new(ptr::null_mut()),
            free: Mutex::new(Vec::new()),
            shared: Slab::new(),
            ids: Mutex::new(Ids::new()),
            words: Slab::new(),
            word_ids: Mutex::new(Ids::new()),
            guests: AtomicUsize::new(0),
        }
    }

    /// A slab for the calling thread: one that another thread has left, or a new one.
    pub(crate) fn attach(&'static self) -> &'static Slab {
        barrier::prepare();
        if let Some(slab) = lock(&self.free).pop() {
            return slab;
        }
        let owned = Box::into_raw(Box::new(Owned { slab: Slab::for_thread(), next: ptr::null_mut() }));
        let mut head = self.slabs.load(Ordering::Relaxed);
        loop {
            // SAFETY: not published yet, so ours alone.
            unsafe { (*owned).next = head };
            match self.slabs.compare_exchange_weak(head, owned, Ordering::Release, Ordering::Relaxed) {
                // SAFETY: published slabs live as long as the storage.
                Ok(_) => return unsafe { &(*owned).slab },
                Err(newer) => head = newer,
            }
        }
    }

    /// Leaves a slab to the next thread; the caller writes to it no more.
    pub(crate) fn detach(&self, slab: &'static Slab) {
        lock(&self.free).push(slab);
    }

    /// Takes a run of `len` zeroed cells, at most a chunk.
    pub(crate) fn take(&self, len: u32) -> u32 {
        self.take_up_to(len, 1).0
    }

    /// Takes runs of `len` zeroed cells that lie side by side: the first, and how many, at most `most`.
    pub(crate) fn take_up_to(&self, len: u32, most: u32) -> (u32, u32) {
        // An update that can't use a slab of its thread must find its place without allocating.
        take(&self.ids, &self.shared, len, most)
    }

    /// The same with words.
    pub(crate) fn take_words_up_to(&self, len: u32, most: u32) -> (u32, u32) {
        take(&self.word_ids, &self.words, len, most)
    }

    /// A word that was taken.
    #[inline]
    pub(crate) fn word(&self, id: u32) -> &AtomicU64 {
        cells(&self.words, id).at(0)
    }

    /// Takes words back, as [`give_back`](Self::give_back) does a run of cells.
    pub(crate) fn give_back_words(&self, id: u32, len: u32) {
        self.words.clear(id, len);
        lock(&self.word_ids).give_back(id, len);
    }

    /// Takes a run back: zeroes its cells and lets them be used again.
    ///
    /// Nobody updates or reads the run any more, and all that did happens before this call.
    pub(crate) fn give_back(&self, id: u32, len: u32) {
        for slab in self.slabs() {
            slab.clear(id, len);
        }
        self.shared.clear(id, len);
        lock(&self.ids).give_back(id, len);
    }

    /// The cells from `id` on in the slab that all threads share.
    #[inline]
    pub(crate) fn shared_cells(&self, id: u32) -> Cells<'_> {
        cells(&self.shared, id)
    }

    /// The slabs of threads, in the fixed order, those of threads that are gone included.
    pub(crate) fn slabs(&self) -> impl Iterator<Item = &Slab> {
        let mut next = self.slabs.load(Ordering::Acquire);
        std::iter::from_fn(move || {
            // SAFETY: null or a published slab, which lives as long as the storage; `next` was
            // written before it was published and never after.
            let owned = unsafe { next.as_ref()? };
            next = owned.next;
            Some(&owned.slab)
        })
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        let mut next = self.slabs.load(Ordering::Acquire);
        while !next.is_null() {
            // SAFETY: a box that `attach` made; dropping the storage means that nobody has it.
            let owned = unsafe { Box::from_raw(next) };
            next = owned.next;
        }
    }
}

/// Takes runs of ids, with their chunk in `slab`.
fn take(ids: &Mutex<Ids>, slab: &Slab, len: u32, most: u32) -> (u32, u32) {
    let mut ids = lock(ids);
    let Some((id, count)) = ids.take_up_to(len, most) else {
        // 2^32 cells are 32 GiB in each slab: the machine is out of memory before that.
        std::alloc::handle_alloc_error(std::alloc::Layout::new::<Chunk>());
    };
    slab.touch(id as usize / CHUNK);
    (id, count)
}

/// The cells of a run in the slab with which it was [taken](take).
#[inline]
fn cells(slab: &Slab, id: u32) -> Cells<'_> {
    match slab.cells(id) {
        Some(cells) => cells,
        None => unreachable!("whoever takes a run touches its chunk"),
    }
}

/// Adds to a cell that only the calling thread writes; `false` when the sum would pass 2^64.
#[inline]
pub(crate) fn add_own(cell: &AtomicU64, n: u64) -> bool {
    match cell.load(Ordering::Relaxed).checked_add(n) {
        Some(sum) => {
            cell.store(sum, Ordering::Relaxed);
            true
        }
        None => false,
    }
}

/// Adds to a cell that any thread may write; `false` when the sum would pass 2^64.
pub(crate) fn add_shared(cell: &AtomicU64, n: u64) -> bool {
    cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |value| value.checked_add(n)).is_ok()
}

/// Adds to a cell of `f64` bits that only the calling thread writes.
#[inline]
pub(crate) fn add_own_f64(cell: &AtomicU64, n: f64) {
    cell.store((f64::from_bits(cell.load(Ordering::Relaxed)) + n).to_bits(), Ordering::Relaxed);
}

/// Adds to a cell of `f64` bits that any thread may write.
#[inline]
pub(crate) fn add_shared_f64(cell: &AtomicU64, n: f64) {
    let mut bits = cell.load(Ordering::Relaxed);
    loop {
        let sum = (f64::from_bits(bits) + n).to_bits();
        match cell.compare_exchange_weak(bits, sum, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return,
            Err(newer) => bits = newer,
        }
    }
}

/// Adds up cells over all slabs; keeps the chunks of the last id at hand, since ids that follow
/// each other are mostly read one after the other.
#[derive(Default)]
pub(crate) struct Reader<'s> {
    number: Option<usize>,
    chunks: Vec<&'s Chunk>,
}

impl<'s> Reader<'s> {
    /// Forgets the chunks, so that slabs and chunks that are new since then are seen.
    pub(crate) fn refresh(&mut self) {
        self.number = None;
    }

    /// The total of a whole cell.
    #[inline]
    pub(crate) fn sum(&mut self, storage: &'s Storage, id: u32) -> u128 {
        let offset = id as usize % CHUNK;
        self.chunks(storage, id).iter().map(|chunk| u128::from(chunk[offset].load(Ordering::Relaxed))).sum()
    }

    /// The total of a cell of `f64` bits.
    #[inline]
    pub(crate) fn sum_f64(&mut self, storage: &'s Storage, id: u32) -> f64 {
        let offset = id as usize % CHUNK;
        self.chunks(storage, id)
            .iter()
            .fold(0.0, |sum, chunk| sum + f64::from_bits(chunk[offset].load(Ordering::Relaxed)))
    }

    #[inline]
    fn chunks(&mut self, storage: &'s Storage, id: u32) -> &[&'s Chunk] {
        let number = id as usize / CHUNK;
        if self.number != Some(number) {
            self.chunks.clear();
            self.chunks
                .extend(storage.slabs().chain([&storage.shared]).filter_map(|slab| slab.chunk(number)));
            self.number = Some(number);
        }
        &self.chunks
    }
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("chunks", &self.chunks.len()).finish()
    }
}
