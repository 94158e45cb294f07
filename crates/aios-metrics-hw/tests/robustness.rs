//! Files that are cut off, full of garbage or huge: each figure is what it was or absent, and no
//! probe panics.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use aios_metrics_core::{PrometheusText, Registry};
use aios_metrics_hw::{Hardware, HardwareOptions, ProbeSet, Roots};

const MACHINES: [&str; 5] = ["normal", "cgroup-v2", "cgroup-v2-namespace", "cgroup-v1", "cgroup-hybrid"];
const PROBES: [&str; 6] = ["process", "container", "host", "disk", "network", "temperature"];

/// The samples that a new `Hardware` finds on the machine, as lines of the page.
fn samples(machine: &Path) -> BTreeSet<String> {
    let options = HardwareOptions::new()
        .with_probes(ProbeSet::from_names(PROBES).unwrap())
        .with_roots(Roots::under(machine));
    let hardware = Hardware::with_options(options);
    // The second time with what it kept from the first.
    hardware.refresh();
    hardware.refresh();
    let registry = Registry::new();
    registry.register(hardware).unwrap();
    let mut page = Vec::new();
    registry.encode(&PrometheusText, &mut page);
    let page = String::from_utf8(page).unwrap();
    let samples = page.lines().filter(|line| !line.starts_with("# ") && !line.contains("probe_up"));
    samples.map(str::to_owned).collect()
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
    texts: impl Fn(&[u8]) -> Vec<Vec<u8>>,
    check: impl Fn(&Path, &BTreeSet<String>, &BTreeSet<String>),
) {
    for name in MACHINES {
        let (folder, files) = machine(name, test);
        let whole = samples(&folder);
        assert!(whole.len() > 10, "{name}: {whole:?}");
        for file in files {
            let original = fs::read(&file).unwrap();
            for text in texts(&original) {
                fs::write(&file, text).unwrap();
                check(&file, &whole, &samples(&folder));
            }
            fs::write(&file, original).unwrap();
        }
        assert_eq!(samples(&folder), whole, "{name} is as it was");
    }
}

fn nothing_new(file: &Path, whole: &BTreeSet<String>, found: &BTreeSet<String>) {
    let new: Vec<_> = found.difference(whole).collect();
    assert!(new.is_empty(), "{} gave {new:?}", file.display());
}

#[test]
fn a_file_that_is_cut_off_gives_no_other_figure() {
    let cuts = |text: &[u8]| {
        let step = (text.len() / 24).max(1);
        (0..text.len()).step_by(step).chain([text.len() - 1]).map(|end| text[..end].to_vec()).collect()
    };
    replace_each("cut", |text| if text.is_empty() { Vec::new() } else { cuts(text) }, nothing_new);
}

#[test]
fn a_file_of_garbage_gives_no_figure() {
    let garbage = |_: &[u8]| {
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
    let huge = |_: &[u8]| vec![b"9 ".repeat(600_000), b"x\n".repeat(600_000)];
    replace_each("huge", huge, nothing_new);
}
