//! `cargo xtask test`: every test there is.

use crate::process::{self, Outcome, cargo};
use crate::setup;
use crate::workspace::Workspace;
use std::process::Command;

/// One example program, and whether it can be run to its end here.
struct Example {
    package: &'static str,
    name: &'static str,
    /// Arguments with which it ends by itself; `None` for one that serves until it is told to stop.
    run: Option<&'static [&'static str]>,
}

/// All examples; one that cargo knows and this list does not, or the other way round, is an error.
const EXAMPLES: &[Example] = &[
    Example { package: "aios-metrics-core", name: "core_only", run: Some(&[]) },
    Example { package: "aios-metrics-core", name: "attached", run: Some(&[]) },
    Example { package: "aios-metrics-http", name: "page_cost", run: Some(&[]) },
    Example { package: "aios-metrics-redis", name: "outage", run: Some(&[]) },
    Example { package: "aios-metrics", name: "quickstart", run: Some(&["--seconds", "1"]) },
    Example { package: "aios-metrics", name: "logging", run: Some(&[]) },
    Example { package: "aios-metrics", name: "own_sink", run: Some(&[]) },
    Example { package: "aios-metrics", name: "axum_app", run: Some(&[]) },
    Example {
        package: "aios-metrics",
        name: "node_agent",
        run: Some(&["--once", "--to", "target/node_agent.jsonl"]),
    },
];

/// Sets up, then runs tests, doc tests and examples.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let tools = setup::run(workspace)?;
    let cargo = |arguments: &str| {
        let mut command = cargo(workspace, arguments);
        command.env("AIOS_METRICS_PYTHON", &tools.python);
        command
    };
    if process::works(&mut cargo("nextest --version")) {
        process::run(&mut cargo("nextest run --workspace --all-features"))?;
    } else {
        println!("cargo-nextest is not installed, so the tests run under `cargo test`");
        process::run(&mut cargo("test --workspace --all-features --lib --bins --tests"))?;
    }
    process::run(&mut cargo("test --doc --workspace --all-features"))?;
    compare_examples(&found_examples(workspace))?;
    run_examples(cargo)
}

fn run_examples(cargo: impl Fn(&str) -> Command) -> Outcome {
    process::run(&mut cargo("build --release --examples --workspace"))?;
    for Example { package, name, run } in EXAMPLES {
        if let Some(arguments) = run {
            let mut command = cargo(&format!("run --release --package {package} --example {name} --"));
            process::run(command.args(*arguments))?;
        }
    }
    Ok(())
}

fn found_examples(workspace: &Workspace) -> Vec<(String, String)> {
    let packages = workspace.metadata.workspace_packages().into_iter();
    let examples = packages.flat_map(|package| {
        let targets = package.targets.iter().filter(|target| target.is_example());
        targets.map(|target| (package.name.to_string(), target.name.clone()))
    });
    examples.collect()
}

fn compare_examples(found: &[(String, String)]) -> Outcome {
    for (package, name) in found {
        if !EXAMPLES.iter().any(|listed| listed.package == package && listed.name == name) {
            return Err(format!(
                "the example `{name}` of {package} is not in the list of xtask/src/test.rs: \
                 add it there and say whether it ends by itself."
            ));
        }
    }
    for Example { package, name, .. } in EXAMPLES {
        if !found.iter().any(|(its_package, its_name)| its_package == package && its_name == name) {
            return Err(format!("xtask/src/test.rs lists the example `{name}` of {package}; there is none."));
        }
    }
    Ok(())
}
