//! Without the feature `gpu` no GPU is read.

use crate::names::ProbeName;
use crate::probe::{Outcome, Probe, ProbeError};

struct Disabled;

impl Probe for Disabled {
    fn read(&mut self) -> Outcome {
        Outcome::nothing(ProbeName::Gpu, ProbeError::NotBuiltIn { feature: "gpu" })
    }
}

pub(crate) fn probe() -> Box<dyn Probe> {
    Box::new(Disabled)
}
