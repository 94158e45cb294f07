//! The rivals' families, used as in the contests.

use super::Counters;
use crate::input::{LABELS, LabelSet, borrowed, pairs};
use crate::rival::{
    DynamicLabels, DynamicLabelsSet, OwnedLabels, Recorder, Telemetry, attributes, sorted_labels,
};
use measured::metric::MetricFamilyEncoding;
use measured::metric::name::MetricName;
use metrics_lib::exporters::prometheus as plain_text;
use prometheus_client::metrics::{counter::Counter, family::Family};

pub(super) struct Prometheus {
    registry: prometheus::Registry,
    family: prometheus::IntCounterVec,
}

impl Prometheus {
    pub(super) fn new() -> Self {
        let registry = prometheus::Registry::new();
        let options = prometheus::Opts::new("requests", "Requests.");
        let family = prometheus::IntCounterVec::new(options, &LABELS).expect("good labels");
        registry.register(Box::new(family.clone())).expect("registers");
        Self { registry, family }
    }
}

impl Counters for Prometheus {
    fn inc(&self, set: &LabelSet) {
        self.family.with_label_values(&borrowed(set)).inc();
    }

    fn scraper(&self) -> Box<dyn FnMut() + '_> {
        let mut page = String::new();
        Box::new(move || {
            page.clear();
            let families = self.registry.gather();
            prometheus::TextEncoder::new().encode_utf8(&families, &mut page).expect("encodes");
        })
    }
}

pub(super) struct Client {
    registry: prometheus_client::registry::Registry,
    family: Family<OwnedLabels, Counter>,
}

impl Client {
    pub(super) fn new() -> Self {
        let mut registry = prometheus_client::registry::Registry::default();
        let family = Family::default();
        registry.register("requests", "Requests", Family::clone(&family));
        Self { registry, family }
    }
}

impl Counters for Client {
    fn inc(&self, set: &LabelSet) {
        self.family.get_or_create(&OwnedLabels::new(borrowed(set))).inc();
    }

    fn scraper(&self) -> Box<dyn FnMut() + '_> {
        let mut page = String::new();
        Box::new(move || {
            page.clear();
            prometheus_client::encoding::text::encode(&mut page, &self.registry).expect("encodes");
        })
    }
}

pub(super) struct Metrics(Recorder);

impl Metrics {
    pub(super) fn new() -> Self {
        Self(Recorder::default())
    }
}

impl Counters for Metrics {
    fn inc(&self, [method, status, tenant]: &LabelSet) {
        metrics::counter!(
            "requests",
            "method" => method.to_owned(),
            "status" => status.to_owned(),
            "tenant" => tenant.to_owned()
        )
        .increment(1);
    }

    fn scraper(&self) -> Box<dyn FnMut() + '_> {
        let mut page = Vec::new();
        Box::new(move || {
            page.clear();
            self.0.handle.render_to_write(&mut page).expect("encodes");
        })
    }

    fn within(&self, work: &mut dyn FnMut()) {
        self.0.scope(work);
    }
}

pub(super) struct Measured(measured::CounterVec<DynamicLabelsSet>);

impl Measured {
    pub(super) fn new() -> Self {
        Self(measured::CounterVec::with_label_set(DynamicLabelsSet::new()))
    }
}

impl Counters for Measured {
    fn inc(&self, set: &LabelSet) {
        self.0.inc(DynamicLabels::new(borrowed(set)));
    }

    fn scraper(&self) -> Box<dyn FnMut() + '_> {
        let mut encoder = measured::text::TextEncoder::new(Vec::new());
        Box::new(move || {
            encoder.writer.clear();
            self.0.collect_family_into(MetricName::from_str("requests"), &mut encoder).expect("encodes");
        })
    }
}

pub(super) struct Fast {
    registry: fastmetrics::registry::Registry,
    family: fastmetrics::metrics::family::Family<OwnedLabels, fastmetrics::metrics::counter::Counter>,
}

impl Fast {
    pub(super) fn new() -> Self {
        let mut registry = fastmetrics::registry::Registry::default();
        let family = fastmetrics::metrics::family::Family::default();
        registry.register("requests", "Requests", Clone::clone(&family)).expect("registers");
        Self { registry, family }
    }
}

impl Counters for Fast {
    fn inc(&self, set: &LabelSet) {
        self.family.with_or_new(&OwnedLabels::new(borrowed(set)), |counter| counter.inc());
    }

    fn scraper(&self) -> Box<dyn FnMut() + '_> {
        use fastmetrics::format::text::{TextProfile, encode};
        let mut page = String::new();
        Box::new(move || {
            page.clear();
            encode(&mut page, &self.registry, TextProfile::PrometheusV0_0_4).expect("encodes");
        })
    }
}

pub(super) struct Plain(metrics_lib::Registry);

impl Plain {
    pub(super) fn new(series: usize) -> Self {
        Self(metrics_lib::Registry::with_cardinality_cap(series))
    }
}

impl Counters for Plain {
    fn inc(&self, set: &LabelSet) {
        self.0.counter_with("requests", &sorted_labels(pairs(set))).inc();
    }

    fn scraper(&self) -> Box<dyn FnMut() + '_> {
        let mut page = String::new();
        Box::new(move || {
            page.clear();
            plain_text::render_into(&mut page, &self.0);
        })
    }
}

pub(super) struct OpenTelemetry {
    telemetry: Telemetry,
    counter: opentelemetry::metrics::Counter<u64>,
}

impl OpenTelemetry {
    pub(super) fn new(series: usize) -> Self {
        let telemetry = Telemetry::new(series);
        let counter = telemetry.meter().u64_counter("requests").build();
        Self { telemetry, counter }
    }
}

impl Counters for OpenTelemetry {
    fn inc(&self, set: &LabelSet) {
        self.counter.add(1, &attributes(pairs(set)));
    }

    fn scraper(&self) -> Box<dyn FnMut() + '_> {
        let mut page = String::new();
        Box::new(move || {
            page.clear();
            self.telemetry.encode(&mut page);
        })
    }
}
