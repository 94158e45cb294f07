//! Measuring: short rounds in which all contenders take turns, and the medians of them.

use crate::alloc;
use crate::contest::{Contender, Contest, Role};
use crate::input::MAKER;
use core_affinity::CoreId;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long and how often to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often each contender has its turn.
    pub rounds: usize,
    /// How long a turn on one thread takes, about.
    pub turn: Duration,
}

/// What came out for one contender.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Whose it is.
    pub name: &'static str,
    /// Whose that is.
    pub role: Role,
    /// Nanoseconds an operation and thread, for each number of threads of the contest.
    pub nanoseconds: Vec<f64>,
    /// Allocations an operation.
    pub allocations: f64,
}

/// The cores that threads are pinned to.
///
/// # Errors
///
/// When there are fewer than the contests need.
pub fn cores(needed: usize) -> Result<Vec<CoreId>, String> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if cores.len() < needed {
        return Err(format!("{needed} cores are needed to pin threads to, and {} are there", cores.len()));
    }
    Ok(cores)
}

/// Runs the contest. Contenders take turns, in another order each round, so that a machine that gets slower or
/// busier does so for all of them.
#[must_use]
pub fn run(contest: &Contest, plan: Plan, cores: &[CoreId]) -> Vec<Measured> {
    let contenders = &contest.contenders;
    for contender in contenders {
        contender.job(MAKER)(contest.first);
        contender.tidy_up();
    }
    let lengths: Vec<u64> = contenders.iter().map(|contender| length(contender, plan.turn, cores)).collect();
    let mut samples = vec![vec![Vec::new(); contest.threads.len()]; contenders.len()];
    for round in 0..plan.rounds {
        for (column, &threads) in contest.threads.iter().enumerate() {
            for turn in 0..contenders.len() {
                let at = (turn + round) % contenders.len();
                let took = turn_of(&contenders[at], lengths[at], &cores[..threads]);
                samples[at][column].push(took);
                contenders[at].tidy_up();
            }
        }
    }
    let rows = contenders.iter().zip(samples).zip(lengths);
    rows.map(|((contender, samples), length)| Measured {
        name: contender.name,
        role: contender.role,
        nanoseconds: samples.into_iter().map(median).collect(),
        allocations: allocations(contender, length.min(1000)),
    })
    .collect()
}

/// How many operations fill a turn.
fn length(contender: &Contender, turn: Duration, cores: &[CoreId]) -> u64 {
    let mut length = 1;
    loop {
        let nanoseconds = turn_of(contender, length, &cores[..1]);
        let filled = nanoseconds * length as f64 / turn.as_nanos() as f64;
        if filled > 0.25 {
            return ((length as f64 / filled) as u64).max(1);
        }
        length *= if filled < 0.02 { 8 } else { 2 };
    }
}

/// Nanoseconds an operation and thread, the mean over the threads.
fn turn_of(contender: &Contender, length: u64, cores: &[CoreId]) -> f64 {
    let waiting = AtomicUsize::new(cores.len());
    let total: Duration = thread::scope(|scope| {
        let mut threads = Vec::new();
        for (number, core) in cores.iter().enumerate() {
            let waiting = &waiting;
            threads.push(scope.spawn(move || {
                core_affinity::set_for_current(*core);
                let mut job = contender.job(number);
                // Caches, branches and whatever a new thread gets on first use.
                job(length / 16 + 1);
                waiting.fetch_sub(1, Ordering::AcqRel);
                while waiting.load(Ordering::Acquire) > 0 {
                    std::hint::spin_loop();
                }
                let start = Instant::now();
                job(length);
                start.elapsed()
            }));
        }
        threads.into_iter().map(|thread| thread.join().expect("contenders don't panic")).sum()
    });
    total.as_nanos() as f64 / length as f64 / cores.len() as f64
}

/// Allocations an operation, once everything has its size.
fn allocations(contender: &Contender, length: u64) -> f64 {
    let mut job = contender.job(0);
    job(length);
    alloc::begin();
    job(length);
    alloc::end().allocations as f64 / length as f64
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    if samples.len() % 2 == 1 { samples[middle] } else { (samples[middle - 1] + samples[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
