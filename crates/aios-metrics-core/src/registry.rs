//! Registry.
use crate::{
    Collect, Counter, Descriptor, Family, Format, Gauge, Histogram, RegisterError, Snapshot, Source,
};
/// Everything registered. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Registry;
impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
    /// Registers a collector.
    pub fn register(&self, _c: impl Collect) -> Result<(), RegisterError> {
        unimplemented!()
    }
    /// Registers a counter.
    pub fn register_counter(
        &self,
        _name: &str,
        _help: &str,
        _labels: &[&str],
    ) -> Result<Family<Counter>, RegisterError> {
        unimplemented!()
    }
    /// Registers a gauge.
    pub fn register_gauge(
        &self,
        _name: &str,
        _help: &str,
        _labels: &[&str],
    ) -> Result<Family<Gauge>, RegisterError> {
        unimplemented!()
    }
    /// Registers a histogram; `None` takes the default buckets.
    pub fn register_histogram(
        &self,
        _name: &str,
        _help: &str,
        _labels: &[&str],
        _buckets: Option<&[f64]>,
    ) -> Result<Family<Histogram>, RegisterError> {
        unimplemented!()
    }
    /// Appends the page in `format` to `out`.
    pub fn encode(&self, _format: &impl Format, _out: &mut Vec<u8>) {
        unimplemented!()
    }
}
impl Source for Registry {
    fn snapshot_into(&self, _snapshot: &mut Snapshot) {
        unimplemented!()
    }
}
#[allow(dead_code)]
fn unused(d: &Descriptor) {
    let _ = (d.claimed_names(), d.rendered(), d.label_names(), d.is(d), d.agrees_with(d));
}
