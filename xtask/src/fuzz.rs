//! `cargo xtask fuzz`: libFuzzer on everything that the SDK reads, one target after the other.

use crate::process::{self, Outcome, cargo};
use crate::workspace::Workspace;

/// What is fuzzed, for how many minutes, and where texts lie to begin with.
struct Target {
    name: &'static str,
    minutes: u32,
    seeds: &'static str,
}

/// The targets of `fuzz/Cargo.toml`.
const TARGETS: &[Target] = &[
    Target { name: "labels", minutes: 10, seeds: "" },
    Target { name: "by_name", minutes: 10, seeds: "" },
    Target { name: "sample_key", minutes: 3, seeds: "fuzz/seeds/sample_key" },
    Target { name: "document", minutes: 5, seeds: "crates/aios-metrics-core/tests/golden" },
    Target { name: "system_files", minutes: 20, seeds: "crates/aios-metrics-hw/tests/fixtures" },
    Target { name: "attached", minutes: 5, seeds: "fuzz/seeds/attached" },
    Target { name: "requests", minutes: 5, seeds: "fuzz/seeds/requests" },
    Target { name: "web_config", minutes: 5, seeds: "fuzz/seeds/web_config" },
    Target { name: "credentials", minutes: 5, seeds: "fuzz/seeds/credentials" },
    Target { name: "redis_url", minutes: 5, seeds: "fuzz/seeds/redis_url" },
    Target { name: "variables", minutes: 5, seeds: "fuzz/seeds/variables" },
];

/// How long each target runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// As [`TARGETS`] says.
    Full,
    /// Ten seconds, to see that all of it works.
    Quick,
}

/// Runs every target. What makes one fail stays in `fuzz/artifacts`, what was found interesting in
/// `fuzz/corpus`, from where the next run goes on.
pub(crate) fn run(workspace: &Workspace, length: Length) -> Outcome {
    check_list(workspace)?;
    if !process::works(&mut cargo(workspace, "fuzz --version")) {
        return Err("cargo-fuzz is not installed: `cargo install --locked cargo-fuzz@0.13` brings it.".into());
    }
    if !process::works(&mut nightly(workspace, "--version")) {
        return Err("Fuzzing needs a nightly toolchain: `rustup toolchain install nightly` brings it.".into());
    }
    for target in TARGETS {
        let seconds = match length {
            Length::Full => target.minutes * 60,
            Length::Quick => 10,
        };
        let corpus = workspace.root.join("fuzz/corpus").join(target.name);
        std::fs::create_dir_all(&corpus)
            .map_err(|error| format!("{} can't be made: {error}.", corpus.display()))?;
        let mut command = nightly(workspace, "fuzz run --target-dir");
        command.current_dir(workspace.root.join("fuzz"));
        command.arg(workspace.target.join("fuzz")).arg(target.name).arg(corpus);
        if !target.seeds.is_empty() {
            command.arg(workspace.root.join(target.seeds));
        }
        command.args(["--", "-print_final_stats=1", "-timeout=10", "-max_len=4096"]);
        command.arg(format!("-max_total_time={seconds}"));
        process::run(&mut command)?;
    }
    Ok(())
}

/// That the targets keep up with the API; they are a workspace of their own.
pub(crate) fn check(workspace: &Workspace) -> Outcome {
    check_list(workspace)?;
    process::run(&mut cargo(workspace, "fmt --manifest-path fuzz/Cargo.toml --check"))?;
    let mut clippy = cargo(workspace, "clippy --manifest-path fuzz/Cargo.toml --target-dir");
    clippy.arg(workspace.target.join("fuzz-check")).args(["--", "-D", "warnings"]);
    process::run(clippy.env("RUSTFLAGS", "--cfg fuzzing"))
}

/// Every target of the manifest is run, and none is missing there.
fn check_list(workspace: &Workspace) -> Outcome {
    let path = workspace.root.join("fuzz/Cargo.toml");
    let manifest = std::fs::read_to_string(&path)
        .map_err(|error| format!("{} can't be read: {error}.", path.display()))?;
    let mut there = binaries(&manifest);
    let mut run: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    there.sort_unstable();
    run.sort_unstable();
    if there == run {
        return Ok(());
    }
    Err(format!("fuzz/Cargo.toml has the targets {there:?}, xtask/src/fuzz.rs runs {run:?}."))
}

fn binaries(manifest: &str) -> Vec<&str> {
    let sections = manifest.split("[[bin]]").skip(1);
    sections.filter_map(|section| section.split('"').nth(1)).collect()
}

fn nightly(workspace: &Workspace, arguments: &str) -> std::process::Command {
    let mut command = process::command(workspace, "cargo");
    command.arg("+nightly").args(arguments.split_whitespace());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_binaries_of_the_manifest() {
        let manifest =
            "[package]\nname = \"fuzz\"\n[[bin]]\nname = \"a\"\npath = \"a.rs\"\n[[bin]]\nname = \"b\"\n";
        assert_eq!(binaries(manifest), ["a", "b"]);
    }
}
