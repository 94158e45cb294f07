//! A contest: one piece of work, and who does it.

use crate::input::Round;
use std::hint::black_box;
use std::sync::Arc;

/// Performs the work so many times. It lives on the thread that it was made on.
pub type Job = Box<dyn FnMut(u64)>;

/// One piece of work, done by several libraries.
pub struct Contest {
    /// What is done, for the heading.
    pub title: &'static str,
    /// One or two sentences on the set-up, for the page.
    pub about: &'static str,
    /// What the times are given in.
    pub unit: Unit,
    /// On how many threads at once it is done.
    pub threads: &'static [usize],
    /// How often it is done before anything is measured, so that every series exists.
    pub first: u64,
    /// Who does it.
    pub contenders: Vec<Contender>,
}

/// The unit of a contest's times.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// For updates.
    Nanoseconds,
    /// For pages and documents.
    Milliseconds,
}

impl Unit {
    /// How many nanoseconds it has.
    #[must_use]
    pub fn nanoseconds(self) -> f64 {
        match self {
            Self::Nanoseconds => 1.0,
            Self::Milliseconds => 1e6,
        }
    }

    /// As it stands in a column head.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Milliseconds => "ms",
        }
    }
}

/// Whose work it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// This SDK.
    Ours,
    /// Another metrics crate, or what people write by hand where no crate does the work.
    Rival,
    /// The least that the work can cost, not usable as a library.
    Floor,
}

/// One library doing the work of a contest.
pub struct Contender {
    /// The library, with the way it is used where there are several.
    pub name: &'static str,
    /// Whose it is.
    pub role: Role,
    make: Box<dyn Fn(usize) -> Job + Send + Sync>,
    between: Box<dyn Fn() + Send + Sync>,
}

impl Contender {
    /// A contender; `make` is called on each thread that does the work, with the thread's number.
    pub fn new(role: Role, name: &'static str, make: impl Fn(usize) -> Job + Send + Sync + 'static) -> Self {
        Self { name, role, make: Box::new(make), between: Box::new(|| ()) }
    }

    /// Work that the library needs now and then, done between rounds and not on the clock.
    #[must_use]
    pub fn with_housekeeping(mut self, between: impl Fn() + Send + Sync + 'static) -> Self {
        self.between = Box::new(between);
        self
    }

    /// The work, for the calling thread.
    #[must_use]
    pub fn job(&self, thread: usize) -> Job {
        (self.make)(thread)
    }

    /// Does the housekeeping.
    pub fn tidy_up(&self) {
        (self.between)();
    }
}

/// The job that calls `operation` on `subject` again and again. The subject passes through a black box each
/// time, so that nothing about it can be carried from one call to the next.
pub fn repeat<T: 'static>(subject: T, operation: impl Fn(&T) + 'static) -> Job {
    Box::new(move |times| {
        for _ in 0..times {
            operation(black_box(&subject));
        }
    })
}

/// The job that calls `operation` on `subject` with one of `items` after the other.
pub fn repeat_over<T: 'static, I: 'static>(
    thread: usize,
    items: &Arc<Vec<I>>,
    subject: T,
    operation: impl Fn(&T, &I) + 'static,
) -> Job {
    let mut round = Round::new(items, thread);
    Box::new(move |times| {
        for _ in 0..times {
            operation(black_box(&subject), round.step());
        }
    })
}
