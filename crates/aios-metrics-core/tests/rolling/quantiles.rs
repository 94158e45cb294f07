//! Quantiles beside an exact list of observations.
//!
//! The contract: what counts is a stretch of the newest observations, as for every other figure, only
//! that a time slot is a 60th of the metric's window; and the answer is at most 1 % off the exact
//! quantile of that stretch, if that is at least a 25,000th of the greatest magnitude there.

use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::{
    ManualClock, QuantileError, Registry, RegistryOptions, RollingMetric, RollingOptions, RollingWindows,
    UpdateError,
};
use proptest::prelude::*;

use crate::{DAY, MINUTE, QUARTER, registry};

#[derive(Clone, Debug)]
enum Step {
    Wait(Duration),
    Add(f64),
    /// The same from a thread that lives no longer than that.
    AddElsewhere(f64),
    Ask(Duration, f64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![
        4 => 0_u64..2_500,
        3 => 0_u64..120_000,
        1 => 0_u64..2 * 3_600_000,
    ];
    // In units of 1e-11, as quantiles are taken.
    let quantile = prop_oneof![
        prop::sample::select(vec![0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]),
        (0_u64..=1_000).prop_map(|mill| mill as f64 / 1_000.0),
    ];
    let asked = prop_oneof![
        4 => 0_u64..6 * 3_600_000,
        2 => prop::sample::select(vec![0, 1_000, 60_000, 300_000, 900_000, u64::MAX]),
    ];
    let step = prop_oneof![
        4 => wait.prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        9 => values().prop_map(Step::Add),
        1 => values().prop_map(Step::AddElsewhere),
        3 => (asked, quantile).prop_map(|(ms, q)| Step::Ask(Duration::from_millis(ms), q)),
    ];
    prop::collection::vec(step, 1..200)
}

/// Values that cluster, values of every magnitude, and the ends of what a number can be.
fn values() -> impl Strategy<Value = f64> {
    let any_magnitude = (any::<bool>(), -308.0..308.0_f64);
    prop_oneof![
        6 => 0.001..1.0_f64,
        2 => -100.0..100.0_f64,
        2 => (-9.0..9.0_f64).prop_map(|exponent| 10_f64.powf(exponent)),
        1 => any_magnitude.prop_map(|(negative, e)| if negative { -10_f64.powf(e) } else { 10_f64.powf(e) }),
        1 => prop::sample::select(vec![
            0.0, -0.0, 5e-324, f64::MIN_POSITIVE, f64::MAX, f64::MIN, f64::EPSILON, 1.0, -1.0,
        ]),
    ]
}

fn windows() -> impl Strategy<Value = Duration> {
    prop_oneof![
        2 => prop::sample::select(vec![1, 60, 300, 900, 901, 3_600]).prop_map(Duration::from_secs),
        3 => (1_000_u64..5 * 3_600_000).prop_map(Duration::from_millis),
    ]
}

/// The exact quantile by rank, of values in any order.
fn exact(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    // Quantiles of the test are multiples of a thousandth.
    let rank = ((q * 1_000.0).round() as usize * sorted.len()).div_ceil(1_000).max(1);
    sorted[rank - 1]
}

/// Whether an answer keeps the promise for these observations.
fn keeps(answer: f64, values: &[f64], q: f64) -> bool {
    let exact = exact(values, q);
    let greatest = values.iter().fold(0.0, |greatest: f64, value| greatest.max(value.abs()));
    if exact.abs() < f64::MIN_POSITIVE {
        return answer == 0.0;
    }
    let close = (answer - exact).abs() <= exact.abs() * 0.01;
    let small = exact.abs() < greatest / 25_000.0;
    close || (small && answer.abs() <= greatest / 25_000.0 && answer.signum() == exact.signum())
}

/// A metric, and everything that was ever added to it.
struct Watched {
    clock: Arc<ManualClock>,
    metric: RollingMetric,
    window: Duration,
    slot: Duration,
    elapsed: Duration,
    /// Moment and value, oldest first.
    added: Vec<(Duration, f64)>,
}

impl Watched {
    fn new(window: Duration) -> Self {
        let (registry, clock) = registry(RegistryOptions::default());
        let options = RollingOptions::default().with_window(window).with_quantiles([0.5]);
        let metric = registry.rolling_with("watched", options).unwrap();
        let slot = Duration::from_nanos(window.as_nanos().div_ceil(60) as u64);
        Self { clock, metric, window, slot, elapsed: Duration::ZERO, added: Vec::new() }
    }

    fn wait(&mut self, step: Duration) {
        self.clock.advance(step);
        self.elapsed += step;
    }

    fn add(&mut self, value: f64, elsewhere: bool) {
        if elsewhere {
            std::thread::scope(|scope| scope.spawn(|| self.metric.add(value)).join().unwrap());
        } else {
            self.metric.add(value);
        }
        self.added.push((self.elapsed, value));
    }

    fn check(&self, asked: Duration, q: f64) -> Result<(), TestCaseError> {
        let window = asked.clamp(self.slot, self.window);
        let age = |at: &Duration| self.elapsed - *at;
        let least = self.added.iter().filter(|(at, _)| age(at) <= window).count();
        let most = self.added.iter().filter(|(at, _)| age(at) < window + self.slot).count();
        let newest: Vec<f64> = self.added.iter().rev().take(most).map(|(_, value)| *value).collect();
        let answer = self.metric.quantile(q, asked);
        let holds = (least..=most).any(|count| match answer {
            None => count == 0,
            Some(answer) => count > 0 && keeps(answer, &newest[..count], q),
        });
        prop_assert!(holds, "{answer:?} for {q} of the first {least} to {most} of {newest:?}");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn every_quantile_is_one_of_a_stretch_of_the_newest_observations(
        window in windows(),
        steps in steps(),
        q in 0_u64..=1_000,
    ) {
        let mut watched = Watched::new(window);
        for step in steps {
            match step {
                Step::Wait(step) => watched.wait(step),
                Step::Add(value) => watched.add(value, false),
                Step::AddElsewhere(value) => watched.add(value, true),
                Step::Ask(asked, q) => watched.check(asked, q)?,
            }
        }
        for asked in [Duration::ZERO, MINUTE, QUARTER, window, window * 2] {
            for q in [q as f64 / 1_000.0, 0.99] {
                watched.check(asked, q)?;
            }
        }
    }

    #[test]
    fn a_single_observation_is_at_most_a_hundredth_off(value in values()) {
        let metric = RollingMetric::with_quantiles(QUARTER, &[0.5]).unwrap();
        metric.add(value);
        prop_assert!(keeps(metric.quantile(0.5, QUARTER).unwrap(), &[value], 0.5));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn a_summary_says_what_the_metric_says(short in windows(), steps in steps()) {
        let windows = RollingWindows { short, ..RollingWindows::default() };
        let (registry, clock) = registry(RegistryOptions::default().with_rolling_windows(windows));
        let shown = [0.999, 0.5, 0.0];
        let metric = registry.rolling_with("w", RollingOptions::default().with_quantiles(shown)).unwrap();
        for step in steps {
            match step {
                Step::Wait(step) => clock.advance(step),
                Step::Add(value) | Step::AddElsewhere(value) => metric.add(value),
                Step::Ask(..) => {
                    let summary = registry.extended_metrics()["w"];
                    let quantiles: Vec<f64> = summary.quantiles().iter().map(|q| q.quantile).collect();
                    prop_assert_eq!(quantiles, vec![0.0, 0.5, 0.999]);
                    for q in summary.quantiles() {
                        prop_assert_eq!(q.value_1m, metric.quantile(q.quantile, short));
                        prop_assert_eq!(q.value_5m, metric.quantile(q.quantile, windows.middle));
                        prop_assert_eq!(q.value_15m, metric.quantile(q.quantile, windows.long));
                    }
                }
            }
        }
    }
}

/// As many slots in use as there can be: none may give way while it still counts.
#[test]
fn a_window_that_is_full_to_the_brim_holds_all_of_it() {
    for milliseconds in [1_000, 1_500, 60_000, 900_000, 901_000, 7_200_000] {
        let mut watched = Watched::new(Duration::from_millis(milliseconds));
        let step = watched.slot / 2 - Duration::from_millis(1);
        let steps = (watched.window.as_nanos() / step.as_nanos()) as i32 * 5 / 2;
        for value in 0..steps {
            watched.add(f64::from(value), false);
            watched.wait(step);
            if value % 7 == 0 || value > steps - 4 {
                for q in [0.0, 0.1, 0.5, 1.0] {
                    watched.check(Duration::MAX, q).unwrap();
                }
            }
        }
    }
}

#[test]
fn ranks_are_exact_over_threads() {
    let metric = RollingMetric::with_quantiles(DAY, &[0.5]).unwrap();
    let (threads, rounds, bins) = (4, 250, 50_u32);
    let value = |bin: u32| 1.2_f64.powi(bin as i32 - 25) * if bin.is_multiple_of(2) { 1.0 } else { -1.0 };
    // Half of the threads are gone before they are read, one of them has left its slab to another.
    for threads in [0..threads / 2, threads / 2..threads] {
        std::thread::scope(|scope| {
            for _ in threads {
                scope.spawn(|| (0..rounds * bins).for_each(|number| metric.add(value(number % bins))));
            }
        });
    }
    let mut sorted: Vec<f64> = (0..bins).map(value).collect();
    sorted.sort_by(f64::total_cmp);
    let each = f64::from(threads * rounds);
    let all = each * f64::from(bins);
    for (index, expected) in sorted.iter().enumerate() {
        let last = (index as f64 + 1.0) * each;
        // The first and the last of those of equal value, by rank.
        for rank in [last - each + 1.0, last] {
            let answer = metric.quantile(rank / all, DAY).unwrap();
            assert!((answer / expected - 1.0).abs() <= 0.01, "rank {rank}: {answer}, not {expected}");
        }
    }
}

#[test]
fn what_has_no_quantile_is_none() {
    let plain = RollingMetric::new(QUARTER);
    let none = RollingMetric::with_quantiles(QUARTER, &[]).unwrap();
    let (registry, clock) = registry(RegistryOptions::default());
    let metric = registry.rolling_with("w", RollingOptions::default().with_quantiles([0.5])).unwrap();
    assert_eq!(metric.quantile(0.5, MINUTE), None);
    for metric in [&plain, &none, &metric] {
        metric.add(1.0);
        metric.add(f64::NAN);
    }
    assert_eq!((plain.quantile(0.5, MINUTE), none.quantile(0.5, MINUTE)), (None, None));
    for q in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(metric.quantile(q, MINUTE), None, "{q}");
    }
    assert!(metric.quantile(0.25, MINUTE).is_some(), "quantiles that are not shown are answered too");
    clock.advance(DAY);
    assert_eq!(metric.quantile(0.5, DAY), None);
    let summary = registry.extended_metrics()["w"];
    let [shown] = summary.quantiles() else { panic!("{summary:?}") };
    assert_eq!((shown.value_1m, shown.value_5m, shown.value_15m), (None, None, None));
    let json = serde_json::to_string(&summary).unwrap();
    assert!(json.ends_with(r#","p50_1m":null,"p50_5m":null,"p50_15m":null}"#), "{json}");
}

#[test]
fn options_that_cannot_be_had_are_errors() {
    let (registry, _) = registry(RegistryOptions::default());
    let with = |quantiles: &[f64]| RollingOptions::default().with_quantiles(quantiles);
    let error = registry.rolling_with("w", with(&[0.5, 99.0])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rolling metric \"w\" was not created: 99 is not a quantile: expected a number from 0 to 1, such as 0.99"
    );
    assert!(RollingMetric::with_quantiles(QUARTER, &[f64::NAN]).is_err());
    let nine: Vec<f64> = (1..=9).map(|tenth| f64::from(tenth) / 10.0).collect();
    let problem = QuantileError::TooMany { given: 9, limit: 8 };
    assert_eq!(
        registry.rolling_with("w", with(&nine)).unwrap_err(),
        UpdateError::Quantiles { name: "w".into(), problem }
    );
    assert!(registry.extended_metrics().get("w").is_none());

    // The same again, in another order and twice, is the same metric.
    let metric = registry.rolling_with("w", with(&[0.9, 0.5])).unwrap();
    metric.add(1.0);
    for same in [with(&[0.5, 0.9, 0.5]), with(&[]), with(&[0.5, 0.9]).with_window(QUARTER)] {
        assert_eq!(registry.rolling_with("w", same).unwrap().count(None), 1);
    }
    let error = registry.rolling_with("w", with(&[0.5]).with_window(MINUTE)).unwrap_err().to_string();
    assert_eq!(
        error,
        "rolling metric \"w\" exists with a window of 900s and the quantiles [0.5, 0.9]; it can't be had with a \
         window of 60s and the quantiles [0.5]"
    );
    registry.observe_rolling("plain", 1.0).unwrap();
    let error = registry.rolling_with("plain", with(&[0.5])).unwrap_err().to_string();
    assert_eq!(
        error,
        "rolling metric \"plain\" exists with a window of 900s and no quantiles; it can't be had with any window \
         and the quantiles [0.5]"
    );
    assert!(registry.custom_rolling_with("", "w", with(&[0.5])).is_err());
    assert_eq!(registry.custom_rolling_with("model", "w", with(&[0.5])).unwrap().count(None), 0);
}

#[test]
fn more_than_a_sketch_can_tell_apart_keeps_the_great_ones() {
    let metric = RollingMetric::with_quantiles(QUARTER, &[0.5]).unwrap();
    // 40 decades, both signs, from the least up and from the greatest down.
    let values: Vec<f64> = (-200..=200).map(|tenth| 10_f64.powf(f64::from(tenth) / 10.0)).collect();
    let values: Vec<f64> = values.iter().rev().chain(&values).flat_map(|value| [*value, -*value]).collect();
    values.iter().for_each(|&value| metric.add(value));
    for mill in 0..=1_000 {
        let q = f64::from(mill) / 1_000.0;
        let answer = metric.quantile(q, MINUTE).unwrap();
        assert!(keeps(answer, &values, q), "{answer} for {q}, not {}", exact(&values, q));
    }
}

#[test]
fn a_registry_of_another_clock_reads_the_same() {
    let options = RollingOptions::default().with_quantiles([0.5]);
    let metric = Registry::new().rolling_with("w", options).unwrap();
    metric.add(2.0);
    assert!((metric.quantile(0.5, MINUTE).unwrap() / 2.0 - 1.0).abs() <= 0.01);
}

#[test]
fn any_duration_is_a_window() {
    for window in [Duration::ZERO, Duration::from_nanos(1), DAY * 36_500, Duration::MAX] {
        let metric = RollingMetric::with_quantiles(window, &[0.5]).unwrap();
        metric.add(0.0);
        assert_eq!(metric.quantile(0.5, Duration::MAX), Some(0.0), "{window:?}");
    }
}
