//! Finding a series by its label values, and a family by its name.

pub(crate) mod append;
#[cfg(all(test, loom))]
mod loom;
pub(crate) mod node;
pub(crate) mod table;
pub(crate) mod values;
