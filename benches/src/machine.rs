//! What was measured on, and how quiet it was.

use std::fs;
use std::process::Command;

/// Processor, system and compiler, as one phrase.
#[must_use]
pub fn description(cores: usize) -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let cpu = cpu.map_or("an unknown processor", |(_, model)| model.trim());
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let rustc = rustc.split('(').next().unwrap_or_default().trim();
    format!("{cpu}, {cores} cores, {} {}, {rustc}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The part of the machine that other processes had since then, as the rest of a sentence, with a warning where it
/// was much.
#[must_use]
pub fn others_since(start: Option<Ticks>) -> String {
    let others = start.zip(Ticks::now()).map(|(start, end)| end.others_since(start));
    let part = others.map_or("an unknown part".to_owned(), |others| format!("{:.0} %", others * 100.0));
    let warning =
        if others.is_some_and(|others| others > BUSY) { " **That is too much to trust them.**" } else { "" };
    format!("other processes had {part} of it.{warning}")
}

/// The part of the machine that others may have before the page warns of it.
const BUSY: f64 = 0.1;

/// The crates with the versions that the lock file names; they are the ones that were built.
#[must_use]
pub fn versions(crates: &[&str]) -> String {
    let lock = include_str!("../Cargo.lock");
    let version = |name: &str| {
        let entry = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).map_or("", |(_, rest)| rest);
        entry.split('"').next().unwrap_or_default()
    };
    let versions: Vec<String> = crates.iter().map(|name| format!("{name} {}", version(name))).collect();
    versions.join(", ")
}

/// Processor time up to now, in ticks: of the whole machine, idle or not; spent by anybody; spent by us and by
/// those of our processes that have ended.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    all: u64,
    busy: u64,
    ours: u64,
}

impl Ticks {
    /// Reads them; nothing where there is no `/proc`.
    #[must_use]
    pub fn now() -> Option<Self> {
        let machine = fs::read_to_string("/proc/stat").ok()?;
        let fields = machine.lines().next()?.split_whitespace().skip(1).take(8);
        let fields: Vec<u64> = fields.map(|field| field.parse().unwrap_or_default()).collect();
        // The fourth and fifth are idle and waiting for a disk.
        let all: u64 = fields.iter().sum();
        let idle = fields.get(3)? + fields.get(4)?;
        let process = fs::read_to_string("/proc/self/stat").ok()?;
        // The name in brackets may hold anything; after it, utime, stime and those of children that we waited for
        // are the 12th to 15th.
        let fields = process.rsplit_once(')')?.1.split_whitespace().skip(11).take(4);
        let ours = fields.map(|field| field.parse::<u64>().unwrap_or_default()).sum();
        Some(Self { all, busy: all - idle, ours })
    }

    /// The part of the machine that others had since then, from 0 to 1.
    #[must_use]
    pub fn others_since(self, start: Self) -> f64 {
        let others = (self.busy - start.busy).saturating_sub(self.ours - start.ours);
        others as f64 / (self.all - start.all).max(1) as f64
    }
}
