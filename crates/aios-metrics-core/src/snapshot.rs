//! One immutable, structured picture of everything registered.
use crate::descriptor::Descriptor;
use crate::metric::Amount;

/// One immutable, structured picture of everything registered.
#[derive(Debug, Default)]
pub struct Snapshot {}

impl Snapshot {
    /// An empty snapshot; filled by [`Source::snapshot_into`](crate::Source::snapshot_into).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty snapshot that is filled without rolling summaries, which a page does not show.
    #[must_use]
    pub fn samples_only() -> Self {
        Self::default()
    }

    /// Begins a family's samples; for [`Collect`](crate::Collect).
    pub fn family(&mut self, _descriptor: &Descriptor) -> FamilySamples<'_> {
        unimplemented!()
    }
}

/// Takes the samples of one family.
#[derive(Debug)]
pub struct FamilySamples<'a>(&'a mut Snapshot);

impl FamilySamples<'_> {
    /// Adds a counter's total.
    pub fn counter(&mut self, _labels: &[&str], _total: impl Amount) -> &mut Self {
        unimplemented!()
    }
    /// Adds a gauge's value.
    pub fn gauge(&mut self, _labels: &[&str], _value: f64) -> &mut Self {
        unimplemented!()
    }
}
