//! Files that are cut off, full of garbage or huge: each figure is what it was or absent, and no
//! probe panics.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::{Clock, ManualClock, PrometheusText, Registry, Section};
use aios_metrics_hw::{Hardware, HardwareOptions, ProbeSet, Roots};
use serde_json::Value;

const MACHINES: [&str; 7] = [
    "normal",
    "cgroup-v2",
    "cgroup-v2-namespace",
    "cgroup-v1",
    "cgroup-hybrid",
    "limit-above-memory",
    "no-container",
];
const PROBES: [&str; 7] = ["process", "container", "host", "filesystem", "disk", "network", "temperature"];

/// What a new `Hardware` finds on the machine: lines of the page, and of the document's object each
/// figure with its path. The room of file systems is the running system's, so of them the names only.
fn figures(machine: &Path) -> BTreeSet<String> {
    let clock = Arc::new(ManualClock::new());
    let options = HardwareOptions::new()
        .with_probes(ProbeSet::from_names(PROBES).unwrap())
        .with_roots(Roots::under(machine))
        .with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let hardware = Hardware::with_options(options);
    // The second time with what it kept from the first, and with an interval.
    hardware.refresh();
    clock.advance(Duration::from_secs(1));
    hardware.refresh();
    let registry = Registry::new();
    registry.register(hardware.clone()).unwrap();
    let mut page = Vec::new();
    registry.encode(&PrometheusText, &mut page);
    let page = String::from_utf8(page).unwrap();
    let samples = page.lines().filter(|line| !line.starts_with("# ") && !line.contains("probe_up"));
    let mut figures: BTreeSet<String> = samples
        .map(|line| match line.strip_prefix("node_filesystem_").and_then(|rest| rest.rsplit_once(' ')) {
            Some((name, _value)) => name.to_owned(),
            None => line.to_owned(),
        })
        .collect();
    flatten("hardware", &Section::read(&hardware).unwrap_or_default(), &mut figures);
    figures
}

/// Places in lists are no part of a path: they move when one before goes.
fn flatten(path: &str, value: &Value, figures: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(key, value)| flatten(&format!("{path}.{key}"), value, figures));
        }
        Value::Array(list) => list.iter().for_each(|value| flatten(path, value, figures)),
        Value::Number(_) if path.starts_with("hardware.filesystems.") => {}
        value => drop(figures.insert(format!("{path} = {value}"))),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(path, to).unwrap();
        }
    }
}

/// A copy of a machine and all its files that hold figures; names of sensors don't.
fn machine(name: &str, test: &str) -> (PathBuf, Vec<PathBuf>) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test).join(name);
    let _ = fs::remove_dir_all(&folder);
    copy(&Path::new("tests/fixtures").join(name), &folder);
    let disks = "800 1 8:1 / / rw - ext4 /dev/sda1 rw\n801 1 8:2 / /data ro - xfs /dev/sda2 rw\n";
    fs::create_dir(folder.join("data")).unwrap();
    let mountinfo = folder.join("proc/self/mountinfo");
    if let Ok(text) = fs::read_to_string(&mountinfo) {
        fs::write(mountinfo, text + disks).unwrap();
    }
    let mut files = Vec::new();
    let mut folders = vec![folder.join("proc"), folder.join("sys")];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            let is_name = ["name", "type", "_label"].iter().any(|end| path.to_str().unwrap().ends_with(end));
            // How many there are is the figure.
            let is_descriptor = path.parent().unwrap().ends_with("self/fd");
            if path.is_dir() {
                folders.push(path);
            } else if !is_name && !is_descriptor {
                files.push(path);
            }
        }
    }
    files.sort();
    (folder, files)
}

/// Puts each text in the place of each file, and looks at what is found then.
fn replace_each(
    test: &str,
    texts: impl Fn(&Path, &[u8]) -> Vec<Vec<u8>>,
    check: impl Fn(&Path, &BTreeSet<String>, &BTreeSet<String>),
) {
    for name in MACHINES {
        let (folder, files) = machine(name, test);
        let whole = figures(&folder);
        assert!(whole.len() > 10, "{name}: {whole:?}");
        for file in files {
            let original = fs::read(&file).unwrap();
            for text in texts(&file, &original) {
                fs::write(&file, text).unwrap();
                check(&file, &whole, &figures(&folder));
            }
            fs::write(&file, original).unwrap();
        }
        assert_eq!(figures(&folder), whole, "{name} is as it was");
    }
}

fn nothing_new(file: &Path, whole: &BTreeSet<String>, found: &BTreeSet<String>) {
    let new: Vec<_> = found.difference(whole).collect();
    assert!(new.is_empty(), "{} gave {new:?}", file.display());
}

#[test]
fn a_file_that_is_cut_off_gives_no_other_figure() {
    let cuts = |file: &Path, text: &[u8]| {
        // Of these less whole lines are fewer disks and interfaces, of which the sums are others.
        let is_list = file.ends_with("diskstats") || file.ends_with("net/dev");
        let step = (text.len() / 24).max(1);
        let ends = (0..text.len()).step_by(step).chain(text.len().checked_sub(1));
        let cuts = ends.map(|end| text[..end].to_vec());
        cuts.filter(|cut| !is_list || !cut.ends_with(b"\n")).collect()
    };
    replace_each("cut", cuts, nothing_new);
}

#[test]
fn a_file_of_garbage_gives_no_figure() {
    let garbage = |_: &Path, _: &[u8]| {
        let bytes = (0..4_096_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        vec![bytes, vec![0; 512], b"\n\n\n".to_vec(), b" ".to_vec(), b"-1\n".to_vec(), b"nan inf\n".to_vec()]
    };
    replace_each("garbage", garbage, |file, whole, found| {
        // Here a number below zero says something.
        let may_be_below_zero =
            ["quota_us", "_input", "temp"].iter().any(|end| file.to_str().unwrap().ends_with(end));
        if !may_be_below_zero {
            nothing_new(file, whole, found);
        }
    });
}

#[test]
fn no_more_of_a_huge_file_is_read_than_a_bound() {
    let huge = |_: &Path, _: &[u8]| {
        vec![b"9 ".repeat(600_000), format!("{}\n", "x ".repeat(100)).repeat(6_000).into_bytes()]
    };
    replace_each("huge", huge, nothing_new);
}
