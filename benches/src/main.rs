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
    for (title, make) in CONTESTS.iter().filter(|(title, _)| title.contains(only)) {
        eprintln!("{title}");
        let contest = make(title);
        tables.push(table::contest(&contest, &rounds::run(&contest, plan, &cores)));
    }
    tables.extend(bytes);
    println!("{}\n\n{}", circumstances(plan, cores.len(), start), tables.join("\n"));
    Ok(())
}

/// On what and with which versions this was measured.
fn circumstances(plan: Plan, cores: usize, start: Option<Ticks>) -> String {
    let rivals = [
        "prometheus",
        "prometheus-client",
        "metrics",
        "metrics-exporter-prometheus",
        "measured",
        "fastmetrics",
        "metrics-lib",
        "opentelemetry",
        "opentelemetry-prometheus",
    ];
    format!(
        "Machine: {}; while the figures were taken, {} Build: fat LTO, one codegen unit. Medians of {} rounds. Rivals: \
         {}.",
        machine::description(cores),
        machine::others_since(start),
        plan.rounds,
        machine::versions(&rivals)
    )
}
