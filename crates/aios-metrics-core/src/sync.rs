//! Every atomic, lock and random hash of this crate, in one place that swaps in what loom needs for
//! model checking.

#[cfg(not(loom))]
mod imp {
    pub(crate) use std::sync::Mutex;
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    pub(crate) use std::thread::yield_now;

    pub(crate) use foldhash::fast::RandomState;
}

#[cfg(loom)]
mod imp {
    pub(crate) use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    pub(crate) use loom::thread::yield_now;

    /// The same hashes in each run of a model, so that a run can be repeated.
    pub(crate) use foldhash::fast::FixedState as RandomState;
}

pub(crate) use imp::*;

use std::sync::TryLockError;

#[cfg(not(loom))]
pub(crate) type Guard<'a, T> = std::sync::MutexGuard<'a, T>;
#[cfg(loom)]
pub(crate) type Guard<'a, T> = loom::sync::MutexGuard<'a, T>;

/// Locks, whatever happened to an earlier holder: no invariant of ours is broken halfway through a
/// critical section that a panic could leave.
#[cfg(not(tsan))]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> Guard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Locks, for ThreadSanitizer: the standard library is not instrumented, so it would not see that waiting
/// for a lock orders what comes after it. Trying is inlined into this crate, which is.
#[cfg(tsan)]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> Guard<'_, T> {
    loop {
        match try_lock(mutex) {
            Some(guard) => return guard,
            None => yield_now(),
        }
    }
}

/// Locks if nobody holds the lock.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<Guard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

#[cfg(all(test, loom))]
pub(crate) mod model {
    //! How the models of this crate are run.

    use loom::thread;

    /// Runs a model in every order that its threads can take with at most `LOOM_MAX_PREEMPTIONS`
    /// (2 unless the environment says otherwise) switches where no thread had to wait.
    pub(crate) fn check(run: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(Some(2));
        builder.check(run);
    }

    /// Lets a reader run against writers, and waits for all of them.
    ///
    /// The reader is the last to be started, so that the first order that loom tries has it last.
    /// Loom finds the others from the last access to each word, and a writer's own load before its
    /// store would hide the load of a reader that came earlier.
    pub(crate) fn race<const N: usize>(
        writers: [Box<dyn FnOnce() + Send>; N],
        reader: impl FnOnce() + Send + 'static,
    ) {
        let writers = writers.map(thread::spawn);
        let reader = thread::spawn(reader);
        for writer in writers {
            writer.join().unwrap();
        }
        reader.join().unwrap();
    }
}
