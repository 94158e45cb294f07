//! Tests of what only the metric itself knows.

use super::*;

#[test]
fn the_common_way_of_adding_and_the_other_find_the_same_slot() {
    let seconds = Duration::from_secs;
    let ways = [
        RollingMetric::new(seconds(900)),
        RollingMetric::with_clock(seconds(900), Arc::new(SystemClock)),
        RollingMetric::with_quantiles(seconds(900), &[0.5]).unwrap(),
    ];
    assert_eq!(ways.each_ref().map(|metric| metric.0.common), [true, false, false]);
    assert!(!RollingMetric::new(seconds(901)).0.common);
    // Once more if a second has begun meanwhile.
    let (epoch, epochs) = loop {
        let second = SystemClock.monotonic().as_secs();
        let epochs = ways.each_ref().map(|metric| {
            let mut newest = 0;
            metric.add(1.0);
            metric.0.read(|batch| newest = newest.max(batch.epoch));
            newest
        });
        if SystemClock.monotonic().as_secs() == second {
            break (second + 1, epochs);
        }
    };
    assert_eq!(epochs, [epoch; 3]);
}
