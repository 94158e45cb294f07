//! Measures us beside the rivals and prints the tables that `docs/performance.md` shows, as Markdown.

use aios_metrics_bench::machine::{self, Ticks};
use aios_metrics_bench::rounds::{self, Plan};
use aios_metrics_bench::{CONTESTS, alloc, memory, table};
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

const FULL: Plan = Plan { rounds: 11, turn: Duration::from_millis(30) };
const QUICK: Plan = Plan { rounds: 5, turn: Duration::from_millis(5) };

/// The part of the machine that others may have before the page warns of it.
const BUSY: f64 = 0.1;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (plan, only) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => (FULL, ""),
        ["--quick"] => (QUICK, ""),
        ["--only", part] => (FULL, part),
        _ => {
            eprintln!("usage: aios-metrics-bench [--quick | --only <part of a title>]");
            return ExitCode::from(2);
        }
    };
    match run(plan, only) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("error: {sentence}.");
            ExitCode::FAILURE
        }
    }
}

/// Runs the contests that have `only` in their title.
fn run(plan: Plan, only: &str) -> Result<(), String> {
    let cores = rounds::cores(2)?;
    let start = Ticks::now();
    let mut tables = Vec::new();
    // First, before the contests' own memory is there.
    let bytes = only.is_empty().then(|| {
        eprintln!("memory");
        table::bytes(&memory::bytes_per_series())
    });
    for make in CONTESTS {
        let contest = make();
        if !contest.title.contains(only) {
            continue;
        }
        eprintln!("{}", contest.title);
        tables.push(table::contest(&contest, &rounds::run(&contest, plan, &cores)));
    }
    tables.extend(bytes);
    println!("{}\n\n{}", circumstances(plan, cores.len(), start), tables.join("\n"));
    Ok(())
}

/// On what and with which versions this was measured.
fn circumstances(plan: Plan, cores: usize, start: Option<Ticks>) -> String {
    let rivals = ["prometheus", "prometheus-client", "metrics", "metrics-exporter-prometheus", "measured"];
    let versions: Vec<String> =
        rivals.iter().map(|name| format!("{name} {}", locked_version(name))).collect();
    let others = start.zip(Ticks::now()).map(|(start, end)| end.others_since(start));
    let part = others.map_or("an unknown part".to_owned(), |others| format!("{:.0} %", others * 100.0));
    let warning =
        if others.is_some_and(|others| others > BUSY) { " **That is too much to trust them.**" } else { "" };
    format!(
        "Machine: {}; while the figures were taken, other processes had {part} of it.{warning} Build: fat LTO, one \
         codegen unit. Medians of {} rounds. Rivals: {}.",
        machine::description(cores),
        plan.rounds,
        versions.join(", ")
    )
}

/// The version that the lock file names; it is the one that was built.
fn locked_version(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let entry = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).map_or("", |(_, rest)| rest);
    entry.split('"').next().unwrap_or_default()
}
