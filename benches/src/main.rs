//! Measures us beside the rivals and prints the tables that `docs/performance.md` shows, as Markdown.

use aios_metrics_bench::machine::{self, Ticks};
use aios_metrics_bench::rounds::{self, Plan};
use aios_metrics_bench::{CONTESTS, alloc, alone, memory, scaling, stalls, table};
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

const FULL: Plan = Plan { rounds: 11, turn: Duration::from_millis(30) };
const QUICK: Plan = Plan { rounds: 5, turn: Duration::from_millis(5) };

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (plan, only) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [alone::FLAG, name, parameter] => return ended(print_figures(name, parameter)),
        [] => (FULL, ""),
        ["--quick"] => (QUICK, ""),
        ["--only", part] => (FULL, part),
        ["--quick", "--only", part] => (QUICK, part),
        _ => {
            eprintln!("usage: aios-metrics-bench [--quick] [--only <part of a title>]");
            return ExitCode::from(2);
        }
    };
    ended(run(plan, only))
}

fn ended(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("error: {sentence}.");
            ExitCode::FAILURE
        }
    }
}

/// What a process does that this program has started for the sake of one figure.
fn print_figures(name: &str, parameter: &str) -> Result<(), String> {
    let figures: Vec<String> = alone::figures(name, parameter)?.iter().map(f64::to_string).collect();
    println!("{}", figures.join(" "));
    Ok(())
}

/// Makes the tables that have `only` in their title.
fn run(plan: Plan, only: &str) -> Result<(), String> {
    let cores = rounds::cores(2)?;
    let start = Ticks::now();
    let mut tables = Vec::new();
    let mut add = |title: &str, table: &dyn Fn() -> Result<String, String>| {
        if title.contains(only) {
            eprintln!("{title}");
            tables.push(table()?);
        }
        Ok::<(), String>(())
    };
    for (title, make) in CONTESTS {
        add(title, &|| {
            let contest = make(title);
            Ok(table::contest(&contest, &rounds::run(&contest, plan, &cores)))
        })?;
    }
    add(scaling::BY_SERIES, &|| Ok(scaling::by_series(plan)))?;
    add(scaling::BY_THREADS, &scaling::by_threads)?;
    add(stalls::TITLE, &|| Ok(stalls::table(plan, &cores)))?;
    add(memory::TITLE, &memory::table)?;
    if tables.is_empty() {
        return Err(format!("no table has {only:?} in its title"));
    }
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
