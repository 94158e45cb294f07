//! The delivery contract under many random schedules of faults, calls and pauses.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::sleep;

use super::script::{Action, Answer, Script};
use super::{MS, S, checked, start};
use crate::options::PublisherOptions;

#[derive(Clone, Debug)]
enum Step {
    /// Time passes.
    Pass(Duration),
    /// The next deliveries do this.
    Script(Vec<Action>),
    Flush(Duration),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Deliver),
        (1_u64..8_000).prop_map(|ms| Action::Slow(Duration::from_millis(ms))),
        Just(Action::Fail("connection")),
        Just(Action::Fail("oom")),
        Just(Action::Refuse("auth")),
        Just(Action::Hang),
        Just(Action::Half),
        Just(Action::Lost),
        Just(Action::Twice),
        (1_u64..30_000).prop_map(|ms| Action::Late(Duration::from_millis(ms))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u64..20_000).prop_map(|ms| Step::Pass(Duration::from_millis(ms))),
        2 => prop::collection::vec(action(), 1..6).prop_map(Step::Script),
        1 => (0_u64..10_000).prop_map(|ms| Step::Flush(Duration::from_millis(ms))),
    ]
}

fn options() -> impl Strategy<Value = PublisherOptions> {
    let waits = (1_u64..5_000, 10_u64..3_000, 10_u64..20_000, 1_u64..6_000);
    (waits, 1_usize..12, 1_usize..20, 8_usize..200).prop_map(|(waits, batch, pending, bytes)| {
        let ms = Duration::from_millis;
        PublisherOptions::default()
            .with_push_interval(ms(waits.0))
            .with_backoff_initial(ms(waits.1))
            .with_backoff_max(ms(waits.2))
            .with_delivery_timeout(ms(waits.3))
            .with_batch_size(batch)
            .with_max_pending(pending)
            .with_max_pending_bytes(bytes)
    })
}

/// Runs a schedule, then heals the sink and stops.
async fn play(options: PublisherOptions, steps: Vec<Step>) {
    let script = Script::default();
    let handle = start(options.clone(), &script);
    let mut flushes = Vec::new();
    let flushed = steps.iter().any(|step| matches!(step, Step::Flush(_)));
    for step in steps {
        match step {
            Step::Pass(time) => {
                // In pieces, so that the books are looked at in the middle of things too.
                for _ in 0..5 {
                    sleep(time / 5).await;
                    let stats = checked(&handle);
                    assert!(stats.pending <= options.max_pending, "{stats:?}");
                    assert!(stats.pending_bytes <= options.max_pending_bytes, "{stats:?}");
                }
            }
            Step::Script(actions) => script.then(actions),
            Step::Flush(timeout) => {
                flushes.push((tokio::time::Instant::now() + timeout, handle.begin_flush(timeout)))
            }
        }
        checked(&handle);
        flushes.retain(|(deadline, reply)| {
            let overdue = tokio::time::Instant::now() > *deadline + MS;
            let answered = reply.try_recv().is_ok();
            assert!(answered || !overdue, "a flush is answered by its deadline");
            !answered
        });
    }
    check_waits(&options, &script, flushed);
    script.heal();
    // A hanging delivery must first time out; a permanent failure has just been told to go away.
    let reply = handle.begin_stop(120 * S);
    sleep(121 * S).await;
    let report = reply.try_recv().expect("stop is answered by its deadline");
    let stats = checked(&handle);
    assert_eq!((report.left, stats.pending), (0, 0), "a healed sink takes everything");

    assert!(script.is_in_order(), "{:?}", script.batches());
    let arrived: BTreeSet<u64> = script.delivered().into_iter().chain(script.late()).collect();
    let missing = (0..stats.enqueued).filter(|sequence| !arrived.contains(sequence)).count() as u64;
    // Dropped in flight and delivered nevertheless counts as dropped: an upper bound of the gaps.
    assert!(missing <= stats.dropped, "{missing} gaps, {stats:?}");
    assert!(arrived.len() as u64 >= stats.delivered, "{stats:?}");
}

/// Checks how long the loop waited after each failure: what its options say, or less where a flush
/// asked for a try at once.
fn check_waits(options: &PublisherOptions, script: &Script, flushed: bool) {
    let options = options.clone().within_limits();
    let mut failures = 0;
    for pair in script.history().windows(2) {
        let wait = pair[1].begun - pair[0].ended;
        let (least, most) = match pair[0].answer {
            Answer::Delivered => {
                failures = 0;
                continue;
            }
            Answer::WillNotPass => (options.backoff_max, options.backoff_max),
            Answer::MayPass => {
                let doubled = options.backoff_initial * 2_u32.pow(failures.min(16));
                let ceiling = doubled.min(options.backoff_max);
                (ceiling / 2, ceiling)
            }
        };
        failures += 1;
        if flushed {
            assert!(wait <= options.backoff_max + 2 * MS, "{wait:?} after {failures} failures");
        } else {
            assert!(
                wait + MS >= least && wait <= most + 2 * MS,
                "{wait:?} after {failures}, not {least:?} to {most:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn every_document_has_exactly_one_fate(
        options in options(),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(options, steps));
    }
}
