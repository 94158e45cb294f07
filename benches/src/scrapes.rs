//! A whole page as text into a buffer that is used again.

use crate::contest::{Contender, Contest, Job, Role, Unit};
use crate::input::{self, LABELS, LabelSet, borrowed};
use crate::ours;
use crate::rival::{DynamicLabels, DynamicLabelsSet, OwnedLabels, Recorder};
use aios_metrics::{PrometheusText, Registry};
use measured::metric::histogram::Thresholds;
use measured::metric::name::MetricName;
use measured::metric::{MetricFamilyEncoding, group::Encoding};
use measured::text::TextEncoder;
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What stands on a page: each family has 3 labels, histograms have 8 bounds and so 11 lines a series.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Families of counters, of gauges.
    families: [usize; 2],
    /// Series of each.
    series: usize,
    /// Families of histograms.
    histograms: usize,
    /// Series of each of those.
    histogram_series: usize,
}

/// 60,000 counters, 20,000 gauges and 20,020 lines of histograms.
pub const LARGE: Page = Page { families: [60, 20], series: 1000, histograms: 20, histogram_series: 91 };

/// 6,000 counters, 2,000 gauges and 2,002 lines of histograms.
pub const SMALL: Page = Page { families: [60, 20], series: 100, histograms: 2, histogram_series: 91 };

/// 60 counters, 20 gauges and 22 lines of histograms.
pub const TINY: Page = Page { families: [6, 2], series: 10, histograms: 2, histogram_series: 1 };

/// What a page is filled into.
pub trait Fill: Send {
    /// Counts.
    fn count(&self, family: usize, set: &LabelSet, amount: u64);
    /// Sets.
    fn set(&self, family: usize, set: &LabelSet, value: f64);
    /// Observes.
    fn observe(&self, family: usize, set: &LabelSet, value: f64);
}

impl Page {
    fn names(self) -> [Vec<String>; 3] {
        let names = |kind: &str, count: usize| {
            (0..count).map(|number| format!("{kind}_number_{number:02}")).collect()
        };
        [
            names("requests", self.families[0]),
            names("load", self.families[1]),
            names("seconds", self.histograms),
        ]
    }

    /// The job that adds one to the counters on the page, one after the other.
    #[must_use]
    pub fn updates(self, target: Box<dyn Fill>) -> Job {
        let sets = input::label_sets(self.series);
        let mut next = 0;
        Box::new(move |times| {
            for _ in 0..times {
                target.count(next % self.families[0], &sets[next / self.families[0] % self.series], 1);
                next += 1;
            }
        })
    }

    /// Gives every series a value of its own; two threads do it, as a service has several.
    fn fill(self, make: impl Fn() -> Box<dyn Fill>) {
        let sets = input::label_sets(self.series);
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let (sets, target) = (&sets, make());
                scope.spawn(move || self.fill_from(thread, sets, &*target));
            }
        });
    }

    fn fill_from(self, thread: usize, sets: &[LabelSet], target: &dyn Fill) {
        for (number, set) in sets.iter().enumerate() {
            for family in 0..self.families[0] {
                target.count(family, set, (number * 7919 + family * 104_729 + thread) as u64 % 1_000_000);
            }
            for family in 0..self.families[1] {
                target.set(family, set, (number * 37 + family) as f64 * 0.125);
            }
        }
        for set in &sets[..self.histogram_series] {
            for family in 0..self.histograms {
                for value in &input::observations()[..16] {
                    target.observe(family, set, *value);
                }
            }
        }
    }
}

/// One page, asked for by one scraper.
#[must_use]
pub fn scrape() -> Contest {
    let (ours, prometheus, client) = (ours(LARGE), prometheus(LARGE), client(LARGE));
    let (metrics, measured) = (metrics(LARGE), measured(LARGE));
    let mut page = Vec::new();
    ours.encode(&PrometheusText, &mut page);
    let page = Arc::new(page);
    Contest {
        title: "scrape, 100,000 series",
        about: "60,000 counters and 20,000 gauges with 3 labels, 20,020 lines of histograms with 8 bounds, updated \
                by two threads; text 0.0.4 (`prometheus-client`: OpenMetrics, the only text it has) into a buffer \
                that is used again.",
        unit: Unit::Milliseconds,
        threads: &[1],
        first: 1,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics", move |_| {
                let registry = ours.clone();
                into_buffer(Vec::new(), move |page| {
                    page.clear();
                    registry.encode(&PrometheusText, page);
                })
            }),
            Contender::new(Role::Rival, "prometheus", move |_| {
                let registry = prometheus.clone();
                into_buffer(String::new(), move |page| {
                    page.clear();
                    let families = registry.gather();
                    prometheus::TextEncoder::new().encode_utf8(&families, page).expect("encodes");
                })
            }),
            Contender::new(Role::Rival, "prometheus-client", move |_| {
                let registry = client.clone();
                into_buffer(String::new(), move |page| {
                    page.clear();
                    prometheus_client::encoding::text::encode(page, &registry).expect("encodes");
                })
            }),
            Contender::new(Role::Rival, "metrics", move |_| {
                let handle = metrics.handle.clone();
                into_buffer(Vec::new(), move |page| {
                    page.clear();
                    handle.render_to_write(page).expect("encodes");
                })
            }),
            Contender::new(Role::Rival, "measured", move |_| {
                let metrics = measured.clone();
                into_buffer(TextEncoder::new(Vec::new()), move |encoder| {
                    encoder.writer.clear();
                    metrics.collect(encoder).expect("encodes");
                })
            }),
            Contender::new(Role::Floor, "*floor: copying our page*", move |_| {
                let from = page.clone();
                into_buffer(Vec::new(), move |page| {
                    page.clear();
                    page.extend_from_slice(black_box(&from));
                })
            }),
        ],
    }
}

fn into_buffer<B: 'static>(mut buffer: B, work: impl Fn(&mut B) + 'static) -> Job {
    Box::new(move |times| {
        for _ in 0..times {
            work(black_box(&mut buffer));
        }
    })
}

/// Our registry with the page in it.
#[must_use]
pub fn ours(page: Page) -> Registry {
    ours_to_update(page).0
}

/// The same, and what updates it.
#[must_use]
pub fn ours_to_update(page: Page) -> (Registry, Box<dyn Fill>) {
    struct Target(
        Vec<aios_metrics::Family<aios_metrics::Counter>>,
        Vec<aios_metrics::Family<aios_metrics::Gauge>>,
        Vec<aios_metrics::Family<aios_metrics::Histogram>>,
    );
    impl Fill for Target {
        fn count(&self, family: usize, set: &LabelSet, amount: u64) {
            self.0[family].inc_by(&borrowed(set), amount).expect("three values");
        }
        fn set(&self, family: usize, set: &LabelSet, value: f64) {
            self.1[family].set(&borrowed(set), value).expect("three values");
        }
        fn observe(&self, family: usize, set: &LabelSet, value: f64) {
            self.2[family].observe(&borrowed(set), value).expect("three values");
        }
    }
    let registry = ours::registry(page.series);
    let [counters, gauges, histograms] = page.names();
    let bounds = input::bounds::<8>();
    let target = || -> Box<dyn Fill> {
        // Who comes later gets the families that the first one registered.
        let counters = counters.iter().map(|name| registry.register_counter(name, "Help.", &LABELS));
        let gauges = gauges.iter().map(|name| registry.register_gauge(name, "Help.", &LABELS));
        let histograms =
            histograms.iter().map(|name| registry.register_histogram(name, "Help.", &LABELS, Some(&bounds)));
        Box::new(Target(
            counters.collect::<Result<_, _>>().expect("registers"),
            gauges.collect::<Result<_, _>>().expect("registers"),
            histograms.collect::<Result<_, _>>().expect("registers"),
        ))
    };
    page.fill(target);
    let target = target();
    (registry, target)
}

/// A registry of `prometheus` with the page in it.
#[must_use]
pub fn prometheus(page: Page) -> prometheus::Registry {
    #[derive(Clone)]
    struct Target(Vec<prometheus::IntCounterVec>, Vec<prometheus::GaugeVec>, Vec<prometheus::HistogramVec>);
    impl Fill for Target {
        fn count(&self, family: usize, set: &LabelSet, amount: u64) {
            self.0[family].with_label_values(&borrowed(set)).inc_by(amount);
        }
        fn set(&self, family: usize, set: &LabelSet, value: f64) {
            self.1[family].with_label_values(&borrowed(set)).set(value);
        }
        fn observe(&self, family: usize, set: &LabelSet, value: f64) {
            self.2[family].with_label_values(&borrowed(set)).observe(value);
        }
    }
    let registry = prometheus::Registry::new();
    let [counters, gauges, histograms] = page.names();
    let options = |name: &String| prometheus::Opts::new(name, "Help.");
    let with_bounds =
        |name: &String| prometheus::HistogramOpts::new(name, "Help.").buckets(input::bounds::<8>().into());
    let target = Target(
        counters
            .iter()
            .map(|name| prometheus::IntCounterVec::new(options(name), &LABELS).expect("good"))
            .collect(),
        gauges.iter().map(|name| prometheus::GaugeVec::new(options(name), &LABELS).expect("good")).collect(),
        histograms
            .iter()
            .map(|name| prometheus::HistogramVec::new(with_bounds(name), &LABELS).expect("good"))
            .collect(),
    );
    for counter in &target.0 {
        registry.register(Box::new(counter.clone())).expect("registers");
    }
    for gauge in &target.1 {
        registry.register(Box::new(gauge.clone())).expect("registers");
    }
    for histogram in &target.2 {
        registry.register(Box::new(histogram.clone())).expect("registers");
    }
    page.fill(|| Box::new(target.clone()));
    registry
}

fn client(page: Page) -> Arc<prometheus_client::registry::Registry> {
    client_to_update(page).0
}

/// A registry of `prometheus-client` with the page in it, and what updates it.
#[must_use]
pub fn client_to_update(page: Page) -> (Arc<prometheus_client::registry::Registry>, Box<dyn Fill>) {
    type Gauges = Family<OwnedLabels, Gauge<f64, AtomicU64>>;
    type Histograms = Family<OwnedLabels, Histogram, fn() -> Histogram>;
    #[derive(Clone)]
    struct Target(Vec<Family<OwnedLabels, Counter>>, Vec<Gauges>, Vec<Histograms>);
    impl Fill for Target {
        fn count(&self, family: usize, set: &LabelSet, amount: u64) {
            self.0[family].get_or_create(&OwnedLabels::new(borrowed(set))).inc_by(amount);
        }
        fn set(&self, family: usize, set: &LabelSet, value: f64) {
            self.1[family].get_or_create(&OwnedLabels::new(borrowed(set))).set(value);
        }
        fn observe(&self, family: usize, set: &LabelSet, value: f64) {
            self.2[family].get_or_create(&OwnedLabels::new(borrowed(set))).observe(value);
        }
    }
    fn histogram() -> Histogram {
        Histogram::new(input::bounds::<8>())
    }
    let mut registry = prometheus_client::registry::Registry::default();
    let [counters, gauges, histograms] = page.names();
    let target = Target(
        counters.iter().map(|_| Family::default()).collect(),
        gauges.iter().map(|_| Family::default()).collect(),
        histograms.iter().map(|_| Family::new_with_constructor(histogram as fn() -> Histogram)).collect(),
    );
    for (name, family) in counters.into_iter().zip(&target.0) {
        registry.register(name, "Help", family.clone());
    }
    for (name, family) in gauges.into_iter().zip(&target.1) {
        registry.register(name, "Help", family.clone());
    }
    for (name, family) in histograms.into_iter().zip(&target.2) {
        registry.register(name, "Help", family.clone());
    }
    page.fill(|| Box::new(target.clone()));
    (Arc::new(registry), Box::new(target))
}

fn metrics(page: Page) -> Recorder {
    let recorder = Recorder::new(&input::bounds::<8>());
    let _ = fill_metrics(page, &recorder);
    recorder
}

/// Puts the page into a recorder of `metrics`; what updates it.
#[must_use]
pub fn fill_metrics(page: Page, recorder: &Recorder) -> Box<dyn Fill> {
    struct Target(Recorder, [Vec<String>; 3]);
    impl Target {
        fn labels(set: &LabelSet) -> Vec<metrics::Label> {
            LABELS.iter().zip(set).map(|(label, value)| metrics::Label::new(*label, value.clone())).collect()
        }
    }
    impl Fill for Target {
        fn count(&self, family: usize, set: &LabelSet, amount: u64) {
            self.0
                .scope(|| metrics::counter!(self.1[0][family].clone(), Self::labels(set)).increment(amount));
        }
        fn set(&self, family: usize, set: &LabelSet, value: f64) {
            self.0.scope(|| metrics::gauge!(self.1[1][family].clone(), Self::labels(set)).set(value));
        }
        fn observe(&self, family: usize, set: &LabelSet, value: f64) {
            self.0.scope(|| metrics::histogram!(self.1[2][family].clone(), Self::labels(set)).record(value));
        }
    }
    let target = || -> Box<dyn Fill> { Box::new(Target(recorder.clone(), page.names())) };
    page.fill(target);
    target()
}

/// The metrics of `measured`; its derive needs the names at compile time, this is what it would write.
struct Group {
    names: [Vec<String>; 3],
    counters: Vec<measured::CounterVec<DynamicLabelsSet>>,
    gauges: Vec<measured::FloatGaugeVec<DynamicLabelsSet>>,
    histograms: Vec<measured::HistogramVec<DynamicLabelsSet, 8>>,
}

impl Group {
    fn collect(&self, encoder: &mut TextEncoder<Vec<u8>>) -> std::io::Result<()> {
        let [counters, gauges, histograms] = &self.names;
        collect_families(counters, &self.counters, encoder)?;
        collect_families(gauges, &self.gauges, encoder)?;
        collect_families(histograms, &self.histograms, encoder)
    }
}

fn collect_families<F: MetricFamilyEncoding<TextEncoder<Vec<u8>>>>(
    names: &[String],
    families: &[F],
    encoder: &mut TextEncoder<Vec<u8>>,
) -> std::io::Result<()> {
    for (name, family) in names.iter().zip(families) {
        let name = MetricName::try_from_str(name).expect("a good name");
        encoder.write_help(name, "Help.")?;
        family.collect_family_into(name, encoder)?;
    }
    Ok(())
}

impl Fill for Arc<Group> {
    fn count(&self, family: usize, set: &LabelSet, amount: u64) {
        self.counters[family].inc_by(DynamicLabels::new(borrowed(set)), amount);
    }
    fn set(&self, family: usize, set: &LabelSet, value: f64) {
        self.gauges[family].set(DynamicLabels::new(borrowed(set)), value);
    }
    fn observe(&self, family: usize, set: &LabelSet, value: f64) {
        self.histograms[family].observe(DynamicLabels::new(borrowed(set)), value);
    }
}

fn measured(page: Page) -> Arc<Group> {
    let names = page.names();
    let bounds = || Thresholds::with_buckets(input::bounds::<8>());
    let group = Arc::new(Group {
        counters: names[0]
            .iter()
            .map(|_| measured::CounterVec::with_label_set(DynamicLabelsSet::new()))
            .collect(),
        gauges: names[1]
            .iter()
            .map(|_| measured::FloatGaugeVec::with_label_set(DynamicLabelsSet::new()))
            .collect(),
        histograms: names[2]
            .iter()
            .map(|_| measured::HistogramVec::with_label_set_and_metadata(DynamicLabelsSet::new(), bounds()))
            .collect(),
        names,
    });
    page.fill(|| Box::new(group.clone()));
    group
}
