//! Rolling windows against an exact list of observations, under a clock that the tests turn.
//!
//! The contract: an observation counts towards a window `w` while it is at most `w` old, and never
//! once it is older than `w` and one slot. What counts is a stretch of the newest observations, and
//! sums, averages and extremes are exactly those of that stretch.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

#[path = "support/log.rs"]
mod log;

use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::{
    ManualClock, Registry, RegistryOptions, RollingMetric, RollingWindows, Summary, UpdateError,
};
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);
const QUARTER: Duration = Duration::from_secs(900);
const DAY: Duration = Duration::from_secs(86_400);

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

#[test]
fn the_three_windows_of_a_summary_agree() {
    let (registry, clock) = registry(RegistryOptions::default());
    for _ in 0..30 {
        registry.observe_rolling("latency", 2.0).unwrap();
        clock.advance(Duration::from_secs(1));
    }
    let summary = registry.extended_metrics()["latency"];
    assert_eq!((summary.count_1m, summary.count_5m, summary.count_15m), (30, 30, 30));
    assert_eq!((summary.average_1m, summary.average_5m, summary.average_15m), (2.0, 2.0, 2.0));
    assert_eq!(summary.rate_1m, 1.0);
}

#[test]
fn an_empty_window_answers_zero_and_no_extremes() {
    let clock = Arc::new(ManualClock::new());
    let metric = RollingMetric::with_clock(QUARTER, clock.clone());
    let check_empty = || {
        assert_eq!((metric.count(None), metric.sum(QUARTER), metric.average(QUARTER)), (0, 0.0, 0.0));
        assert_eq!((metric.rate(QUARTER), metric.current()), (0.0, 0.0));
        assert_eq!((metric.min(QUARTER), metric.max(QUARTER)), (None, None));
    };
    check_empty();
    metric.add(-3.0);
    clock.advance(QUARTER + Duration::from_secs(1));
    check_empty();
}

#[test]
fn days_of_silence_leave_nothing_and_cost_nothing() {
    let clock = Arc::new(ManualClock::new());
    let metric = RollingMetric::with_clock(QUARTER, clock.clone());
    for days in [1_u32, 3, 400] {
        metric.add(7.0);
        assert_eq!((metric.count(None), metric.current()), (1, 7.0));
        clock.advance(DAY * days);
        assert_eq!((metric.count(None), metric.current()), (0, 0.0));
    }
}

#[test]
fn any_duration_is_a_window() {
    for window in [Duration::ZERO, Duration::from_nanos(1), DAY * 36_500, Duration::MAX] {
        let metric = RollingMetric::new(window);
        metric.add(2.5);
        assert_eq!((metric.count(None), metric.average(Duration::MAX), metric.current()), (1, 2.5, 2.5));
        assert!(metric.rate(Duration::ZERO) > 0.0);
    }
}

#[test]
fn the_largest_numbers_leave_the_answers_numbers() {
    let clock = Arc::new(ManualClock::new());
    let metric = RollingMetric::with_clock(QUARTER, clock.clone());
    for value in [f64::MAX, f64::MAX] {
        metric.add(value);
    }
    assert_eq!(metric.average(QUARTER), f64::MAX);
    clock.advance(Duration::from_secs(2));
    for value in [f64::MIN, f64::MIN] {
        metric.add(value);
    }
    assert!(metric.average(QUARTER).is_finite());
    assert_eq!((metric.min(QUARTER), metric.max(QUARTER)), (Some(f64::MIN), Some(f64::MAX)));
}

#[test]
fn values_that_are_not_finite_are_refused_and_counted() {
    let (registry, _) = registry(RegistryOptions::default());
    registry.register_self_metrics().unwrap();
    registry.observe_rolling("latency", 1.0).unwrap();
    let metric = registry.rolling("latency").unwrap();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        metric.add(value);
        assert!(registry.observe_rolling("latency", value).is_err());
    }
    assert_eq!((metric.count(None), metric.current(), metric.sum(QUARTER)), (1, 1.0, 1.0));
    let mut page = Vec::new();
    registry.encode(&aios_metrics_core::PrometheusText, &mut page);
    let expected = "aios_metrics_rejected_updates_total{reason=\"rolling_value\"} 6\n";
    assert!(String::from_utf8(page).unwrap().contains(expected));
}

#[test]
fn another_window_given_later_is_ignored_with_one_warning() {
    let (registry, clock) = registry(RegistryOptions::default());
    let ((), log) = log::collect(|| {
        for window in [300, 600, 900, 300] {
            let window = Duration::from_secs(window);
            registry.observe_rolling_with_window("proxy", 1.0, window).unwrap();
        }
        registry.observe_rolling("proxy", 1.0).unwrap();
    });
    assert_eq!(registry.rolling("proxy").unwrap().window(), Duration::from_secs(300));
    let [warning] = &log[..] else { panic!("one warning, not {log:?}") };
    for part in ["WARN aios_metrics", "\"proxy\"", "300s", "600s"] {
        assert!(warning.contains(part), "{part} is missing in {warning:?}");
    }
    clock.advance(Duration::from_secs(302));
    assert_eq!(registry.rolling("proxy").unwrap().count(None), 0);
}

#[test]
fn the_number_of_names_is_bounded() {
    let (registry, _) = registry(RegistryOptions::default().with_max_rolling(3));
    registry.observe_rolling("a", 1.0).unwrap();
    registry.observe_custom_rolling("model", "a", 1.0).unwrap();
    registry.rolling("b").unwrap();
    let error = registry.observe_rolling("c", 1.0).unwrap_err();
    assert_eq!(error, UpdateError::TooManyRolling { name: "c".to_owned(), limit: 3 });
    assert_eq!(
        error.to_string(),
        r#"rolling metric "c" was not created: 3 rolling metrics exist, the limit set by `max_rolling`"#
    );
    assert!(registry.rolling("c").is_err() && registry.observe_custom_rolling("model", "b", 1.0).is_err());
    // Those that exist go on.
    registry.observe_custom_rolling("model", "a", 2.0).unwrap();
    let all = registry.extended_metrics();
    assert_eq!(all.custom("model", "a").unwrap().count_1m, 2);
    assert!(all.get("c").is_none());
}

#[test]
fn names_that_cannot_stand_in_the_document_are_refused() {
    let (registry, _) = registry(RegistryOptions::default());
    let message = |category: &str, name: &str| {
        format!(
            "rolling metric {name:?} in category {category:?} was not created: expected names that are not \
             empty, and not \"custom\" without a category"
        )
    };
    let observe = |name| registry.observe_rolling(name, 1.0).unwrap_err().to_string();
    let observe_custom =
        |category, name| registry.observe_custom_rolling(category, name, 1.0).unwrap_err().to_string();
    assert_eq!(observe(""), message("", ""));
    assert_eq!(observe("custom"), message("", "custom"));
    assert_eq!(observe_custom("", "a"), message("", "a"));
    assert_eq!(observe_custom("model", ""), message("model", ""));
    assert_eq!(serde_json::to_string(&registry.extended_metrics()).unwrap(), r#"{"custom":{}}"#);
}

#[test]
fn names_in_different_categories_are_different_metrics() {
    let (registry, _) = registry(RegistryOptions::default());
    for (i, (category, name)) in [("ab", "c"), ("a", "bc"), ("abc", "x")].into_iter().enumerate() {
        registry.observe_custom_rolling(category, name, i as f64).unwrap();
    }
    registry.observe_rolling("abc", 7.0).unwrap();
    let all = registry.extended_metrics();
    let current = |summary: Option<&Summary>| summary.map(|summary| (summary.current, summary.count_15m));
    assert_eq!(current(all.custom("ab", "c")), Some((0.0, 1)));
    assert_eq!(current(all.custom("a", "bc")), Some((1.0, 1)));
    assert_eq!(current(all.custom("abc", "x")), Some((2.0, 1)));
    assert_eq!(current(all.get("abc")), Some((7.0, 1)));
}

#[test]
fn the_windows_of_summaries_are_configurable() {
    let seconds = Duration::from_secs;
    let windows = RollingWindows { short: seconds(2), middle: seconds(10), long: seconds(3_600) };
    let (registry, clock) = registry(RegistryOptions::default().with_rolling_windows(windows));
    registry.observe_rolling("latency", 1.0).unwrap();
    // Without a window of its own a metric looks back as far as the longest.
    assert_eq!(registry.rolling("latency").unwrap().window(), seconds(3_600));
    let counts = || {
        let summary = registry.extended_metrics()["latency"];
        (summary.count_1m, summary.count_5m, summary.count_15m, summary.current)
    };
    for (wait, expected) in
        [(0, (1, 1, 1, 1.0)), (8, (0, 1, 1, 1.0)), (30, (0, 0, 1, 1.0)), (3_700, (0, 0, 0, 0.0))]
    {
        clock.advance(seconds(wait));
        assert_eq!(counts(), expected, "after {wait} s more");
    }
}

fn registry(options: RegistryOptions) -> (Registry, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (Registry::with_options(options.with_clock(clock.clone())), clock)
}
