//! Scrapes us and the rivals over HTTP and prints the table that `docs/performance.md` shows, as Markdown.
//!
//! Each target is a process of its own, started by this one, which makes the load.

mod load;
mod target;

use aios_metrics_bench::machine::{self, Ticks};
use aios_metrics_bench::scrapes::{LARGE, Page, SMALL, TINY};
use load::{ENOUGH, Load};
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;
use target::{Kind, Target};

/// How long to measure.
#[derive(Clone, Copy)]
struct Plan {
    rounds: usize,
    turn: Duration,
}

const FULL: Plan = Plan { rounds: 5, turn: Duration::from_secs(2) };
const QUICK: Plan = Plan { rounds: 1, turn: Duration::from_millis(300) };

const PAGES: [(&str, Page); 3] = [("100", TINY), ("10,000", SMALL), ("100,000", LARGE)];

/// Who is scraped, and with which headers.
const CONTENDERS: [(&str, Kind, &str); 4] = [
    ("**aios-metrics**", Kind::Ours, TEXT),
    ("**aios-metrics**, gzip", Kind::Ours, GZIP),
    ("metrics-exporter-prometheus", Kind::Metrics, TEXT),
    ("axum + prometheus-client", Kind::Client, TEXT),
];

const TEXT: &str = "accept: text/plain;version=0.0.4\r\n";
const GZIP: &str = "accept: text/plain;version=0.0.4\r\naccept-encoding: gzip\r\n";

/// Connections that scrape at the same time.
const MANY: usize = 8;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => run(FULL),
        ["--quick"] => run(QUICK),
        ["serve", kind, page] => serve(kind, page),
        _ => {
            eprintln!("usage: http [--quick]");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("error: {sentence}.");
            ExitCode::FAILURE
        }
    }
}

/// What the process of a target does.
fn serve(kind: &str, page: &str) -> Result<(), String> {
    let page = PAGES.iter().find(|(name, _)| *name == page).ok_or(format!("there is no page of {page}"))?.1;
    let kind = Kind::named(kind).ok_or(format!("there is no target {kind}"))?;
    target::serve(kind, page).map_err(|error| format!("the target can't serve: {error}"))
}

/// One turn of one contender.
struct Turn {
    alone: f64,
    one: Load,
    many: Load,
    updates: f64,
}

fn run(plan: Plan) -> Result<(), String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let start = Ticks::now();
    let mut tables = String::new();
    for (name, _) in PAGES {
        eprintln!("a page of {name} series");
        let mut turns: Vec<Vec<Turn>> = CONTENDERS.iter().map(|_| Vec::new()).collect();
        for round in 0..plan.rounds {
            for turn in 0..CONTENDERS.len() {
                let at = (turn + round) % CONTENDERS.len();
                let (contender, kind, headers) = CONTENDERS[at];
                let turn = measure(kind, name, headers, plan.turn);
                turns[at].push(turn.map_err(|error| format!("{contender} can't be scraped: {error}"))?);
            }
        }
        tables.push_str(&table(name, &turns));
    }
    println!(
        "Machine: {}; while the figures were taken, {} Build: fat LTO, one codegen unit. Medians of {} rounds of {:.1} s. \
         Rivals: {}.\n{tables}",
        machine::description(cores),
        machine::others_since(start),
        plan.rounds,
        plan.turn.as_secs_f64(),
        machine::versions(&["metrics-exporter-prometheus", "prometheus-client", "axum"])
    );
    Ok(())
}

fn measure(kind: Kind, page: &str, headers: &str, turn: Duration) -> std::io::Result<Turn> {
    let mut target = Target::start(kind, page)?;
    // Buffers get their size, caches are filled.
    load::run(target.addr, headers, MANY, turn / 4)?;
    let (_, alone) = target.updates_during(|_| {
        std::thread::sleep(turn / 2);
        Ok(())
    })?;
    let (one, _) = target.updates_during(|addr| load::run(addr, headers, 1, turn))?;
    let (many, updates) = target.updates_during(|addr| load::run(addr, headers, MANY, turn))?;
    Ok(Turn { alone, one, many, updates })
}

fn table(page: &str, turns: &[Vec<Turn>]) -> String {
    let mut text = format!(
        "\n### Scrapes over HTTP, {page} series\n\n| | bytes | 1 scraper, pages/s | p99, ms | {MANY} scrapers, pages/s | \
         p99, ms | updates alone, M/s | meanwhile, M/s |\n|---|--:|--:|--:|--:|--:|--:|--:|\n"
    );
    for ((name, ..), turns) in CONTENDERS.iter().zip(turns) {
        let figure = |of: &dyn Fn(&Turn) -> f64| number(median(turns.iter().map(of).collect()));
        let p99 = |of: &dyn Fn(&Turn) -> &Load| {
            let text = figure(&|turn| of(turn).p99.as_secs_f64() * 1e3);
            let is_longest = turns.iter().any(|turn| of(turn).pages < ENOUGH);
            if is_longest { text + " (longest)" } else { text }
        };
        let line = format_args!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} |\n",
            turns.first().map_or(0, |turn| turn.one.bytes),
            figure(&|turn| turn.one.a_second),
            p99(&|turn| &turn.one),
            figure(&|turn| turn.many.a_second),
            p99(&|turn| &turn.many),
            figure(&|turn| turn.alone / 1e6),
            figure(&|turn| turn.updates / 1e6),
        );
        text.write_fmt(line).expect("a string takes everything");
    }
    text
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Three digits that mean something.
fn number(value: f64) -> String {
    match value {
        _ if value < 0.1 => format!("{value:.3}"),
        _ if value < 10.0 => format!("{value:.2}"),
        _ if value < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
