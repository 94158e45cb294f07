//! What both text formats share.
use crate::descriptor::Kind;

/// The parts of a family's text that never change.
pub(crate) struct Rendered {}

impl Rendered {
    pub(crate) fn new(
        _name: &str,
        _exposed: &str,
        _help: &str,
        _kind: Kind,
        _labels: &[&str],
        _bounds: &[f64],
    ) -> Self {
        Self {}
    }
}
