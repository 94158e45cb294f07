//! Figures of a control group made by the test: limits, throttling, and a child killed for memory.
//!
//! It takes root and a tree of control groups that may be written to; elsewhere it is reported as
//! not run.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::env;
use std::fs;
use std::hint::black_box;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use aios_metrics_core::Section;
use aios_metrics_hw::{Hardware, ProbeName};
use serde_json::Value;

const MIB: u64 = 1 << 20;
const ROLE: &str = "AIOS_METRICS_CONTAINER_TEST_ROLE";

/// The groups that a child is put into: an inner one in an outer one, in each hierarchy.
struct Groups {
    inner: Vec<PathBuf>,
    version: u8,
}

impl Groups {
    fn make() -> io::Result<Self> {
        let name = format!("aios-metrics-test-{}", std::process::id());
        let top = Path::new("/sys/fs/cgroup");
        let is_v1 = top.join("memory/memory.limit_in_bytes").exists();
        let tops: Vec<PathBuf> = if is_v1 {
            ["cpu", "cpuacct", "memory", "pids", "unified"].map(|part| top.join(part)).into_iter().collect()
        } else {
            vec![top.to_owned()]
        };
        let mut groups = Self { inner: Vec::new(), version: if is_v1 { 1 } else { 2 } };
        for top in tops.iter().filter(|top| top.join("cgroup.procs").exists()) {
            let outer = top.join(&name);
            if !is_v1 {
                fs::write(top.join("cgroup.subtree_control"), "+cpu +memory +pids")?;
            }
            fs::create_dir(&outer)?;
            if !is_v1 {
                fs::write(outer.join("cgroup.subtree_control"), "+cpu +memory +pids")?;
            }
            groups.inner.push(outer.join("inner"));
            fs::create_dir(outer.join("inner"))?;
        }
        groups.limit()?;
        Ok(groups)
    }

    /// The outer group has the tighter limit on memory and tasks, the inner one on CPU time.
    fn limit(&self) -> io::Result<()> {
        let write = |is_outer: bool, file: &str, text: String| {
            for inner in &self.inner {
                let folder = if is_outer { inner.parent().unwrap() } else { inner };
                if folder.join(file).exists()
                    && !(self.version == 1 && folder.starts_with("/sys/fs/cgroup/unified"))
                {
                    return fs::write(folder.join(file), text);
                }
            }
            Err(io::Error::new(io::ErrorKind::NotFound, file.to_owned()))
        };
        if self.version == 1 {
            write(true, "memory.limit_in_bytes", (128 * MIB).to_string())?;
            write(false, "memory.limit_in_bytes", (256 * MIB).to_string())?;
            write(true, "cpu.cfs_quota_us", "50000".to_owned())?;
            write(false, "cpu.cfs_quota_us", "30000".to_owned())?;
        } else {
            write(true, "memory.max", (128 * MIB).to_string())?;
            write(false, "memory.max", (256 * MIB).to_string())?;
            write(true, "cpu.max", "50000 100000".to_owned())?;
            write(false, "cpu.max", "30000 100000".to_owned())?;
        }
        // Without this the victim would be moved out to disk instead of killed, where there is room.
        let _ = write(true, "memory.swap.max", "0".to_owned());
        let _ = write(false, "memory.swappiness", "0".to_owned());
        // Not every kernel counts tasks.
        let _ = write(true, "pids.max", "64".to_owned());
        Ok(())
    }

    /// Runs this program again as one of the children below, inside of the groups.
    fn run(&self, role: &str) -> Output {
        let procs =
            self.inner.iter().map(|group| format!("echo $$ > '{}/cgroup.procs' && ", group.display()));
        let script = procs.chain(["exec \"$0\" --exact child --nocapture".to_owned()]).collect::<String>();
        let own = env::current_exe().unwrap();
        Command::new("sh").args(["-c", &script]).arg(own).env(ROLE, role).output().unwrap()
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for inner in &self.inner {
            for group in [inner, inner.parent().unwrap()] {
                // A group that a process has just left can be busy for a moment.
                let begun = Instant::now();
                while fs::remove_dir(group).is_err_and(|error| error.kind() == io::ErrorKind::ResourceBusy)
                    && begun.elapsed() < Duration::from_secs(10)
                {
                    std::thread::yield_now();
                }
            }
        }
    }
}

/// What runs inside of the groups; by itself it has nothing to do.
#[test]
fn child() {
    match env::var(ROLE).as_deref() {
        Ok("victim") => {
            black_box(vec![1_u8; 512 << 20]);
        }
        Ok("reader") => {
            let hardware = Hardware::new();
            hardware.refresh_probe(ProbeName::Host);
            hardware.refresh_probe(ProbeName::Container);
            let memory = black_box(vec![1_u8; 32 << 20]);
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(900) {
                black_box((0..20_000_u64).fold(0, |sum, at| sum ^ black_box(at)));
            }
            hardware.refresh_probe(ProbeName::Container);
            assert!(
                hardware.reading().probes.iter().all(|probe| probe.is_up()),
                "{:?}",
                hardware.reading().probes
            );
            println!("\nread: {}", Section::read(&hardware).unwrap());
            drop(black_box(memory));
        }
        _ => {}
    }
}

#[test]
fn a_group_made_here_is_read_from_inside() {
    let groups = match Groups::make() {
        Ok(groups) => groups,
        Err(error) => return println!("not run: no control groups can be made here ({error})"),
    };
    let victim = groups.run("victim");
    assert_eq!(victim.status.signal(), Some(9), "killed for memory: {victim:?}");

    let output = groups.run("reader");
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("read: "));
    let line = line.unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr)));
    let section: Value = serde_json::from_str(line).unwrap();
    let (container, memory) = (&section["container"], &section["memory"]);

    assert_eq!(container["limitMem"], 128.0, "{section}");
    assert_eq!(memory["totalMem"], 128.0, "{section}");
    let used = memory["usedMem"].as_f64().unwrap();
    assert!((32.0..=128.0).contains(&used), "{used} MB with 32 MB touched");
    let working_set = container["workingSetMem"].as_f64().unwrap();
    assert!((32.0..=used).contains(&working_set), "{section}");
    assert!(container["oomEvents"].as_u64() >= Some(1), "{section}");
    assert_eq!(container["cpuLimitCores"], 0.3, "{section}");
    // It wanted a whole core, or as much of one as its neighbours left.
    let percent = section["cpu"]["percent"].as_f64().unwrap();
    assert!(percent > 0.0 && percent < 60.0, "{percent} % with a limit of 30");
    assert!(container["periods"].as_u64() >= Some(1), "{section}");
    assert!(container["throttledPeriods"].as_u64() <= container["periods"].as_u64(), "{section}");
    if percent > 25.0 {
        assert!(container["throttledSeconds"].as_f64() > Some(0.0), "{section}");
    }
    // Pressure is in the hierarchy of version 2, also where that stands beside version 1.
    let pressure = groups.inner.iter().any(|group| fs::read(group.join("cpu.pressure")).is_ok());
    assert_eq!(container["cpuPressure"]["waitingSeconds"].is_number(), pressure, "{section}");
    if !container["maxThreads"].is_null() {
        assert_eq!(container["maxThreads"], 64, "{section}");
        assert!(container["threads"].as_u64() >= Some(2), "{section}");
    }
    println!("run: version {}: {container}", groups.version);
}
