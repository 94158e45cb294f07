//! The loop over a scripted sink, under a clock that moves when everybody waits.

mod schedules;
mod script;

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Publisher;
use crate::options::PublisherOptions;
use crate::{PublisherHandle, PublisherStats};
use script::{Action, Script};

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);

/// An interval of 10 s, and documents that hold nothing but their number.
fn options() -> PublisherOptions {
    PublisherOptions::default().with_push_interval(10 * S)
}

/// Starts a publisher over `script` on the current runtime.
fn start(options: PublisherOptions, script: &Script) -> PublisherHandle {
    let (publisher, handle) =
        Publisher::from_fn(|sequence, out| out.extend_from_slice(&sequence.to_be_bytes()), options);
    tokio::spawn(publisher.run(script.sink()));
    handle
}

/// Checks what must hold at any moment.
fn checked(handle: &PublisherHandle) -> PublisherStats {
    let stats = handle.stats();
    assert_eq!(stats.enqueued, stats.delivered + stats.dropped + stats.pending as u64, "{stats:?}");
    assert_eq!(stats.dropped, stats.dropped_by_reason.values().sum::<u64>(), "{stats:?}");
    stats
}

#[tokio::test(start_paused = true)]
async fn the_first_document_goes_at_once_and_then_one_each_interval() {
    let script = Script::default();
    let handle = start(options(), &script);
    sleep(MS).await;
    assert_eq!(script.delivered(), [0]);
    sleep(30 * S).await;
    assert_eq!(script.delivered(), [0, 1, 2, 3]);
    assert_eq!(checked(&handle).delivered, 4);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_loop_does_not_catch_up() {
    let script = Script::default();
    let handle = start(options(), &script);
    sleep(MS).await;
    // The clock jumps while the loop has no chance to run, as on a machine that slept.
    tokio::time::advance(95 * S).await;
    sleep(MS).await;
    assert_eq!(script.delivered(), [0, 1]);
    sleep(9 * S).await;
    assert_eq!(script.delivered(), [0, 1]);
    sleep(S).await;
    assert_eq!(script.delivered(), [0, 1, 2]);
    drop(handle);
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_until_it_is_full() {
    let script = Script::default();
    let handle = start(options().with_batch_size(3), &script);
    sleep(15 * S).await;
    assert_eq!(checked(&handle).pending, 2);
    assert!(script.batches().is_empty());
    sleep(10 * S).await;
    assert_eq!(script.batches(), [vec![0, 1, 2]]);
    assert_eq!(checked(&handle).pending, 0);
}

#[tokio::test(start_paused = true)]
async fn a_backlog_drains_in_large_batches() {
    let script = Script::failing(Action::Fail("connection"));
    let options = options().with_push_interval(10 * MS).with_backoff_max(S).with_max_pending(2_000);
    let handle = start(options, &script);
    sleep(12 * S).await;
    let waiting = checked(&handle).pending;
    assert!(waiting >= 1_200, "{waiting} wait");
    script.heal();
    sleep(S).await;
    let sizes: Vec<usize> = script.batches().iter().map(Vec::len).collect();
    assert_eq!(sizes[..2], [500, 500]);
    assert!(script.is_in_order());
}

#[tokio::test(start_paused = true)]
async fn documents_are_taken_while_the_sink_hangs_and_the_delivery_times_out() {
    let script = Script::failing(Action::Hang);
    let options = options().with_push_interval(S).with_delivery_timeout(5 * S).with_backoff_max(2 * S);
    let handle = start(options, &script);
    sleep(4 * S + 500 * MS).await;
    let stats = checked(&handle);
    assert_eq!((stats.pending, stats.retries), (5, 0));
    sleep(S).await;
    let stats = checked(&handle);
    assert_eq!(stats.failures_by_kind.get("timeout"), Some(&1));
    script.heal();
    sleep(10 * S).await;
    let stats = checked(&handle);
    assert_eq!((stats.pending, stats.dropped), (0, 0));
    assert!(script.is_in_order());
}

#[tokio::test(start_paused = true)]
async fn waits_after_failures_double_and_are_jittered() {
    let script = Script::failing(Action::Fail("connection"));
    let _handle = start(options(), &script);
    sleep(300 * S).await;
    let attempts = script.attempts();
    for (n, pair) in attempts.windows(2).enumerate() {
        let ceiling = (S * (1 << n.min(10))).min(30 * S);
        let wait = pair[1] - pair[0];
        assert!(wait >= ceiling / 2 && wait <= ceiling + 2 * MS, "wait {n} is {wait:?}, at most {ceiling:?}");
    }
    assert!(attempts.len() >= 13, "{} attempts", attempts.len());
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_is_tried_again_only_every_backoff_max() {
    let script = Script::failing(Action::Refuse("auth"));
    let handle = start(options(), &script);
    sleep(100 * S).await;
    assert_eq!(script.attempts().len(), 4);
    let stats = checked(&handle);
    assert_eq!((stats.failures_by_kind.get("auth"), stats.retries), (Some(&4), 3));
    script.heal();
    sleep(30 * S).await;
    assert_eq!(checked(&handle).pending, 0);
    assert!(script.is_in_order());
}

#[tokio::test(start_paused = true)]
async fn past_the_bound_the_oldest_is_dropped_even_in_flight() {
    let script = Script::failing(Action::Slow(25 * S));
    let options = options().with_max_pending(2).with_delivery_timeout(60 * S);
    let handle = start(options, &script);
    sleep(24 * S).await;
    // 0 is in flight, 1 and 2 came meanwhile, and only two may wait.
    let stats = checked(&handle);
    assert_eq!((stats.enqueued, stats.pending, stats.dropped), (3, 2, 1));
    assert_eq!(stats.dropped_by_reason["max_pending"], 1);
    sleep(2 * S).await;
    // It arrived after all; the books say dropped, an upper bound of the gaps.
    let stats = checked(&handle);
    assert_eq!((stats.delivered, stats.dropped), (0, 1));
    assert_eq!(script.delivered(), [0]);
}

#[tokio::test(start_paused = true)]
async fn flush_does_not_wait_for_a_full_batch() {
    let script = Script::default();
    let handle = start(options().with_batch_size(5), &script);
    sleep(15 * S).await;
    let reply = handle.begin_flush(S);
    sleep(MS).await;
    let report = reply.try_recv().expect("the flush is answered as soon as it is done");
    assert_eq!((report.delivered, report.dropped, report.left), (2, 0, 0));
    assert_eq!(script.batches(), [vec![0, 1]]);
    // An empty queue has nothing to wait for.
    let reply = handle.begin_flush(S);
    sleep(MS).await;
    assert_eq!(reply.try_recv().map(|report| report.left), Ok(0));
}

#[tokio::test(start_paused = true)]
async fn flush_tries_at_once_and_gives_up_when_no_try_can_help() {
    let script = Script::failing(Action::Refuse("wrong_type"));
    let handle = start(options(), &script);
    sleep(5 * S).await;
    let begun = Instant::now();
    let reply = handle.begin_flush(5 * S);
    sleep(MS).await;
    let report = reply.try_recv().expect("the next try is after the deadline, so it answers now");
    assert_eq!((report.delivered, report.left), (0, 1));
    assert!(begun.elapsed() < 10 * MS);
    assert_eq!(script.attempts().len(), 2);

    script.heal();
    let reply = handle.begin_flush(5 * S);
    sleep(MS).await;
    assert_eq!(reply.try_recv().map(|report| report.left), Ok(0));
}

#[tokio::test(start_paused = true)]
async fn flush_gives_up_at_its_deadline() {
    let script = Script::failing(Action::Hang);
    let handle = start(options().with_delivery_timeout(60 * S), &script);
    sleep(S).await;
    let reply = handle.begin_flush(2 * S);
    sleep(1_900 * MS).await;
    assert!(reply.try_recv().is_err());
    sleep(100 * MS).await;
    assert_eq!(reply.try_recv().map(|report| report.left), Ok(1));
    checked(&handle);
}

#[tokio::test(start_paused = true)]
async fn stop_takes_a_last_document_and_flushes() {
    let script = Script::default();
    let handle = start(options().with_batch_size(100), &script);
    sleep(25 * S).await;
    let (first, second) = (handle.begin_stop(5 * S), handle.begin_stop(5 * S));
    sleep(MS).await;
    let report = first.try_recv().expect("nothing is left to wait for");
    assert_eq!((report.delivered, report.dropped, report.left), (4, 0, 0));
    assert_eq!(second.try_recv().as_ref(), Ok(&report));
    assert_eq!(script.delivered(), [0, 1, 2, 3]);
    assert!(script.is_closed());
    // Stopped is stopped: the same answer at once, and no more documents.
    assert_eq!(handle.stop(5 * S), report);
    assert_eq!(handle.flush(5 * S).left, 0);
    sleep(60 * S).await;
    assert_eq!(checked(&handle).enqueued, 4);
}

#[tokio::test(start_paused = true)]
async fn stop_ends_at_its_deadline_and_reports_what_is_left() {
    let script = Script::failing(Action::Hang);
    let handle = start(options().with_delivery_timeout(60 * S), &script);
    sleep(15 * S).await;
    let reply = handle.begin_stop(2 * S);
    sleep(2 * S).await;
    let report = reply.try_recv().expect("the deadline has passed");
    assert_eq!((report.delivered, report.dropped, report.left), (0, 0, 3));
    assert_eq!(checked(&handle).pending, 3);
    assert!(script.is_closed());
}

#[tokio::test(start_paused = true)]
async fn stop_tries_again_within_its_deadline() {
    let script = Script::failing(Action::Fail("connection"));
    let handle = start(options(), &script);
    sleep(200 * S).await;
    // In the middle of a long wait. It tries at once, and then with short waits again.
    let reply = handle.begin_stop(5 * S);
    sleep(1_500 * MS).await;
    assert!(reply.try_recv().is_err());
    script.heal();
    sleep(3 * S).await;
    let report = reply.try_recv().expect("it is delivered");
    assert_eq!((report.delivered, report.left), (21, 0));
    assert!(script.is_in_order());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_handle_ends_the_loop_without_a_flush() {
    let script = Script::failing(Action::Hang);
    let (publisher, handle) = Publisher::from_fn(|_, out| out.push(b'x'), options());
    let loop_ends = tokio::spawn(publisher.run(script.sink()));
    sleep(5 * S).await;
    let begun = Instant::now();
    drop(handle);
    assert!(loop_ends.await.is_ok());
    assert!(begun.elapsed() < 10 * MS);
    assert_eq!(script.attempts().len(), 1);
    assert!(script.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_handle_whose_loop_is_gone_answers_at_once() {
    let (publisher, handle) = Publisher::from_fn(|_, out| out.push(b'x'), options());
    drop(publisher);
    assert_eq!(handle.flush(60 * S), crate::FlushReport::default());
    assert_eq!(handle.stop(60 * S), crate::StopReport::default());
}

#[tokio::test(start_paused = true)]
async fn a_document_that_panics_or_is_empty_is_none() {
    let mut call = 0;
    let script = Script::default();
    let take = move |sequence: u64, out: &mut Vec<u8>| {
        call += 1;
        match call {
            2 => panic!("a section that can't be read"),
            3 => {}
            _ => out.extend_from_slice(&sequence.to_be_bytes()),
        }
    };
    let (publisher, handle) = Publisher::from_fn(take, options());
    tokio::spawn(publisher.run(script.sink()));
    sleep(35 * S).await;
    // No number is spent on a document that does not exist.
    assert_eq!(script.delivered(), [0, 1]);
    assert_eq!(checked(&handle).failures_by_kind.get("document"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn the_log_has_one_line_a_change_and_one_a_minute() {
    let log = script::Log::install();
    let script = Script::failing(Action::Fail("connection"));
    let handle = start(options().with_backoff_max(2 * S), &script);
    sleep(59 * S).await;
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("WARN aios_metrics: documents can't be delivered: scripted"), "{lines:?}");
    assert!(lines[0].contains("next try in"), "{lines:?}");

    sleep(6 * S).await;
    assert_eq!(log.lines().len(), 2, "{:?}", log.lines());

    // A permanent failure is news at once, and then quiet again.
    script.become_(Action::Refuse("auth"));
    sleep(30 * S).await;
    let lines = log.lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[2].contains("ERROR aios_metrics: documents can't be delivered until"), "{lines:?}");

    script.heal();
    sleep(30 * S).await;
    let lines = log.lines();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[3].contains("INFO aios_metrics: documents are delivered again"), "{lines:?}");
    drop(handle);
}
