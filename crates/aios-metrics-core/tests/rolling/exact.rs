//! Windows beside an exact list of observations: whatever happens in whatever order.

use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::{ManualClock, Registry, RegistryOptions, RollingMetric, RollingWindows};
use proptest::prelude::*;

use crate::{MINUTE, QUARTER};

#[derive(Clone, Debug)]
enum Step {
    Wait(Duration),
    Add(i32),
    /// The same from a thread that lives no longer than that.
    AddElsewhere(i32),
    Ask(Duration),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![
        4 => 0_u64..2_500,
        3 => 0_u64..120_000,
        2 => 0_u64..2 * 3_600_000,
        1 => 0_u64..4 * 86_400_000,
        1 => (0_u64..1_000).prop_map(|seconds| seconds * 1_000),
    ];
    let asked = prop_oneof![
        1 => Just(0),
        1 => Just(u64::MAX),
        4 => 0_u64..6 * 3_600_000,
        2 => prop::sample::select(vec![1_000, 60_000, 300_000, 900_000]),
    ];
    let step = prop_oneof![
        4 => wait.prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        6 => (-1_000..1_000).prop_map(Step::Add),
        1 => (-1_000..1_000).prop_map(Step::AddElsewhere),
        3 => asked.prop_map(|ms| Step::Ask(Duration::from_millis(ms))),
    ];
    prop::collection::vec(step, 1..120)
}

fn windows() -> impl Strategy<Value = Duration> {
    prop_oneof![
        2 => prop::sample::select(vec![1, 60, 300, 900, 901, 1_800, 3_600]).prop_map(Duration::from_secs),
        3 => (1_000_u64..5 * 3_600_000).prop_map(Duration::from_millis),
    ]
}

/// A metric, and everything that was ever added to it.
struct Watched {
    clock: Arc<ManualClock>,
    metric: RollingMetric,
    window: Duration,
    slot: Duration,
    elapsed: Duration,
    /// Moment and value, oldest first.
    added: Vec<(Duration, i32)>,
}

impl Watched {
    fn new(window: Duration) -> Self {
        let clock = Arc::new(ManualClock::new());
        let metric = RollingMetric::with_clock(window, clock.clone());
        let slot = Duration::from_secs((window.as_secs_f64() / 900.0).ceil() as u64);
        Self { clock, metric, window, slot, elapsed: Duration::ZERO, added: Vec::new() }
    }

    fn wait(&mut self, step: Duration) {
        self.clock.advance(step);
        self.elapsed += step;
    }

    fn add(&mut self, value: i32, elsewhere: bool) {
        let add = || self.metric.add(f64::from(value));
        if elsewhere {
            std::thread::scope(|scope| scope.spawn(add).join().unwrap());
        } else {
            add();
        }
        self.added.push((self.elapsed, value));
    }

    /// Whether an observation is at most that old.
    fn within(&self, age: Duration) -> impl Fn(&&(Duration, i32)) -> bool {
        move |(at, _)| self.elapsed - *at <= age
    }

    fn check(&self, asked: Duration) -> Result<(), TestCaseError> {
        let window = asked.clamp(self.slot, self.window);
        let count = self.metric.count(Some(asked)) as usize;
        let least = self.added.iter().filter(self.within(window)).count();
        let most = self.added.iter().filter(|(at, _)| self.elapsed - *at < window + self.slot).count();
        prop_assert!((least..=most).contains(&count), "{asked:?}: {count} not in {least}..={most}");

        let counted: Vec<i32> = self.added.iter().rev().take(count).map(|(_, value)| *value).collect();
        let sum: i32 = counted.iter().sum();
        prop_assert_eq!(self.metric.sum(asked), f64::from(sum));
        let average = if count == 0 { 0.0 } else { f64::from(sum) / count as f64 };
        prop_assert_eq!(self.metric.average(asked), average);
        prop_assert_eq!(self.metric.min(asked), counted.iter().min().map(|&least| f64::from(least)));
        prop_assert_eq!(self.metric.max(asked), counted.iter().max().map(|&most| f64::from(most)));
        let seconds = window.min(self.elapsed.max(self.slot)).as_secs_f64();
        prop_assert_eq!(self.metric.rate(asked), count as f64 / seconds);
        Ok(())
    }

    fn check_current(&self) -> Result<(), TestCaseError> {
        let (current, window) = (self.metric.current(), self.window.max(self.slot));
        let newest = self.added.last().map(|&(at, value)| (self.elapsed - at, f64::from(value)));
        match newest {
            Some((age, value)) if age <= window => prop_assert_eq!(current, value),
            Some((age, value)) if age < window + self.slot => {
                prop_assert!(current == value || current == 0.0, "{} is neither 0 nor {}", current, value);
            }
            _ => prop_assert_eq!(current, 0.0),
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn every_window_is_a_stretch_of_the_newest_observations(window in windows(), steps in steps()) {
        let mut watched = Watched::new(window);
        for step in steps {
            match step {
                Step::Wait(step) => watched.wait(step),
                Step::Add(value) => watched.add(value, false),
                Step::AddElsewhere(value) => watched.add(value, true),
                Step::Ask(asked) => watched.check(asked)?,
            }
            watched.check_current()?;
        }
        for asked in [Duration::ZERO, MINUTE, QUARTER, window, window * 2] {
            watched.check(asked)?;
        }
        prop_assert_eq!(watched.metric.count(None), watched.metric.count(Some(window)));
    }

    #[test]
    fn a_summary_says_what_the_metric_says(window in windows(), short in windows(), steps in steps()) {
        let clock = Arc::new(ManualClock::new());
        let windows = RollingWindows { short, ..RollingWindows::default() };
        let options = RegistryOptions::default().with_clock(clock.clone()).with_rolling_windows(windows);
        let registry = Registry::with_options(options);
        registry.observe_rolling_with_window("w", 1.0, window).unwrap();
        let metric = registry.rolling("w").unwrap();
        for step in steps {
            match step {
                Step::Wait(step) => clock.advance(step),
                Step::Add(value) | Step::AddElsewhere(value) => metric.add(f64::from(value)),
                Step::Ask(_) => {
                    let summary = registry.extended_metrics()["w"];
                    prop_assert_eq!(summary.current, metric.current());
                    prop_assert_eq!(summary.count_1m, metric.count(Some(short)));
                    prop_assert_eq!(summary.average_1m, metric.average(short));
                    prop_assert_eq!(summary.rate_1m, metric.rate(short));
                    prop_assert_eq!(summary.count_5m, metric.count(Some(windows.middle)));
                    prop_assert_eq!(summary.average_5m, metric.average(windows.middle));
                    prop_assert_eq!(summary.count_15m, metric.count(Some(windows.long)));
                    prop_assert_eq!(summary.average_15m, metric.average(windows.long));
                    prop_assert_eq!(summary.min_15m, metric.min(windows.long));
                    prop_assert_eq!(summary.max_15m, metric.max(windows.long));
                }
            }
        }
    }
}

/// As many slots in use as there can be: none may give way while it still counts.
#[test]
fn a_window_that_is_full_to_the_brim_holds_all_of_it() {
    for milliseconds in [1_000, 1_500, 60_000, 900_000, 901_000, 1_800_500, 7_200_000] {
        let mut watched = Watched::new(Duration::from_millis(milliseconds));
        let step = watched.slot / 2 - Duration::from_millis(1);
        let steps = (watched.window.as_millis() / step.as_millis()) as i32 * 5 / 2;
        for value in 0..steps {
            watched.add(value, false);
            watched.wait(step);
            if value % 7 == 0 || value > steps - 4 {
                watched.check(Duration::MAX).unwrap();
            }
        }
    }
}
