//! How the time of our scrape grows with the series, and with the threads that have written.

use crate::alone;
use crate::input::{self, LABELS, borrowed};
use crate::ours;
use crate::rounds::{Plan, median};
use crate::scrapes::{self, HUGE, LARGE, Page, SMALL};
use crate::table;
use aios_metrics::{PrometheusText, Registry};
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

/// The titles of the tables.
pub const BY_SERIES: &str = "scrape, more series";
pub const BY_THREADS: &str = "scrape, more threads that have written";

/// The figure of [`after_threads`], for [`alone`].
pub(crate) const THREADS: &str = "threads";

const PAGES: [(&str, Page); 3] = [("10,000", SMALL), ("100,000", LARGE), ("1,000,000", HUGE)];

/// Threads that are alive at once, each with cells of its own for every series.
const WRITERS: [usize; 3] = [2, 64, 512];

/// Counters that all of them write.
const SERIES: usize = 100_000;

/// Pages of three sizes, in turns.
#[must_use]
pub fn by_series(plan: Plan) -> String {
    let mut scrapes: Vec<Scrape> =
        PAGES.iter().map(|(_, page)| Scrape::of(scrapes::ours::filled(*page).0)).collect();
    let mut samples = vec![Vec::new(); scrapes.len()];
    pinned(|| {
        for _ in 0..plan.rounds {
            for (scrape, samples) in scrapes.iter_mut().zip(&mut samples) {
                samples.push(scrape.milliseconds());
            }
        }
    });
    let mut text = table::heading(BY_SERIES);
    text += "Ours only; the pages of the scrapes above, and one ten times as large.\n\n\
                    | series | bytes | ms | to 100,000 series |\n|--:|--:|--:|--:|\n";
    let times: Vec<f64> = samples.into_iter().map(median).collect();
    for (((name, _), scrape), time) in PAGES.iter().zip(&scrapes).zip(&times) {
        let ratio = format!("{:.2}", time / times[1]);
        table::line(
            &mut text,
            [(*name).to_owned(), scrape.page.len().to_string(), table::number(*time), ratio],
        );
    }
    text
}

/// A page with one sum for each series over so many threads.
///
/// # Errors
///
/// When a process that measures it fails.
pub fn by_threads() -> Result<String, String> {
    let mut text = table::heading(BY_THREADS);
    text += "Ours only: 100,000 counters with 3 labels, every one \
                    updated by every thread. The threads are alive together, so that each has cells of its own, and they \
                    wait while the page is written.\n\n\
                    | threads | ms | to 2 threads |\n|--:|--:|--:|\n";
    let mut first = None;
    for writers in WRITERS {
        let time = alone::ask(THREADS, &writers.to_string())?.first().copied().unwrap_or(f64::NAN);
        let ratio = format!("{:.2}", time / *first.get_or_insert(time));
        table::line(&mut text, [writers.to_string(), table::number(time), ratio]);
    }
    Ok(text)
}

/// Milliseconds of a scrape after so many threads, the median of eleven.
pub(crate) fn after_threads(writers: &str) -> Option<Vec<f64>> {
    let writers: usize = writers.parse().ok()?;
    let registry = ours::registry(SERIES);
    let family = registry.register_counter("requests", "Requests.", &LABELS).expect("registers");
    let sets = input::label_sets(SERIES);
    let (written, measured) = (Barrier::new(writers + 1), Barrier::new(writers + 1));
    let samples = thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| {
                for set in sets.iter() {
                    family.inc(&borrowed(set)).expect("three values");
                }
                written.wait();
                measured.wait();
            });
        }
        written.wait();
        let mut scrape = Scrape::of(registry.clone());
        let samples = pinned(|| (0..11).map(|_| scrape.milliseconds()).collect());
        measured.wait();
        samples
    });
    Some(vec![median(samples)])
}

/// Does the work on a thread that stays on one core.
fn pinned<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let core = core_affinity::get_core_ids().and_then(|cores| cores.first().copied());
    let thread = || {
        core.map(core_affinity::set_for_current);
        work()
    };
    thread::scope(|scope| scope.spawn(thread).join().expect("a scrape doesn't panic"))
}

/// A registry that is scraped again and again.
struct Scrape {
    registry: Registry,
    page: Vec<u8>,
}

impl Scrape {
    /// Scrapes it once, so that the buffer has its size.
    fn of(registry: Registry) -> Self {
        let mut scrape = Self { registry, page: Vec::new() };
        scrape.milliseconds();
        scrape
    }

    fn milliseconds(&mut self) -> f64 {
        let start = Instant::now();
        self.page.clear();
        self.registry.encode(&PrometheusText, &mut self.page);
        start.elapsed().as_secs_f64() * 1e3
    }
}
