//! Linux runs a fence on every thread of the process when one of them asks for it
//! ([membarrier(2)](https://man7.org/linux/man-pages/man2/membarrier.2.html)), so announcing is a plain store.
//! Where the system doesn't let us, both sides have a fence.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, compiler_fence};

use rustix::thread::{MembarrierCommand, membarrier};

use super::symmetric;
use crate::sync::{AtomicU64, Ordering, fence};

/// Whether the process has registered for the system call. Asked for before any thread announces, and by
/// whoever overtakes, so that nobody leaves its fence out whom the other side doesn't know of.
static REGISTERED: OnceLock<bool> = OnceLock::new();
/// The same for those who announce.
static IS_CHEAP: AtomicBool = AtomicBool::new(false);

/// Makes announcing cheap, where that is possible.
pub(crate) fn prepare() {
    if is_registered() {
        IS_CHEAP.store(true, Ordering::Relaxed);
    }
}

fn is_registered() -> bool {
    *REGISTERED.get_or_init(|| membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok())
}

/// Stores `value`. What the thread reads from here on comes after that, for whoever overtakes.
#[inline]
pub(crate) fn announce(word: &AtomicU64, value: u64) {
    if IS_CHEAP.load(Ordering::Relaxed) {
        word.store(value, Ordering::Release);
        compiler_fence(Ordering::SeqCst);
    } else {
        symmetric::announce(word, value);
    }
}

/// Has every thread of the process run a fence; `false` when the system refuses, which it has no reason to
/// once it has registered the process.
pub(crate) fn overtake() -> bool {
    fence(Ordering::SeqCst);
    if !is_registered() {
        return symmetric::overtake();
    }
    let fence_everywhere = || membarrier(MembarrierCommand::PrivateExpedited).is_ok();
    // A child made by `fork` may have to register for itself.
    fence_everywhere()
        || (membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok() && fence_everywhere())
}
