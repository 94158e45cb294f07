//! Rolling windows. No rival has them; people write a deque behind a mutex.

use crate::contest::{Contender, Contest, Role, Unit, repeat};
use crate::floor;
use aios_metrics::RollingMetric;
use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(900);

/// What the by-hand window is bounded to: 15 minutes of 1,000 observations a second.
const ENTRIES: usize = 900_000;

const BY_HAND: &str = "Mutex\\<VecDeque\\<(Instant, f64)\\>\\>";

/// Every observation with its time.
#[derive(Clone, Default)]
struct Observations(Arc<Mutex<VecDeque<(Instant, f64)>>>);

impl Observations {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, f64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds, and drops what is too old. The bench outruns any real window, hence the second condition.
    fn add(&self, value: f64) {
        let now = Instant::now();
        let mut entries = self.lock();
        while entries.len() >= ENTRIES || entries.front().is_some_and(|(time, _)| now - *time > WINDOW) {
            entries.pop_front();
        }
        entries.push_back((now, value));
    }

    fn average(&self, window: Duration) -> f64 {
        let now = Instant::now();
        let entries = self.lock();
        let young = entries.iter().rev().take_while(|(time, _)| now - *time <= window);
        let (count, sum) = young.fold((0.0, 0.0), |(count, sum), (_, value)| (count + 1.0, sum + value));
        if count > 0.0 { sum / count } else { 0.0 }
    }
}

/// An observation is added.
#[must_use]
pub fn add(title: &'static str) -> Contest {
    let ours = RollingMetric::new(WINDOW);
    let by_hand = Observations::default();
    Contest {
        title,
        about: "A window of 15 minutes, one observation more. No rival crate has windows: beside us stands what \
                people write by hand, bounded to 900,000 entries.",
        unit: Unit::Nanoseconds,
        threads: &[1, 2],
        first: 1,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics", move |_| {
                repeat(ours.clone(), |rolling| rolling.add(black_box(1.5)))
            }),
            Contender::new(Role::Rival, BY_HAND, move |_| {
                repeat(by_hand.clone(), |rolling| rolling.add(black_box(1.5)))
            }),
            Contender::new(Role::Floor, "*floor: count and sum a thread*", |_| {
                repeat((), |()| {
                    floor::add(black_box(1), 1);
                    floor::add_f64(black_box(0), black_box(1.5));
                })
            }),
        ],
    }
}

/// The average is asked for.
#[must_use]
pub fn average(title: &'static str) -> Contest {
    let ours = RollingMetric::new(WINDOW);
    let by_hand = Observations::default();
    for number in 0..ENTRIES {
        ours.add(number as f64);
        by_hand.add(number as f64);
    }
    Contest {
        title,
        about: "The average over 15 minutes after 900,000 observations.",
        unit: Unit::Nanoseconds,
        threads: &[1],
        first: 1,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics", move |_| {
                repeat(ours.clone(), |rolling| {
                    black_box(rolling.average(black_box(WINDOW)));
                })
            }),
            Contender::new(Role::Rival, BY_HAND, move |_| {
                repeat(by_hand.clone(), |rolling| {
                    black_box(rolling.average(black_box(WINDOW)));
                })
            }),
        ],
    }
}
