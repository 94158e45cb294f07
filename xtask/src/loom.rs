//! `cargo xtask loom`: every interleaving of the lock-free pieces, up to a number of preemptions.

use crate::process::{self, Outcome, cargo};
use crate::workspace::Workspace;

/// Which tests run under loom.
const TESTS: &str = "--package aios-metrics-core --lib loom";

/// How many preemptions a model may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Depth {
    /// Two: what the literature finds nearly all bugs with, in minutes.
    Usual,
    /// Three: much slower.
    Full,
}

/// Runs the loom tests, in a target folder of their own because `cfg(loom)` rebuilds everything.
pub(crate) fn run(workspace: &Workspace, depth: Depth) -> Outcome {
    let preemptions = match depth {
        Depth::Usual => "2",
        Depth::Full => "3",
    };
    process::run_tests(|| {
        let mut command = cargo(workspace, &format!("test --release {TESTS} --target-dir"));
        command.arg(workspace.target.join("loom"));
        command.env("RUSTFLAGS", "--cfg loom").env("LOOM_MAX_PREEMPTIONS", preemptions);
        command
    })
}
