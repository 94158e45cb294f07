//! What a writer notices of scrapes: a thread that updates a family while another one writes its page, back to back.

mod latencies;

use self::latencies::Latencies;
use crate::contest::Role;
use crate::counters::{Counters, LIBRARIES, Library};
use crate::input::{self, LabelSet, MAKER, Round};
use crate::rounds::{Plan, median};
use crate::table;
use core_affinity::CoreId;
use quanta::Clock;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

/// The title of the table.
pub const TITLE: &str = "a writer during scrapes of 100,000 series";

/// Series that are there before a phase begins, and those that it may add.
const SERIES: usize = 100_000;
const ROOM: usize = 100_000;

/// One of so many updates makes a series.
const CREATES: u64 = 512;

/// What the other thread copies again and again, about what a page of the series has.
const COPIED: usize = 8 << 20;

/// A phase is so many times as long as a turn of a contest, and longer when two scrapes take longer.
const TURNS: u32 = 10;
const LEAST_ROUNDS: u64 = 2;

/// What the other core does meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Company {
    Nobody,
    Copies,
    Scrapes,
}

/// What a writer noticed in one phase; times in nanoseconds.
struct Noticed {
    a_second: f64,
    late: f64,
    longest: f64,
    creation: f64,
    longest_creation: f64,
}

/// One phase with each company.
struct Turn {
    alone: Noticed,
    copies: Noticed,
    scrapes: Noticed,
}

/// Measures everybody. The libraries take turns, and each phase begins with a family of its own.
#[must_use]
pub fn table(plan: Plan, cores: &[CoreId]) -> String {
    let sets = input::label_sets(SERIES);
    let mut turns: Vec<Vec<Turn>> = LIBRARIES.iter().map(|_| Vec::new()).collect();
    for round in 0..plan.rounds {
        for turn in 0..LIBRARIES.len() {
            let at = (turn + round) % LIBRARIES.len();
            let phase = |company| phase(LIBRARIES[at], company, &sets, plan.turn * TURNS, cores);
            turns[at].push(Turn {
                alone: phase(Company::Nobody),
                copies: phase(Company::Copies),
                scrapes: phase(Company::Scrapes),
            });
        }
    }
    let mut text = table::heading(TITLE);
    text += &format!(
        "One thread updates the 100,000 counters of a family, by 3 label values, in random order, and makes a new series at \
         every 512th update. Beside it, on the other core, another thread does nothing, copies 8 MB again and again, or \
         writes the page again and again. Each of these phases begins with a new family and lasts {} ms, longer where two \
         pages take longer; the figures are medians of {} phases. Every update is timed by the processor's counter. Updates \
         that make a series are timed apart, as creations, and the throughput includes them.\n\n\
         | | beside copies, M/s | during scrapes, M/s | ratio | p99.9 alone, µs | beside copies, µs | during scrapes, µs | \
         to alone | longest alone, ms | during scrapes, ms | creation alone, µs | during scrapes, µs | longest creation \
         during scrapes, ms |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        (plan.turn * TURNS).as_millis(),
        plan.rounds
    );
    for (library, turns) in LIBRARIES.iter().zip(&turns) {
        row(&mut text, library.name, library.role, turns);
    }
    text
}

fn row(text: &mut String, name: &str, role: Role, turns: &[Turn]) {
    let of = |figure: &dyn Fn(&Turn) -> f64| table::number(median(turns.iter().map(figure).collect()));
    let cells = [
        table::name(name, role),
        of(&|turn| turn.copies.a_second / 1e6),
        of(&|turn| turn.scrapes.a_second / 1e6),
        of(&|turn| turn.scrapes.a_second / turn.copies.a_second),
        of(&|turn| turn.alone.late / 1e3),
        of(&|turn| turn.copies.late / 1e3),
        of(&|turn| turn.scrapes.late / 1e3),
        of(&|turn| turn.scrapes.late / turn.alone.late),
        of(&|turn| turn.alone.longest / 1e6),
        of(&|turn| turn.scrapes.longest / 1e6),
        of(&|turn| turn.alone.creation / 1e3),
        of(&|turn| turn.scrapes.creation / 1e3),
        of(&|turn| turn.scrapes.longest_creation / 1e6),
    ];
    table::line(text, cells);
}

/// A new family, filled by the writer, and then the writer beside its company.
fn phase(
    library: Library,
    company: Company,
    sets: &Arc<Vec<LabelSet>>,
    least: Duration,
    cores: &[CoreId],
) -> Noticed {
    let counters = (library.make)(SERIES + ROOM);
    let (filled, started) = (Barrier::new(2), Barrier::new(2));
    let (stop, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            core_affinity::set_for_current(cores[1]);
            filled.wait();
            let mut work: Box<dyn FnMut()> = match company {
                Company::Nobody => Box::new(|| thread::sleep(Duration::from_millis(1))),
                Company::Copies => copies(),
                Company::Scrapes => counters.scraper(),
            };
            // Buffers get their size.
            work();
            started.wait();
            while !stop.load(Ordering::Relaxed) {
                work();
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        });
        let writer = scope.spawn(|| {
            core_affinity::set_for_current(cores[0]);
            let mut makes = Round::new(sets, MAKER);
            counters.within(&mut || (0..SERIES).for_each(|_| counters.inc(makes.step())));
            filled.wait();
            started.wait();
            let lasts = |passed| passed < least || rounds.load(Ordering::Relaxed) < LEAST_ROUNDS;
            let noticed = write(&*counters, sets, lasts);
            stop.store(true, Ordering::Relaxed);
            noticed
        });
        writer.join().expect("libraries don't panic")
    })
}

fn copies() -> Box<dyn FnMut()> {
    let (from, mut to) = (vec![1_u8; COPIED], vec![0_u8; COPIED]);
    Box::new(move || to.copy_from_slice(black_box(&from)))
}

/// Updates for as long as it lasts. A stall in one update and in its neighbours is seen in each of them, since
/// nothing lies between the end of one and the start of the next.
fn write(counters: &dyn Counters, sets: &Arc<Vec<LabelSet>>, lasts: impl Fn(Duration) -> bool) -> Noticed {
    let clock = Clock::new();
    let (mut updates, mut creations) = (Latencies::new(), Latencies::new());
    let mut round = Round::new(sets, 0);
    let mut created = 0;
    let start = Instant::now();
    counters.within(&mut || {
        while lasts(start.elapsed()) && created < ROOM {
            let mut before = clock.raw();
            for _ in 1..CREATES {
                counters.inc(round.step());
                let now = clock.raw();
                updates.record(now.wrapping_sub(before));
                before = now;
            }
            let set = ["GET".to_owned(), "ok".to_owned(), format!("newcomer-{created:06}")];
            let before = clock.raw();
            counters.inc(&set);
            creations.record(clock.raw().wrapping_sub(before));
            created += 1;
        }
    });
    let passed = start.elapsed();
    let nanoseconds = |ticks| clock.delta_as_nanos(0, ticks) as f64;
    Noticed {
        a_second: created as f64 * CREATES as f64 / passed.as_secs_f64(),
        late: nanoseconds(updates.quantile(0.999)),
        longest: nanoseconds(updates.longest()),
        creation: nanoseconds(creations.quantile(0.5)),
        longest_creation: nanoseconds(creations.longest()),
    }
}
