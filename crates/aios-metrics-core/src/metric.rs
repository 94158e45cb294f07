//! Handles.
/// A counter's amount: `u64` or `f64`.
pub trait Amount {}
impl Amount for u64 {}
impl Amount for f64 {}
/// A counter.
#[derive(Clone, Debug)]
pub struct Counter;
impl Counter {
    /// Adds one.
    pub fn inc(&self) {
        unimplemented!()
    }
    /// Adds `n`.
    pub fn inc_by(&self, _n: impl Amount) {
        unimplemented!()
    }
    /// The total.
    #[must_use]
    pub fn get(&self) -> f64 {
        unimplemented!()
    }
}
/// A gauge.
#[derive(Clone, Debug)]
pub struct Gauge;
impl Gauge {
    /// Sets the value.
    pub fn set(&self, _v: f64) {
        unimplemented!()
    }
    /// Adds.
    pub fn add(&self, _v: f64) {
        unimplemented!()
    }
    /// The value.
    #[must_use]
    pub fn get(&self) -> f64 {
        unimplemented!()
    }
}
/// A histogram.
#[derive(Clone, Debug)]
pub struct Histogram;
impl Histogram {
    /// Observes.
    pub fn observe(&self, _v: f64) {
        unimplemented!()
    }
    /// Observes seconds.
    pub fn observe_duration(&self, _v: std::time::Duration) {
        unimplemented!()
    }
}
/// All series under one name.
#[derive(Clone, Debug)]
pub struct Family<M>(std::marker::PhantomData<M>);
impl<M> Family<M> {
    /// The handle of one series.
    pub fn with(&self, _values: &[&str]) -> Result<M, crate::error::LabelError> {
        unimplemented!()
    }
}
