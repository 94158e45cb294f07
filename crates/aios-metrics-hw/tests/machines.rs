//! Machines are folders: what is read from each tree in `fixtures`, compared whole with what should
//! be found there.
//!
//! `reading.txt` is a reading's `{:#?}` less the lines of absent figures, `page.txt` the page,
//! `hardware.json` the document's object (null: none). `UPDATE_GOLDEN=1` writes them anew.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::{Clock, Documents, Identity, ManualClock, PrometheusText, Registry, Section};
use aios_metrics_hw::{Hardware, HardwareOptions, ProbeError, ProbeName, ProbeSet, Roots};
use serde_json::Value;

/// Tests run in the crate's folder, so that errors in golden files hold paths of any checkout.
fn fixture(machine: &str) -> PathBuf {
    Path::new("tests/fixtures").join(machine)
}

fn with_probes(folder: &Path, probes: &[&str]) -> Hardware {
    let probes = ProbeSet::from_names(probes).unwrap();
    Hardware::with_options(HardwareOptions::new().with_probes(probes).with_roots(Roots::under(folder)))
}

/// Process and host.
fn read(folder: &Path) -> Hardware {
    let hardware = with_probes(folder, &["process", "host"]);
    hardware.refresh();
    hardware
}

fn page(hardware: &Hardware) -> String {
    let registry = Registry::new();
    registry.register(hardware.clone()).unwrap();
    let mut page = Vec::new();
    registry.encode(&PrometheusText, &mut page);
    String::from_utf8(page).unwrap()
}

fn check(machine: &str, probes: &[&str]) {
    let hardware = with_probes(&fixture(machine), probes);
    hardware.refresh();
    let reading = format!("{:#?}\n", hardware.reading());
    let known = reading.split_inclusive('\n').filter(|line| !line.ends_with(": None,\n")).collect();
    let json = serde_json::to_string_pretty(&Section::read(&hardware)).unwrap() + "\n";
    for (name, text) in [("reading.txt", known), ("page.txt", page(&hardware)), ("hardware.json", json)] {
        let golden = fixture(machine).join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(&golden).unwrap(), "{}", golden.display());
    }
}

/// What a process and its machine are like, whatever the container.
const PLAIN: &[&str] = &["process", "host"];
/// All of a machine but the process, of which the machines for this have no files.
const CONTAINED: &[&str] = &["container", "host", "disk", "network", "temperature"];

#[test]
fn limits_of_version_2_hold_for_all_groups_inside() {
    check("cgroup-v2", CONTAINED);
}

#[test]
fn a_namespace_shows_its_own_group_as_the_root() {
    check("cgroup-v2-namespace", CONTAINED);
}

#[test]
fn version_1_with_mounts_of_the_containers_own_group() {
    check("cgroup-v1", CONTAINED);
}

#[test]
fn version_1_with_groups_in_each_other() {
    check("cgroup-v1-nested", CONTAINED);
}

#[test]
fn both_versions_beside_each_other() {
    check("cgroup-hybrid", CONTAINED);
}

#[test]
fn a_limit_above_the_machines_memory_is_none_and_hundreds_of_mounts_hide_nothing() {
    check("limit-above-memory", CONTAINED);
}

#[test]
fn the_root_of_all_groups_is_no_container() {
    check("no-container", CONTAINED);
}

#[test]
fn a_machine_as_it_should_be() {
    check("normal", PLAIN);
}

#[test]
fn a_command_name_that_looks_like_fields() {
    check("odd-name", PLAIN);
}

#[test]
fn a_kernel_that_does_not_tell_the_available_memory() {
    check("old-kernel", PLAIN);
}

#[test]
fn a_sandbox_with_few_files() {
    check("missing", PLAIN);
}

#[test]
fn files_that_end_inside_of_a_figure() {
    check("truncated", PLAIN);
}

#[test]
fn files_of_garbage() {
    check("garbage", PLAIN);
}

#[test]
fn a_machine_that_is_not_there() {
    let hardware = read(&fixture("nowhere"));
    let reading = hardware.reading();
    assert_eq!((reading.process, reading.host), Default::default());
    let problem = |at: usize| reading.probes[at].problem.as_ref().unwrap().to_string();
    assert_eq!(problem(0), "can't read tests/fixtures/nowhere/proc/self/stat: entity not found");
    assert_eq!(problem(1), "can't read tests/fixtures/nowhere/proc/loadavg: entity not found");
    assert_eq!(Section::read(&hardware), None);
}

/// A copy of a machine that a test may change.
struct Copy(PathBuf);

impl Copy {
    fn of(machine: &str, test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = fs::remove_dir_all(&folder);
        copy(&fixture(machine), &folder);
        Self(folder)
    }

    /// A container of version 2 and a process in it.
    fn of_contained_process(test: &str) -> Self {
        let copied = Self::of("normal", test);
        copy(&fixture("cgroup-v2"), &copied.0);
        copied
    }

    /// Replaces a text that stands once in a file.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.0.join("proc").join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {file}");
        fs::write(path, text.replace(from, to)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn cpu_use_is_over_the_interval_between_readings() {
    let machine = Copy::of("normal", "cpu-use");
    let clock = Arc::new(ManualClock::new());
    let options = HardwareOptions::new()
        .with_probes(ProbeSet::from_names(PLAIN).unwrap())
        .with_roots(Roots::under(&machine.0))
        .with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let hardware = Hardware::with_options(options);
    let percents = || {
        hardware.refresh();
        let reading = hardware.reading();
        (reading.process.cpu_percent, reading.host.cpu_percent)
    };
    assert_eq!(percents(), (None, None), "the first reading has no interval");
    assert_eq!(percents(), (None, None), "nor has one that follows at once");

    // 4 s on 4 cores are 1,600 ticks; the process has 500 of them, its neighbours 100.
    machine.edit("self/stat", " 15230 2470 ", " 15630 2570 ");
    machine.edit("stat", "cpu  401230 1200 150340 9000400 ", "cpu  401730 1200 150440 9001400 ");
    clock.advance(Duration::from_secs(4));
    assert_eq!(percents(), (Some(125.0), Some(37.5)));
    let section = Section::read(&hardware).unwrap();
    assert_eq!(
        (&section["cpu"]["percent"], &section["process"]["cpuPercent"]),
        (&125.0.into(), &125.0.into())
    );
    let page = page(&hardware);
    for line in ["process_cpu_usage_ratio 1.25", "node_cpu_usage_ratio 0.375"] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }

    // A counter that can't be right gives no figure, and spoils only its own interval.
    machine.edit("self/stat", " 15630 2570 ", " 1 1 ");
    clock.advance(Duration::from_secs(1));
    assert_eq!(percents(), (None, None));
    machine.edit("self/stat", " 1 1 ", " 51 51 ");
    clock.advance(Duration::from_secs(1));
    assert_eq!(percents().0, Some(100.0));
}

#[test]
fn a_limit_that_can_not_be_read_is_not_replaced_by_the_machines_memory() {
    let machine = Copy::of("cgroup-v2", "unreadable-limit");
    let pod = machine.0.join("sys/fs/cgroup/kubepods.slice/pod1.slice");
    let hardware = with_probes(&machine.0, CONTAINED);
    hardware.refresh();
    let section = Section::read(&hardware).unwrap();
    assert_eq!(
        (&section["memory"]["totalMem"], &section["memory"]["freeMem"]),
        (&2_048.0.into(), &256.0.into())
    );
    // Cut off, so that it may have been any number.
    fs::write(pod.join("memory.max"), "21474").unwrap();
    hardware.refresh();
    let section = Section::read(&hardware).unwrap();
    assert_eq!(section.get("memory"), None, "{section}");
    assert!(hardware.reading().container.is_memory_limit_unknown);
    assert_eq!(section["container"]["usedMem"], 1_024.0);

    // Without the neighbours' use it is not known what is left.
    fs::write(pod.join("memory.max"), "2147483648\n").unwrap();
    fs::write(pod.join("memory.current"), "").unwrap();
    hardware.refresh();
    let expected = serde_json::json!({"totalMem": 2_048.0, "usedMem": 1_024.0, "averageUtil": 50.0});
    assert_eq!(Section::read(&hardware).unwrap()["memory"], expected);
}

#[test]
fn cpu_use_that_can_not_be_read_is_not_replaced_by_this_process() {
    let machine = Copy::of_contained_process("unreadable-cpu");
    let clock = Arc::new(ManualClock::new());
    let options = HardwareOptions::new()
        .with_probes(ProbeSet::from_names(["process", "container"]).unwrap())
        .with_roots(Roots::under(&machine.0))
        .with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let hardware = Hardware::with_options(options);
    let percents = || {
        clock.advance(Duration::from_secs(1));
        hardware.refresh();
        let section = Section::read(&hardware).unwrap();
        (section["process"]["cpuPercent"].clone(), section["cpu"]["percent"].clone())
    };
    percents();
    assert_eq!(percents(), (0.0.into(), 0.0.into()));
    let group = machine.0.join("sys/fs/cgroup/kubepods.slice/pod1.slice/app");
    fs::write(group.join("cpu.stat"), "usage_usec").unwrap();
    assert_eq!(percents(), (0.0.into(), Value::Null));
    // Nor when it can't be told which group it is.
    fs::write(machine.0.join("proc/self/cgroup"), "0::/kube").unwrap();
    assert_eq!(percents(), (0.0.into(), Value::Null));
    let [_, container] = &hardware.reading().probes[..] else { panic!("two probes") };
    let problem = container.problem.as_ref().unwrap().to_string();
    assert!(problem.starts_with("no control groups in ") && problem.ends_with("/cgroup"), "{problem}");
}

#[test]
fn a_group_that_is_mounted_later_is_found_then() {
    let machine = Copy::of("cgroup-v2", "mounted-later");
    let mountinfo = machine.0.join("proc/self/mountinfo");
    let whole = fs::read_to_string(&mountinfo).unwrap();
    fs::write(&mountinfo, whole.lines().next().unwrap().to_owned() + "\n").unwrap();
    let hardware = with_probes(&machine.0, &["container"]);
    hardware.refresh();
    let reading = hardware.reading();
    assert_eq!(reading.container.cpu_seconds, None);
    let problem = reading.probes[0].problem.as_ref().unwrap().to_string();
    assert!(problem.starts_with("no mount of the control group in "), "{problem}");

    fs::write(&mountinfo, whole).unwrap();
    hardware.refresh();
    let reading = hardware.reading();
    assert_eq!((reading.container.cpu_seconds, &reading.probes[0].problem), (Some(12.5), &None));
}

#[test]
fn a_node_full_of_containers_hides_no_group() {
    let machine = Copy::of("cgroup-v2", "long-mountinfo");
    let mountinfo = machine.0.join("proc/self/mountinfo");
    let layers = "/var/lib/containerd/snapshots/1234/fs:".repeat(80);
    let overlay = format!("99 1 0:99 / /run/rootfs rw - overlay overlay rw,lowerdir={layers}\n");
    let long = overlay.repeat(400) + &fs::read_to_string(&mountinfo).unwrap();
    assert!(long.len() > 1 << 20);
    fs::write(mountinfo, long).unwrap();
    let hardware = with_probes(&machine.0, &["container"]);
    hardware.refresh();
    assert_eq!(hardware.reading().container.memory_limit_bytes, Some(2 << 30));
    assert!(hardware.reading().probes[0].is_up());
}

#[test]
fn a_kernel_without_control_groups_has_no_container() {
    let hardware = with_probes(&fixture("normal"), &["process", "container", "host"]);
    hardware.refresh();
    let reading = hardware.reading();
    assert_eq!(reading.container, Default::default());
    assert!(reading.probes.iter().all(|status| status.is_up()), "{:?}", reading.probes);
    assert!(Section::read(&hardware).unwrap()["memory"]["totalMem"].is_number(), "the machine's");
}

#[test]
fn cpu_time_that_the_kernel_takes_back_stands_still() {
    let machine = Copy::of("normal", "cpu-time-taken-back");
    let clock = Arc::new(ManualClock::new());
    let options = HardwareOptions::new()
        .with_probes(ProbeSet::from_names(["host"]).unwrap())
        .with_roots(Roots::under(&machine.0))
        .with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let hardware = Hardware::with_options(options);
    let read = || {
        clock.advance(Duration::from_secs(1));
        hardware.refresh();
        let host = hardware.reading().host;
        let times = host.cpu_times.unwrap();
        (times.user, times.idle, host.cpu_percent)
    };
    assert_eq!(read(), (4_012.3, 90_004.0, None));
    // Two seconds of idle time are found to have been none; one second was used meanwhile.
    machine.edit("stat", "cpu  401230 1200 150340 9000400 ", "cpu  401330 1200 150340 9000200 ");
    assert_eq!(read(), (4_013.3, 90_004.0, Some(100.0)));
    machine.edit("stat", "cpu  401330 1200 150340 9000200 ", "cpu  401430 1200 150340 9000500 ");
    assert_eq!(read(), (4_014.3, 90_005.0, Some(50.0)));
    // A total that begins anew does so.
    machine.edit("stat", "cpu  401430 1200 150340 9000500 ", "cpu  402430 1200 150340 9000000 ");
    assert_eq!(read(), (4_024.3, 90_000.0, Some(100.0)));
}

#[test]
fn the_start_stands_still_when_the_clock_is_set() {
    let machine = Copy::of("normal", "boot-time");
    let hardware = read(&machine.0);
    let start = hardware.reading().process.start_time_seconds;
    assert_eq!(start, Some(1_700_001_141.34));
    machine.edit("stat", "btime 1700000000", "btime 1700000003");
    hardware.refresh();
    assert_eq!(hardware.reading().process.start_time_seconds, start);
}

#[test]
fn a_figure_goes_when_it_can_no_longer_be_read_and_comes_back() {
    let machine = Copy::of("normal", "goes-and-comes");
    let hardware = read(&machine.0);
    let whole = hardware.reading();
    assert!(whole.probes.iter().all(|status| status.is_up()));

    let (status, aside) = (machine.0.join("proc/self/status"), machine.0.join("proc/self/aside"));
    fs::rename(&status, &aside).unwrap();
    hardware.refresh();
    let reading = hardware.reading();
    assert_eq!(reading.process.resident_bytes, None);
    assert_eq!(reading.process.threads, whole.process.threads, "other figures stay");
    let [process, host] = &reading.probes[..] else { panic!("two probes") };
    assert_eq!((process.name, host.name), (ProbeName::Process, ProbeName::Host));
    assert!(matches!(&process.problem, Some(ProbeError::Unreadable { path, .. }) if *path == status));
    assert!(host.is_up());

    fs::rename(&aside, &status).unwrap();
    hardware.refresh();
    assert_eq!(hardware.reading(), whole);
}

#[test]
fn readers_take_the_latest_reading_and_touch_no_file() {
    let machine = Copy::of("normal", "no-files");
    let hardware = read(&machine.0);
    let (reading, section, page_before) = (hardware.reading(), Section::read(&hardware), page(&hardware));
    fs::remove_dir_all(&machine.0).unwrap();
    assert_eq!(hardware.reading(), reading);
    assert_eq!(Section::read(&hardware), section);
    assert_eq!(page(&hardware), page_before);
    assert_eq!(hardware.clone().reading(), reading, "clones share it");
}

#[test]
fn only_chosen_probes_are_read() {
    let hardware = Hardware::with_probes(&["host"]).unwrap();
    assert_eq!(hardware.probes().collect::<Vec<_>>(), [ProbeName::Host]);
    hardware.refresh_probe(ProbeName::Process);
    assert_eq!(hardware.reading(), Default::default());
    hardware.refresh();
    let reading = hardware.reading();
    assert_eq!(reading.process, Default::default());
    assert!(reading.host.load1.is_some());
    assert_eq!(Section::read(&hardware).unwrap().get("process"), None);
}

#[test]
fn before_the_first_reading_the_page_has_no_figure() {
    let page = page(&Hardware::new());
    assert!(page.lines().all(|line| line.starts_with("# ")), "{page}");
}

#[test]
fn the_document_has_the_object_under_its_key() {
    let hardware = read(&fixture("normal"));
    let registry = Registry::new();
    registry.register(hardware.clone()).unwrap();
    let document = Documents::new(Arc::new(registry), Identity::new("block", "instance", "node"))
        .with_section(Arc::new(hardware.clone()))
        .collect();
    assert_eq!(document.hardware(), Section::read(&hardware).as_ref());
    assert_eq!(document.sample("process_threads", &[]), Some(24.0));
    assert_eq!(document.sample("aios_metrics_probe_up", &[("probe", "host")]), Some(1.0));
}
