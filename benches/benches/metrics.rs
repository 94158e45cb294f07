//! The contests under criterion, on one thread: for looking at a single figure again and again, with
//! criterion's statistics and its comparison with the run before.

use aios_metrics_bench::CONTESTS;
use aios_metrics_bench::input::MAKER;
use criterion::{Criterion, criterion_group, criterion_main};
use std::time::{Duration, Instant};

fn contests(criterion: &mut Criterion) {
    for (title, make) in CONTESTS {
        let contest = make(title);
        let mut group = criterion.benchmark_group(contest.title);
        for contender in &contest.contenders {
            contender.job(MAKER)(contest.first);
            let mut job = contender.job(0);
            group.bench_function(contender.name, |bencher| {
                bencher.iter_custom(|times| {
                    contender.tidy_up();
                    let start = Instant::now();
                    job(times);
                    start.elapsed()
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    // There are over a hundred of them; the usual eight seconds each would be a quarter of an hour and more.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .sample_size(10);
    targets = contests
}
criterion_main!(benches);
