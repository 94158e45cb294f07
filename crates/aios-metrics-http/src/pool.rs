//! Memory that one scrape leaves for the next.

use std::sync::{Arc, Mutex, PoisonError};

/// Keeps a few values between uses.
#[derive(Debug)]
pub(crate) struct Pool<T> {
    idle: Mutex<Vec<T>>,
    most: usize,
}

impl<T> Pool<T> {
    /// A pool that keeps `most` values; those put back beyond that are dropped.
    pub(crate) fn new(most: usize) -> Self {
        Self { idle: Mutex::new(Vec::with_capacity(most)), most }
    }

    /// A kept value, the one used last.
    pub(crate) fn take(&self) -> Option<T> {
        self.idle().pop()
    }

    /// Keeps `value` for the next.
    pub(crate) fn put(&self, value: T) {
        let mut idle = self.idle();
        if idle.len() < self.most {
            idle.push(value);
            return;
        }
        // Freeing a page can take long: not under the lock.
        drop(idle);
        drop(value);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<T>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of a page; when the last byte is sent and this is dropped, the buffer goes back to its
/// pool.
#[derive(Debug)]
pub(crate) struct PageBuffer {
    bytes: Vec<u8>,
    pool: Arc<Pool<Vec<u8>>>,
}

/// A buffer of up to this size is kept whatever it was used for.
const SMALL: usize = 64 * 1024;

impl PageBuffer {
    /// An empty buffer out of `pool`, or a new one.
    pub(crate) fn take(pool: &Arc<Pool<Vec<u8>>>) -> Self {
        let bytes = pool.take().unwrap_or_default();
        Self { bytes, pool: Arc::clone(pool) }
    }

    /// Where the page is written.
    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for PageBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for PageBuffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        // A buffer far larger than its last page is left from a time of more series.
        if bytes.capacity() <= SMALL.max(bytes.len().saturating_mul(4)) {
            bytes.clear();
            self.pool.put(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;

    #[test]
    fn a_buffer_comes_back_when_the_last_clone_of_its_bytes_is_gone() {
        let pool = Arc::new(Pool::new(1));
        let mut page = PageBuffer::take(&pool);
        page.bytes_mut().extend_from_slice(b"jobs_total 1\n");
        let memory = page.as_ref().as_ptr();

        let body = Bytes::from_owner(page);
        let rest = body.slice(4..);
        drop(body);
        assert!(pool.take().is_none(), "part of the page is still being sent");
        drop(rest);

        let mut again = PageBuffer::take(&pool);
        assert_eq!(again.bytes_mut().as_ptr(), memory);
        assert!(again.as_ref().is_empty());
    }

    #[test]
    fn no_more_is_kept_than_was_said() {
        let pool = Pool::new(2);
        (0..5).for_each(|i| pool.put(i));
        assert_eq!([pool.take(), pool.take(), pool.take()], [Some(1), Some(0), None]);
    }

    #[test]
    fn a_buffer_far_too_large_is_let_go() {
        let pool = Arc::new(Pool::new(1));
        let page = |capacity: usize, len: usize| {
            let mut page = PageBuffer::take(&pool);
            page.bytes_mut().reserve(capacity);
            page.bytes_mut().resize(len, b' ');
        };
        page(1 << 20, 100);
        assert!(pool.take().is_none());
        page(1 << 20, 1 << 19);
        assert!(pool.take().is_some());
    }
}
