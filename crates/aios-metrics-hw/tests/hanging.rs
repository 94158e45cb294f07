//! A sensor that does not answer: a named pipe that nobody writes to.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use aios_metrics_core::{Clock, ManualClock, PrometheusText, Registry, Section};
use aios_metrics_hw::{Hardware, HardwareOptions, ProbeName, ProbeSet, Roots};

fn page(hardware: &Hardware) -> String {
    let registry = Registry::new();
    registry.register(hardware.clone()).unwrap();
    let mut page = Vec::new();
    registry.encode(&PrometheusText, &mut page);
    String::from_utf8(page).unwrap()
}

#[test]
fn a_sensor_that_hangs_is_marked_down_and_holds_up_nobody() {
    let machine = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hanging");
    let _ = fs::remove_dir_all(&machine);
    let chip = machine.join("sys/class/hwmon/hwmon0");
    fs::create_dir_all(&chip).unwrap();
    fs::create_dir_all(machine.join("proc")).unwrap();
    fs::write(machine.join("proc/loadavg"), "1.00 0.50 0.25 1/1 1\n").unwrap();
    let sensor = chip.join("temp1_input");
    let made = Command::new("mkfifo").arg(&sensor).status();
    assert!(made.is_ok_and(|made| made.success()), "install `mkfifo` (Debian: coreutils)");

    let clock = Arc::new(ManualClock::new());
    let options = HardwareOptions::new()
        .with_probes(ProbeSet::from_iter([ProbeName::Host, ProbeName::Temperature]))
        .with_roots(Roots::under(&machine))
        .with_clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .with_deadline(Duration::from_secs(5));
    let hardware = Hardware::with_options(options);
    let hung = thread::spawn({
        let hardware = hardware.clone();
        move || hardware.refresh_probe(ProbeName::Temperature)
    });
    // It counts as down once it was asked and the deadline has passed; that is by our clock.
    let down = "aios_metrics_probe_up{probe=\"temperature\"} 0";
    let begun = Instant::now();
    while !page(&hardware).contains(down) {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is never marked down");
        clock.advance(Duration::from_secs(1));
        thread::yield_now();
    }
    // All of this returns while it hangs.
    hardware.refresh();
    assert!(page(&hardware).contains("node_load1 1\n"));
    assert_eq!(Section::read(&hardware).unwrap()["cpu"]["load1m"], 1.0);
    assert!(!hung.is_finished());

    fs::write(&sensor, "40000\n").unwrap();
    hung.join().unwrap();
    let page = page(&hardware);
    assert!(page.contains("node_hwmon_temp_celsius{chip=\"hwmon_0\",sensor=\"temp1\"} 40\n"), "{page}");
    assert!(page.contains("aios_metrics_probe_up{probe=\"temperature\"} 1"), "{page}");
}
