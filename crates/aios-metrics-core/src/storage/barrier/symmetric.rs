//! Both sides have a fence.

use crate::sync::{AtomicU64, Ordering, fence};

/// Nothing to prepare.
#[cfg_attr(all(target_os = "linux", not(any(loom, tsan))), expect(dead_code, reason = "the other variant's"))]
pub(crate) fn prepare() {}

/// Stores `value`, and fences.
#[inline]
pub(crate) fn announce(word: &AtomicU64, value: u64) {
    // An exchange is a full fence on x86, and takes less time than a store with a fence behind it.
    #[cfg(all(target_arch = "x86_64", not(any(loom, tsan))))]
    {
        word.swap(value, Ordering::SeqCst);
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(loom, tsan)))))]
    {
        word.store(value, Ordering::Release);
        fence(Ordering::SeqCst);
    }
}

/// Fences; `true`, since that can't fail.
pub(crate) fn overtake() -> bool {
    fence(Ordering::SeqCst);
    true
}
