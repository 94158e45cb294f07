//! Mixed work for a while: updates in every way, series that come and go, scrapes and documents, on
//! threads that come and go. At the end every total is exact, and memory is what it was after warming up.
//!
//! `AIOS_METRICS_SOAK_SECONDS` says how long; `cargo xtask soak` takes ten minutes.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod counting;

use std::ops::AddAssign;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use aios_metrics_core::{
    Counter, Documents, Family, Gauge, Histogram, Identity, OpenMetricsText, PrometheusText, Registry,
    RegistryOptions, RollingMetric, RollingOptions, RollingWindows, Source,
};
use counting::{Counting, live_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const THREADS: u64 = 4;
/// Series of a family; the work asks for three times as many.
const CAP: u64 = 1_000;
/// Rounds after which what is kept for further use is there, as far as that can be known: a slab for
/// as many threads as were alive at once, a snapshot for as many as took documents at once.
const WARMING_UP: u32 = 3;
/// What may be there later and not by then: a snapshot for each thread but one, a slab, and cells for
/// what is removed while a thread that looks on is put off its processor.
const SPARE: isize = 1_024 * 1_024;

fn seconds() -> u64 {
    std::env::var("AIOS_METRICS_SOAK_SECONDS").map_or(2, |seconds| seconds.parse().unwrap())
}

/// What a thread has added.
#[derive(Clone, Copy, Default, Debug)]
struct Added {
    steps: u64,
    by_handle: u64,
    by_family: u64,
    by_name: u64,
    quarters: u64,
    new_series: u64,
    observed: u64,
    sum: u64,
    rolling: u64,
    ones: u64,
    others: u64,
    visits: u64,
}

impl AddAssign for Added {
    fn add_assign(&mut self, more: Self) {
        self.steps += more.steps;
        self.by_handle += more.by_handle;
        self.by_family += more.by_family;
        self.by_name += more.by_name;
        self.quarters += more.quarters;
        self.new_series += more.new_series;
        self.observed += more.observed;
        self.sum += more.sum;
        self.rolling += more.rolling;
        self.ones += more.ones;
        self.others += more.others;
        self.visits += more.visits;
    }
}

/// Everything that is updated.
#[derive(Clone)]
struct Work {
    registry: Registry,
    documents: Arc<Documents>,
    jobs: Family<Counter>,
    job: Counter,
    busy: Counter,
    running: Gauge,
    users: Family<Counter>,
    /// Each thread has its own, and removes them.
    sessions: Family<Counter>,
    /// All threads use them, and remove those of the others too.
    pages: Family<Counter>,
    /// They expire all the time, but for the one that is held.
    visits: Family<Counter>,
    visit: Counter,
    sizes: Family<Histogram>,
    size: Histogram,
    rolling: RollingMetric,
    spread: RollingMetric,
}

impl Work {
    fn new() -> Self {
        // No observation may leave its window before it was counted.
        let window = Duration::from_secs(seconds() * 2 + 3_600);
        let windows = RollingWindows { long: window, ..RollingWindows::default() };
        let options = RegistryOptions::default().with_max_series(CAP as usize).with_rolling_windows(windows);
        let registry = Registry::with_options(options);
        registry.register_self_metrics().unwrap();
        let jobs = registry.register_counter("jobs_total", "Jobs", &["by"]).unwrap();
        let sizes = registry.register_histogram("sizes", "Sizes", &["by"], Some(&[1.0, 4.0])).unwrap();
        let busy = registry.register_counter("busy_seconds", "Busy", &[]).unwrap();
        let running = registry.register_gauge("running", "Running", &[]).unwrap();
        let quantiles = RollingOptions::default().with_quantiles([0.5, 0.99]);
        let visits = registry.register_counter("visits", "Visits", &["by"]).unwrap();
        let visits = visits.expire_after(Duration::from_millis(5));
        Self {
            documents: Arc::new(Documents::new(Arc::new(registry.clone()), Identity::new("b", "i", "n"))),
            job: jobs.with(&["handle"]).unwrap(),
            busy: busy.with(&[]).unwrap(),
            running: running.with(&[]).unwrap(),
            users: registry.register_counter("users", "Users", &["user"]).unwrap(),
            sessions: registry.register_counter("sessions", "Sessions", &["of", "number"]).unwrap(),
            pages: registry.register_counter("pages", "Pages", &["page"]).unwrap(),
            visit: visits.with(&["held"]).unwrap(),
            visits,
            size: sizes.with(&["handle"]).unwrap(),
            rolling: registry.rolling("rolling").unwrap(),
            spread: registry.rolling_with("spread", quantiles).unwrap(),
            jobs,
            sizes,
            registry,
        }
    }

    /// One thing, chosen by a number.
    fn step(&self, random: u64, added: &mut Added) {
        added.steps += 1;
        let value = random >> 32 & 7;
        match random % 16 {
            0..=2 => {
                self.job.inc();
                added.by_handle += 1;
            }
            3 => {
                self.jobs.inc_by(&["family"], value).unwrap();
                added.by_family += value;
            }
            4 => {
                self.registry.increment_counter("jobs", &[("by", "name")], value).unwrap();
                added.by_name += value;
            }
            5 => {
                self.busy.inc_by(0.25);
                added.quarters += 1;
            }
            6 => {
                self.running.inc();
                self.running.dec();
            }
            7 => {
                self.users.inc(&[&format!("user {}", (random >> 8) % (3 * CAP))]).unwrap();
                added.new_series += 1;
            }
            8 | 9 => {
                self.size.observe(value as f64);
                added.observed += 1;
                added.sum += value;
            }
            10 => {
                self.sizes.observe(&["family"], value as f64).unwrap();
                added.observed += 1;
                added.sum += value;
            }
            11 => {
                self.registry.observe_histogram("sizes", value as f64, &[("by", "name")]).unwrap();
                added.observed += 1;
                added.sum += value;
            }
            12 => {
                self.rolling.add(value as f64);
                added.rolling += 1;
            }
            13 => {
                self.registry.observe_rolling("rolling", value as f64).unwrap();
                added.rolling += 1;
            }
            _ if value < 3 => {
                self.spread.add(1.0);
                added.ones += 1;
            }
            _ => {
                self.registry.observe_rolling("spread", 2.0 + value as f64).unwrap();
                added.others += 1;
            }
        }
    }

    /// Steps until the time is over; now and then a scrape, a document, and a thread that makes a
    /// few steps and ends.
    fn run(&self, seed: u64, until: Instant) -> Added {
        let (mut added, mut random, mut out) = (Added::default(), Random(seed), Vec::new());
        let of = seed.to_string();
        while Instant::now() < until {
            for _ in 0..2_000 {
                self.step(random.next(), &mut added);
            }
            out.clear();
            match random.next() % 8 {
                0 => self.registry.encode(&PrometheusText, &mut out),
                1 => self.registry.encode(&OpenMetricsText, &mut out),
                2 => self.documents.write_json(Some(added.steps), &mut out),
                3 => drop(self.registry.extended_metrics()),
                4 => {
                    let (work, mut random) = (self.clone(), Random(random.next()));
                    let steps = thread::spawn(move || {
                        let mut added = Added::default();
                        (0..100).for_each(|_| work.step(random.next(), &mut added));
                        added
                    });
                    added += steps.join().unwrap();
                }
                5 => self.use_and_remove(&of, &mut random, &mut added),
                _ => {}
            }
        }
        added
    }

    /// Series that begin at zero, hold what was added, and are gone again.
    fn use_and_remove(&self, of: &str, random: &mut Random, added: &mut Added) {
        for number in ["1", "2", "3"] {
            let labels = [("of", of), ("number", number)];
            let times = random.next() % 5 + 1;
            let held = self.sessions.with(&[of, number]).unwrap();
            (0..times).for_each(|_| self.sessions.inc(&[of, number]).unwrap());
            assert_eq!(self.registry.value("sessions", &labels), Some(times as f64));
            assert!(self.sessions.remove(&[of, number]).unwrap());
            held.inc();
            assert_eq!(self.registry.value("sessions", &labels), None);
        }
        for _ in 0..20 {
            self.visits.inc(&[&(random.next() % 500).to_string()]).unwrap();
        }
        if random.next().is_multiple_of(4) {
            self.visit.inc_by(0.5);
            added.visits += 1;
        }
        for _ in 0..5 {
            self.pages.inc(&[&(random.next() % 100).to_string()]).unwrap();
        }
        match random.next() % 8 {
            0 => self.pages.clear(),
            1 => self.pages.retain(|labels| labels.get("page").is_some_and(|page| page.len() == 2)),
            _ => assert!(self.pages.remove(&[&(random.next() % 100).to_string()]).is_ok()),
        }
    }

    fn check(&self, added: &Added) {
        let value = |name, labels: &[(&str, &str)]| self.registry.value(name, labels).unwrap();
        let by = |by| value("jobs_total", &[("by", by)]) as u64;
        assert_eq!(
            [by("handle"), by("family"), by("name")],
            [added.by_handle, added.by_family, added.by_name]
        );
        assert_eq!(value("busy_seconds", &[]), added.quarters as f64 / 4.0);
        assert_eq!(value("running", &[]), 0.0);
        assert_eq!(value("visits_total", &[("by", "held")]), added.visits as f64 / 2.0);
        let user =
            |user: String| self.registry.value("users_total", &[("user", &user)]).unwrap_or(0.0) as u64;
        let users: u64 = (0..3 * CAP).map(|number| user(format!("user {number}"))).sum();
        let overflow = user("__overflow__".to_owned());
        assert_eq!(users + overflow, added.new_series);
        let snapshot = self.registry.snapshot();
        let sessions =
            snapshot.families().find(|family| family.descriptor().exposed_name() == "sessions_total");
        assert_eq!(sessions.unwrap().series().len(), 0);
        let size =
            |by| (value("sizes_count", &[("by", by)]) as u64, value("sizes_sum", &[("by", by)]) as u64);
        let sizes = ["handle", "family", "name"].map(size);
        let both = sizes.iter().fold((0, 0), |all, size| (all.0 + size.0, all.1 + size.1));
        assert_eq!(both, (added.observed, added.sum));
        assert_eq!(self.rolling.count(None), added.rolling);
        let all = added.ones + added.others;
        assert_eq!(self.spread.count(None), all);
        // The last one and the first of the others, by rank.
        let at = |rank: u64| self.spread.quantile(rank as f64 / all as f64, Duration::MAX).unwrap();
        assert!((at(added.ones) - 1.0).abs() <= 0.01 && at(added.ones + 1) > 1.5, "{added:?}");
    }
}

/// Numbers that are the same each time (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[test]
fn totals_stay_exact_and_memory_flat() {
    let work = Work::new();
    let rounds = 20;
    let round = Duration::from_secs(seconds()) / rounds;
    let mut added = Added { new_series: 3 * CAP, ..Added::default() };
    (0..3 * CAP).for_each(|number| work.users.inc(&[&format!("user {number}")]).unwrap());
    let (mut warm, mut most) = (0, 0);
    for number in 0..rounds {
        let until = Instant::now() + round;
        let threads: Vec<_> = (1..=THREADS)
            .map(|thread| {
                let (work, seed) = (work.clone(), (u64::from(number) * THREADS + thread) << 20 | 1);
                thread::spawn(move || work.run(seed, until))
            })
            .collect();
        threads.into_iter().for_each(|thread| added += thread.join().unwrap());
        if number < WARMING_UP {
            warm = live_bytes();
        }
        most = most.max(live_bytes());
        assert!(live_bytes() <= warm + SPARE, "{} bytes after round {number}, {warm} before", live_bytes());
    }
    work.check(&added);
    println!(
        "{} steps: {warm} bytes after warming up, {most} at most, {} at the end",
        added.steps,
        live_bytes()
    );
}
