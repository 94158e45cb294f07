//! What is read of the running system, compared with what is known otherwise.
//!
//! One test, so that no other opens files or burns CPU time beside it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs::{self, File};
use std::hint::black_box;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aios_metrics_hw::{Hardware, ProbeName, ProcessReading, Reading};

#[test]
fn figures_of_this_process_follow_what_it_does() {
    let hardware = Hardware::new();
    let first = refreshed(&hardware);
    // A machine without a GPU is as good as any.
    for status in first.probes.iter().filter(|status| status.name != ProbeName::Gpu) {
        assert!(status.is_up(), "{status:?}");
    }
    start_is_a_moment_ago(&first.process);
    limit_is_the_shells(&first.process);
    descriptors_are_counted_exactly(&hardware);
    threads_are_counted_exactly(&hardware);
    touched_memory_is_resident(&hardware);
    cpu_time_is_the_kernels(&hardware);
    host_is_plausible(&hardware.reading());
    a_refresh_is_cheap(&hardware);
}

fn refreshed(hardware: &Hardware) -> Reading {
    hardware.refresh();
    hardware.reading()
}

fn start_is_a_moment_ago(process: &ProcessReading) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let age = now - process.start_time_seconds.unwrap();
    // The kernel tells the machine's start in whole seconds.
    assert!((-2.0..600.0).contains(&age), "started {age} s ago");
}

fn limit_is_the_shells(process: &ProcessReading) {
    let shell = Command::new("sh").args(["-c", "ulimit -n"]).output().unwrap();
    let limit = String::from_utf8(shell.stdout).unwrap();
    assert_eq!(process.max_fds, limit.trim().parse().ok());
    let shell = Command::new("sh").args(["-c", "ulimit -v"]).output().unwrap();
    let kib: Option<u64> = String::from_utf8(shell.stdout).unwrap().trim().parse().ok();
    assert_eq!(process.max_virtual_bytes, kib.map(|kib| kib * 1_024));
}

fn descriptors_are_counted_exactly(hardware: &Hardware) {
    let count = || refreshed(hardware).process.open_fds.unwrap();
    let before = count();
    let listed = fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    assert_eq!(before, listed - 1, "all that are listed but the listing's own");
    let files: Vec<_> = (0..7).map(|_| File::open("/dev/null").unwrap()).collect();
    assert_eq!(count(), before + 7);
    drop(files);
    assert_eq!(count(), before);
}

fn threads_are_counted_exactly(hardware: &Hardware) {
    let count = || refreshed(hardware).process.threads.unwrap();
    let before = count();
    let (stop, stopped) = channel::<()>();
    let (is_up, up) = channel();
    let parked = thread::spawn(move || {
        is_up.send(()).unwrap();
        let _ = stopped.recv();
    });
    up.recv().unwrap();
    assert_eq!(count(), before + 1);
    drop(stop);
    parked.join().unwrap();
}

fn touched_memory_is_resident(hardware: &Hardware) {
    const MB: u64 = 1 << 20;
    let before = refreshed(hardware).process;
    let touched = black_box(vec![1_u8; 64 << 20]);
    let with = refreshed(hardware).process;
    drop(black_box(touched));
    let after = refreshed(hardware).process;
    let grown = with.resident_bytes.unwrap() - before.resident_bytes.unwrap();
    assert!((60 * MB..80 * MB).contains(&grown), "{grown}");
    assert!(with.virtual_bytes.unwrap() >= before.virtual_bytes.unwrap() + 64 * MB);
    assert!(after.resident_bytes.unwrap() + 60 * MB <= with.resident_bytes.unwrap());
}

fn cpu_time_is_the_kernels(hardware: &Hardware) {
    let before = refreshed(hardware).process.cpu_seconds.unwrap();
    // Long enough for an interval of its own, whatever the last refresh left.
    let (begun, burnt_before) = (Instant::now(), thread_cpu_time());
    while thread_cpu_time() - burnt_before < Duration::from_millis(300)
        || begun.elapsed() < Duration::from_millis(300)
    {
        black_box((0..20_000_u64).fold(0, |sum, i| sum ^ black_box(i)));
    }
    let burnt = (thread_cpu_time() - burnt_before).as_secs_f64();
    let process = refreshed(hardware).process;
    let grown = process.cpu_seconds.unwrap() - before;
    // Both ends are cut to 0.01 s; other threads of this process sleep.
    assert!((grown - burnt).abs() < 0.05, "{grown} s against {burnt} s");
    let percent = process.cpu_percent.unwrap();
    assert!(percent > 0.0 && percent < 130.0, "{percent} % by one thread");
}

/// What the scheduler counted for this thread, in nanoseconds.
fn thread_cpu_time() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn host_is_plausible(reading: &Reading) {
    let host = reading.host;
    assert!(host.memory_total_bytes > host.memory_available_bytes);
    assert!(host.memory_total_bytes > reading.process.resident_bytes);
    assert!((0.0..=100.0).contains(&host.cpu_percent.unwrap()), "{host:?}");
    assert!(host.load1.is_some() && host.load5.is_some() && host.load15.is_some());
}

/// The fastest of some, as other programs run beside the test.
fn a_refresh_is_cheap(hardware: &Hardware) {
    let fastest = (0..50)
        .map(|_| {
            let begun = Instant::now();
            hardware.refresh();
            begun.elapsed()
        })
        .min()
        .unwrap();
    assert!(fastest < Duration::from_millis(1), "{fastest:?}");
}
