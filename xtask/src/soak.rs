//! `cargo xtask soak`: minutes of mixed work, which must leave memory flat and totals exact.

use crate::process::{self, Outcome, cargo};
use crate::workspace::Workspace;

const MINUTES: u32 = 10;

/// Runs the test that `cargo test` runs for two seconds.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    process::run_tests(|| {
        let mut command = cargo(workspace, "test --release --package aios-metrics-core --test soak");
        command.env("AIOS_METRICS_SOAK_SECONDS", (MINUTES * 60).to_string());
        command
    })
}
