//! Which series an update is for.

use super::control::Control;
use super::family::Held;
use super::series::Series;
use crate::lookup::node::{Node, Run};

/// The series of an update: that of a handle, or one that was just found.
///
/// What an update rarely needs is asked for only then.
pub(crate) trait Target: Copy {
    fn series(&self) -> &Series;
    fn run(&self) -> Run;
    /// The first of its cells: all that most updates need.
    fn cell(&self) -> u32;
    fn control(&self) -> Control;
}

impl Target for &Held {
    #[inline]
    fn series(&self) -> &Series {
        Held::series(self)
    }

    #[inline]
    fn run(&self) -> Run {
        Held::run(self)
    }

    #[inline]
    fn cell(&self) -> u32 {
        Held::cell(self)
    }

    #[inline]
    fn control(&self) -> Control {
        Held::control(self)
    }
}

/// A series that was just found, in the section of the search.
#[derive(Clone, Copy)]
pub(crate) struct Found<'s> {
    pub(crate) series: &'s Series,
    pub(crate) run: Run,
}

impl<'s> Found<'s> {
    #[inline]
    pub(crate) fn new(series: &'s Series, node: Node<'s>) -> Self {
        Self { series, run: node.run() }
    }
}

impl Target for Found<'_> {
    #[inline]
    fn series(&self) -> &Series {
        self.series
    }

    #[inline]
    fn run(&self) -> Run {
        self.run
    }

    #[inline]
    fn cell(&self) -> u32 {
        self.run.cell
    }

    #[inline]
    fn control(&self) -> Control {
        Control::new(self.run.control)
    }
}
