//! The GPUs, or nothing where their library isn't built in.

mod disabled;
pub(crate) use disabled::probe;
