//! `cargo xtask soak`: minutes of mixed work, which must leave memory flat and totals exact.

use crate::process::{self, Outcome, cargo};
use crate::workspace::Workspace;

const MINUTES: u32 = 10;
const SERIES: u32 = 10_000_000;

/// Runs the tests that `cargo test` runs for seconds: the mixed work, and series that come and go.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    process::run_tests(|| {
        let mut command =
            cargo(workspace, "test --release --package aios-metrics-core --test soak --test memory");
        command.env("AIOS_METRICS_SOAK_SECONDS", (MINUTES * 60).to_string());
        command.env("AIOS_METRICS_TEST_SERIES", SERIES.to_string());
        command
    })
}
