//! `cargo xtask deep`: `ci`, and then the checks that are too slow or too heavy for every merge.

use crate::process::{self, Outcome, cargo};
use crate::workspace::Workspace;
use crate::{ci, fuzz, loom, soak, tsan};

/// Runs `ci`, then loom and ThreadSanitizer in full, cargo-deny, an hour of fuzzing and the soak.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    ci::run_steps(
        workspace,
        &[
            ("ci", ci::run),
            ("loom full", |workspace| loom::run(workspace, loom::Depth::Full)),
            ("tsan full", |workspace| tsan::run(workspace, tsan::Length::Full)),
            ("deny", deny),
            ("fuzz", |workspace| fuzz::run(workspace, fuzz::Length::Full)),
            ("soak", soak::run),
        ],
    )
}

/// Licences, banned crates and sources; the advisory database is left out because it needs the network.
fn deny(workspace: &Workspace) -> Outcome {
    if !process::works(&mut cargo(workspace, "deny --version")) {
        return Err("cargo-deny is not installed: `cargo install --locked cargo-deny@0.20` brings it (it \
                    builds for some minutes)."
            .into());
    }
    process::run(&mut cargo(
        workspace,
        "deny --all-features check --hide-inclusion-graph licenses bans sources",
    ))
}
