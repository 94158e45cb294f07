//! `cargo xtask ci`: everything that is checked before a merge.

use crate::process::{self, Outcome, cargo};
use crate::workspace::Workspace;
use crate::{fuzz, layers, loom, targets, tidy, tsan};
use std::time::{Duration, Instant};

type Step = (&'static str, fn(&Workspace) -> Outcome);

/// Cheap steps first, so that the usual mistakes show early.
const STEPS: &[Step] = &[
    ("fmt", fmt),
    ("tidy", tidy::run),
    ("clippy", clippy),
    ("layers", layers::run),
    ("targets", targets::run),
    ("docs", docs),
    ("test", tests),
    ("loom", |workspace| loom::run(workspace, loom::Depth::Usual)),
    ("tsan", |workspace| tsan::run(workspace, tsan::Length::Usual)),
    ("benches", benches),
    ("fuzz", fuzz::check),
];

/// Runs all steps.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    run_steps(workspace, STEPS)
}

/// Runs every step, also after one has failed, and ends with a table of what each took.
pub(crate) fn run_steps(workspace: &Workspace, steps: &[Step]) -> Outcome {
    let mut results: Vec<(&str, Duration, Outcome)> = Vec::new();
    for (index, (name, step)) in steps.iter().enumerate() {
        println!("\n==> {}/{} {name}", index + 1, steps.len());
        let start = Instant::now();
        let outcome = step(workspace);
        if let Err(sentence) = &outcome {
            println!("{name} failed: {sentence}");
        }
        results.push((name, start.elapsed(), outcome));
    }

    println!("\n{:<10} {:>8}  result", "step", "seconds");
    for (name, took, outcome) in &results {
        let result =
            outcome.as_ref().map_or_else(|sentence| sentence.lines().next().unwrap_or_default(), |()| "ok");
        println!("{name:<10} {:>8.1}  {result}", took.as_secs_f64());
    }
    let failed: Vec<&str> =
        results.iter().filter(|(_, _, outcome)| outcome.is_err()).map(|&(name, ..)| name).collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}.", failed.join(", "))) }
}

fn fmt(workspace: &Workspace) -> Outcome {
    process::run(&mut cargo(workspace, "fmt --all --check"))
}

fn clippy(workspace: &Workspace) -> Outcome {
    process::run(&mut cargo(workspace, "clippy --workspace --all-targets --all-features -- -D warnings"))
}

/// The very command that the README gives.
fn tests(workspace: &Workspace) -> Outcome {
    process::run(&mut cargo(workspace, "xtask test"))
}

fn docs(workspace: &Workspace) -> Outcome {
    let mut command = cargo(workspace, "doc --workspace --all-features --no-deps --document-private-items");
    process::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// The benchmarks are a workspace of their own; they must keep up with the API.
fn benches(workspace: &Workspace) -> Outcome {
    process::run(&mut cargo(workspace, "fmt --manifest-path benches/Cargo.toml --check"))?;
    process::run(&mut cargo(
        workspace,
        "clippy --manifest-path benches/Cargo.toml --all-targets -- -D warnings",
    ))
}
