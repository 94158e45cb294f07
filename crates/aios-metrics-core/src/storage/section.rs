//! Where a thread says that it is looking at shared structures.
//!
//! Every lookup-and-update and every walk of a scraper runs inside a section. Series are never
//! removed yet, so nothing has to wait for a section to end, and entering costs nothing.

/// The time in which references found by a lookup may be used.
#[derive(Debug)]
pub(crate) struct Section(());

impl Section {
    /// Enters; dropping the section leaves it.
    #[inline]
    pub(crate) fn enter() -> Self {
        Self(())
    }
}
