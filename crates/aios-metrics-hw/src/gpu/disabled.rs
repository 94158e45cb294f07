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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Figures;

    #[test]
    fn nothing_is_found_and_it_is_told_what_it_would_take() {
        let outcome = probe().read();
        assert!(matches!(outcome.figures, Figures::Gpus(gpus) if gpus.is_empty()));
        let problem = outcome.problem.map(|problem| problem.to_string());
        assert_eq!(problem.as_deref(), Some("this build lacks the feature `gpu`"));
    }
}
