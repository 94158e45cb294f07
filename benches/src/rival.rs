//! What several contests need from the rivals.

mod telemetry;

pub use telemetry::Telemetry;

use crate::contest::Job;
use metrics_exporter_prometheus::{ExporterFuture, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use opentelemetry::KeyValue;
use prometheus_client::encoding::EncodeLabelSet;
use std::net::SocketAddr;
use std::sync::Arc;

/// A recorder of `metrics` with its handle for pages.
#[derive(Clone)]
pub struct Recorder {
    recorder: Arc<PrometheusRecorder>,
    /// Renders pages and does the upkeep.
    pub handle: PrometheusHandle,
}

impl Recorder {
    /// A recorder whose histograms have these bounds.
    #[must_use]
    pub fn new(bounds: &[f64]) -> Self {
        Self::of(Self::builder(bounds).build_recorder())
    }

    /// One with the listener of its own, to be run on a tokio runtime.
    ///
    /// # Panics
    ///
    /// When it can't listen there.
    #[must_use]
    pub fn listening(bounds: &[f64], addr: SocketAddr) -> (Self, ExporterFuture) {
        let (recorder, exporter) =
            Self::builder(bounds).with_http_listener(addr).build().expect("it can listen there");
        (Self::of(recorder), exporter)
    }

    fn builder(bounds: &[f64]) -> PrometheusBuilder {
        PrometheusBuilder::new().set_buckets(bounds).expect("there are bounds")
    }

    fn of(recorder: PrometheusRecorder) -> Self {
        Self { handle: recorder.handle(), recorder: Arc::new(recorder) }
    }

    /// Makes it the recorder of the macros inside `work`.
    pub fn scope<T>(&self, work: impl FnOnce() -> T) -> T {
        metrics::with_local_recorder(&*self.recorder, work)
    }

    /// The job with all its macros going to this recorder; it is entered once a call, not once an operation.
    #[must_use]
    pub fn scoped(&self, mut job: Job) -> Job {
        let recorder = self.clone();
        Box::new(move |times| recorder.scope(|| job(times)))
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new(&[1.0])
    }
}

/// The labels for `prometheus-client`, whose documentation recommends a struct for speed, and for `fastmetrics`,
/// which takes types with known names only.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet, fastmetrics::derive::LabelSet)]
pub struct OwnedLabels {
    /// Of the request.
    pub method: String,
    /// Of the answer.
    pub status: String,
    /// Who asked.
    pub tenant: String,
}

impl OwnedLabels {
    /// The families take nothing borrowed.
    #[must_use]
    pub fn new([method, status, tenant]: [&str; 3]) -> Self {
        Self { method: method.to_owned(), status: status.to_owned(), tenant: tenant.to_owned() }
    }
}

/// The labels for `metrics-lib`; it keeps them sorted, and values that are not `'static` it takes owned.
#[must_use]
pub fn sorted_labels(pairs: [(&'static str, &str); 3]) -> metrics_lib::LabelSet {
    metrics_lib::LabelSet::from(pairs.map(|(label, value)| (label, value.to_owned())))
}

/// The labels for `opentelemetry`, whose values are owned too.
#[must_use]
pub fn attributes(pairs: [(&'static str, &str); 3]) -> [KeyValue; 3] {
    pairs.map(|(label, value)| KeyValue::new(label, value.to_owned()))
}

/// The labels for `measured`, values not known up front.
#[derive(Clone, Copy, Debug, PartialEq, measured::LabelGroup)]
#[label(set = DynamicLabelsSet)]
pub struct DynamicLabels<'a> {
    #[label(dynamic_with = lasso::ThreadedRodeo, default)]
    method: &'a str,
    #[label(dynamic_with = lasso::ThreadedRodeo, default)]
    status: &'a str,
    #[label(dynamic_with = lasso::ThreadedRodeo, default)]
    tenant: &'a str,
}

impl<'a> DynamicLabels<'a> {
    /// Borrows.
    #[must_use]
    pub fn new([method, status, tenant]: [&'a str; 3]) -> Self {
        Self { method, status, tenant }
    }
}
