//! A list of pointers that grows while others read it: readers take no lock.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr;

use crate::sync::{AtomicPtr, Ordering};

/// Entries of the first array.
const FIRST: usize = if cfg!(loom) { 1 } else { 8 };

/// Pointers by index, null where none was set.
///
/// Entries lie in an array that is replaced by a larger one when it is full. An array that was replaced
/// stays as long as the list, since readers may still be in it; all of them together are no larger than
/// the newest one. The pointers are not owned.
pub(crate) struct Pointers<T> {
    current: AtomicPtr<Head>,
    pointers: PhantomData<AtomicPtr<T>>,
}

/// What precedes the entries of an array.
struct Head {
    len: usize,
    previous: *mut Head,
}

/// The array of a list as it was at one time.
///
/// It shows what is set later too, until another array takes its place.
pub(crate) struct View<'l, T> {
    head: *const Head,
    list: PhantomData<&'l Pointers<T>>,
}

impl<T> Clone for View<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for View<'_, T> {}

/// The array of a list without any.
struct Nothing(Head);

// SAFETY: nobody writes there, and its pointer is null.
unsafe impl Sync for Nothing {}

static NOTHING: Nothing = Nothing(Head { len: 0, previous: ptr::null_mut() });

impl<T> Pointers<T> {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self { current: AtomicPtr::new((&raw const NOTHING.0).cast_mut()), pointers: PhantomData }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self { current: AtomicPtr::new((&raw const NOTHING.0).cast_mut()), pointers: PhantomData }
    }

    /// The list's array.
    #[inline]
    pub(crate) fn view(&self) -> View<'_, T> {
        View { head: self.current.load(Ordering::Acquire), list: PhantomData }
    }

    /// The pointer at `index`; what it points at was written before it was set.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> *mut T {
        self.view().get(index)
    }

    /// Sets the pointer at `index`. One caller at a time.
    pub(crate) fn set(&self, index: usize, pointer: *mut T) {
        if self.view().entry(index).is_none() {
            self.grow((index + 1).next_power_of_two().max(FIRST));
        }
        if let Some(entry) = self.view().entry(index) {
            entry.store(pointer, Ordering::Release);
        }
    }

    /// Every pointer that is set, in the order of the indices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = *mut T> {
        let view = self.view();
        (0..)
            .map_while(move |index| view.entry(index))
            .map(|entry| entry.load(Ordering::Acquire))
            .filter(|p| !p.is_null())
    }

    /// Replaces the array by one of `len` entries.
    #[cold]
    fn grow(&self, len: usize) {
        let previous = self.current.load(Ordering::Acquire);
        let layout = layout::<T>(len);
        // SAFETY: the layout is not empty, as it has a head. Head and entries are written before anybody sees
        // them.
        let head = unsafe {
            let head = alloc(layout).cast::<Head>();
            if head.is_null() {
                handle_alloc_error(layout);
            }
            head.write(Head { len, previous });
            for index in 0..len {
                entries::<T>(head).add(index).write(AtomicPtr::new(self.get(index)));
            }
            head
        };
        self.current.store(head, Ordering::Release);
    }
}

impl<T> Drop for Pointers<T> {
    fn drop(&mut self) {
        let mut head = self.current.load(Ordering::Acquire);
        // SAFETY: the arrays that `grow` made, of the lengths that they say, up to the one without entries;
        // nobody else has them any more.
        unsafe {
            while (*head).len > 0 {
                let Head { len, previous } = head.read();
                ptr::slice_from_raw_parts_mut(entries::<T>(head), len).drop_in_place();
                dealloc(head.cast(), layout::<T>(len));
                head = previous;
            }
        }
    }
}

impl<'l, T> View<'l, T> {
    /// That of a list without any.
    #[cfg(not(loom))]
    pub(crate) const EMPTY: Self = Self { head: &raw const NOTHING.0, list: PhantomData };

    /// The pointer at `index`; what it points at was written before it was set.
    #[inline]
    pub(crate) fn get(self, index: usize) -> *mut T {
        self.entry(index).map_or(ptr::null_mut(), |entry| entry.load(Ordering::Acquire))
    }

    #[inline]
    fn entry(self, index: usize) -> Option<&'l AtomicPtr<T>> {
        // SAFETY: an array that was published lives as long as the list, with `len` entries behind its head.
        unsafe { (index < (*self.head).len).then(|| &*entries(self.head.cast_mut()).add(index)) }
    }
}

/// Where the entries of an array begin.
///
/// # Safety
///
/// The head is there.
#[inline]
unsafe fn entries<T>(head: *mut Head) -> *mut AtomicPtr<T> {
    // SAFETY: right behind the head, which is at most the end of the memory that it lies in.
    unsafe { head.add(1) }.cast()
}

fn layout<T>(len: usize) -> Layout {
    let entries = Layout::array::<AtomicPtr<T>>(len);
    let whole = entries.and_then(|entries| Layout::new::<Head>().extend(entries));
    // What doesn't fit the address space isn't to be had either.
    whole.map_or_else(|_| handle_alloc_error(Layout::new::<Head>()), |(layout, _)| layout)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_a_place_of_its_own() {
        let list = Pointers::<u32>::new();
        let mut values: Vec<u32> = (0..1_000).collect();
        for (index, value) in values.iter_mut().enumerate() {
            assert!(list.get(index).is_null());
            list.set(index, value);
        }
        // SAFETY: the values outlive the list.
        assert!((0..1_000).all(|index| unsafe { *list.get(index) } == index as u32));
        assert_eq!(list.iter().count(), 1_000);
        assert!(list.get(usize::MAX).is_null());
    }

    #[test]
    fn places_may_be_set_in_any_order() {
        let list = Pointers::<u32>::new();
        let mut value = 7;
        list.set(300, &mut value);
        list.set(2, &mut value);
        assert_eq!(list.iter().count(), 2);
        assert!(list.get(299).is_null());
    }
}
