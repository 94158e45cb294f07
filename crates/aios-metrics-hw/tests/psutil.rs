//! What is read of the running system, compared with what Python's `psutil` reads of it while a
//! known load runs.
//!
//! `psutil` is asked right before and right after each of our readings: a total must lie between
//! its two answers, give or take a stated tolerance. One test, so that no other is part of the load.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::env;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use aios_metrics_hw::{Hardware, Reading};
use serde_json::Value;

const MB: f64 = 1_048_576.0;

/// Answers each line with what it reads of us and of the machine.
const SCRIPT: &str = "
import json, sys, psutil
process = psutil.Process(int(sys.argv[1]))
for _ in sys.stdin:
    with process.oneshot():
        cpu, memory, io = process.cpu_times(), process.memory_info(), process.io_counters()
        own = dict(cpu=cpu.user + cpu.system, rss=memory.rss, vms=memory.vms, threads=process.num_threads(),
                   fds=process.num_fds(), read=io.read_bytes, written=io.write_bytes,
                   start=process.create_time(), voluntary=process.num_ctx_switches().voluntary)
    memory, swap, root = psutil.virtual_memory(), psutil.swap_memory(), psutil.disk_usage('/')
    print(json.dumps(dict(
        own=own, load=psutil.getloadavg(), cpus=psutil.cpu_count(), times=psutil.cpu_times()._asdict(),
        memory=memory._asdict(), swap=swap._asdict(), root_filesystem=root._asdict(),
        disks={name: disk._asdict() for name, disk in psutil.disk_io_counters(perdisk=True).items()},
        networks={name: net._asdict() for name, net in psutil.net_io_counters(pernic=True).items()},
    )), flush=True)
";

struct Psutil {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Psutil {
    fn start() -> Self {
        let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/bin/python");
        let python = env::var_os("AIOS_METRICS_PYTHON").map_or_else(default, PathBuf::from);
        let help = format!(
            "{} can't import psutil; `cargo xtask setup` makes a Python that can, or AIOS_METRICS_PYTHON names one",
            python.display()
        );
        let import = Command::new(&python).args(["-c", "import psutil"]).stderr(Stdio::null()).status();
        assert!(import.is_ok_and(|status| status.success()), "{help}");
        let mut child = Command::new(&python)
            .args(["-c", SCRIPT, &std::process::id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (ask, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, ask, answers }
    }

    fn read(&mut self) -> Value {
        self.ask.write_all(b"?\n").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn end(mut self) {
        drop(self.ask);
        self.child.wait().unwrap();
    }
}

/// Our reading and the two around it.
struct Sample {
    before: Value,
    ours: Reading,
    after: Value,
}

impl Sample {
    fn take(psutil: &mut Psutil, hardware: &Hardware) -> Self {
        let before = psutil.read();
        hardware.refresh();
        Self { before, ours: hardware.reading(), after: psutil.read() }
    }

    /// Our figure lies between the two, or at most `tolerance` outside of them.
    fn within(&self, what: &str, ours: Option<f64>, tolerance: f64) {
        let [a, b] = [&self.before, &self.after].map(|value| {
            let found = value.pointer(what).and_then(Value::as_f64);
            found.unwrap_or_else(|| panic!("psutil tells no {what}"))
        });
        let ours = ours.unwrap_or_else(|| panic!("we tell no {what}"));
        let fits = ours >= a.min(b) - tolerance && ours <= a.max(b) + tolerance;
        assert!(fits, "{what}: {ours} is not within {a} and {b}, give or take {tolerance}");
    }

    fn check(&self) {
        let (process, host) = (&self.ours.process, &self.ours.host);
        let float = |figure: Option<u64>| figure.map(|figure| figure as f64);
        // Times are in steps of 0.01 s.
        self.within("/own/cpu", process.cpu_seconds, 0.02);
        // The kernel's quick counters of memory lag by some pages per CPU.
        self.within("/own/rss", float(process.resident_bytes), 4.0 * MB);
        self.within("/own/vms", float(process.virtual_bytes), 0.0);
        self.within("/own/threads", float(process.threads), 0.0);
        self.within("/own/fds", float(process.open_fds), 0.0);
        self.within("/own/read", float(process.storage_read_bytes), 0.0);
        self.within("/own/written", float(process.storage_written_bytes), 0.0);
        // It works the machine's start out of the clock, we take the kernel's whole seconds.
        self.within("/own/start", process.start_time_seconds, 2.0);
        // It tells those of the first thread, we those of all.
        let first = self.before["own"]["voluntary"].as_u64().unwrap();
        assert!(process.voluntary_context_switches.unwrap() >= first);

        for (at, load) in [host.load1, host.load5, host.load15].into_iter().enumerate() {
            self.within(&format!("/load/{at}"), load, 0.01);
        }
        self.within("/cpus", float(host.cpus), 0.0);
        let times = host.cpu_times.unwrap();
        // The kernel adds the CPUs up one after the other, and takes idle time back at times.
        for (mode, seconds) in [
            ("user", Some(times.user)),
            ("nice", Some(times.nice)),
            ("system", Some(times.system)),
            ("idle", Some(times.idle)),
            ("iowait", times.iowait),
            ("softirq", times.softirq),
        ] {
            self.within(&format!("/times/{mode}"), seconds, 0.2);
        }
        self.within("/memory/total", float(host.memory_total_bytes), 0.0);
        self.within("/swap/total", float(host.swap_total_bytes), 0.0);
        // Neighbours take and give in between.
        self.within("/memory/available", float(host.memory_available_bytes), 512.0 * MB);
        self.within("/memory/free", float(host.memory_free_bytes), 512.0 * MB);

        let root = self.ours.filesystems.iter().find(|filesystem| &*filesystem.mount_point == "/");
        if let Some(root) = root {
            self.within("/root_filesystem/total", Some(root.size_bytes as f64), 0.0);
            self.within("/root_filesystem/free", Some(root.available_bytes as f64), 512.0 * MB);
        }
        for disk in &self.ours.disks {
            let figure = |name: &str| format!("/disks/{}/{name}", disk.device);
            self.within(&figure("read_bytes"), Some(disk.read_bytes as f64), 0.0);
            self.within(&figure("write_bytes"), Some(disk.written_bytes as f64), 0.0);
            self.within(&figure("write_count"), disk.writes.map(|writes| writes as f64), 0.0);
        }
        for network in &self.ours.networks {
            let figure = |name: &str| format!("/networks/{}/{name}", network.device);
            self.within(&figure("bytes_recv"), Some(network.receive.bytes as f64), 0.0);
            self.within(&figure("bytes_sent"), Some(network.transmit.bytes as f64), 0.0);
        }
    }
}

#[test]
fn figures_are_psutils_while_a_known_load_runs() {
    let hardware = Hardware::new();
    let mut psutil = Psutil::start();
    let first = Sample::take(&mut psutil, &hardware);
    first.check();

    burn(Duration::from_secs(3));
    let burnt = Sample::take(&mut psutil, &hardware);
    burnt.check();
    let seconds = burnt.ours.process.cpu_seconds.unwrap() - first.ours.process.cpu_seconds.unwrap();
    assert!((2.98..3.5).contains(&seconds), "{seconds} s of CPU time for 3");

    let memory = black_box(vec![1_u8; 500 << 20]);
    let filled = Sample::take(&mut psutil, &hardware);
    filled.check();
    let resident = |sample: &Sample| sample.ours.process.resident_bytes.unwrap() as f64;
    let grown = (resident(&filled) - resident(&burnt)) / MB;
    assert!((490.0..520.0).contains(&grown), "{grown} MB for 500");
    let faults = |sample: &Sample| sample.ours.process.minor_page_faults.unwrap();
    assert!(faults(&filled) > faults(&burnt), "memory is there when it is touched first");
    drop(black_box(memory));

    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("psutil-load");
    let mut file = File::create(&path).unwrap();
    let megabyte = vec![7_u8; 1 << 20];
    for _ in 0..200 {
        file.write_all(&megabyte).unwrap();
    }
    file.sync_all().unwrap();
    let written = Sample::take(&mut psutil, &hardware);
    drop(file);
    fs::remove_file(path).unwrap();
    written.check();
    let bytes = |sample: &Sample| sample.ours.process.storage_written_bytes.unwrap() as f64;
    let grown = (bytes(&written) - bytes(&filled)) / MB;
    // Where the folder is in memory nothing goes to storage.
    assert!((200.0..201.0).contains(&grown) || grown == 0.0, "{grown} MB for 200");
    psutil.end();
}

/// Until the scheduler has counted so much for this thread.
fn burn(time: Duration) {
    let used = || {
        let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
    };
    let begun = used();
    while used() - begun < time {
        black_box((0..200_000_u64).fold(0, |sum, at| sum ^ black_box(at)));
    }
}
