//! The page in `metrics` with its exporter.

use super::{Fill, Page};
use crate::input::{self, LABELS, LabelSet};
use crate::rival::Recorder;

/// A recorder with the page in it.
#[must_use]
pub fn filled(page: Page) -> Recorder {
    let recorder = Recorder::new(&input::bounds::<8>());
    let _target = fill(page, &recorder);
    recorder
}

/// Puts the page into a recorder; what updates it.
#[must_use]
pub fn fill(page: Page, recorder: &Recorder) -> Box<dyn Fill> {
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
