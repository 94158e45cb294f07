//! The page in `measured`.

use super::{Fill, Page};
use crate::input::{self, LabelSet, borrowed};
use crate::rival::{DynamicLabels, DynamicLabelsSet};
use measured::metric::histogram::Thresholds;
use measured::metric::name::MetricName;
use measured::metric::{MetricFamilyEncoding, group::Encoding};
use measured::text::TextEncoder;
use std::sync::Arc;

/// The metrics of `measured`; its derive needs the names at compile time, this is what it would write.
pub struct Group {
    names: [Vec<String>; 3],
    counters: Vec<measured::CounterVec<DynamicLabelsSet>>,
    gauges: Vec<measured::FloatGaugeVec<DynamicLabelsSet>>,
    histograms: Vec<measured::HistogramVec<DynamicLabelsSet, 8>>,
}

impl Group {
    pub(super) fn collect(&self, encoder: &mut TextEncoder<Vec<u8>>) -> std::io::Result<()> {
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

/// The metrics with the page in them.
#[must_use]
pub fn filled(page: Page) -> Arc<Group> {
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
