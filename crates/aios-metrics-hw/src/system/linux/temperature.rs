//! The temperatures: the sensors of `/sys/class/hwmon`, and where there is none the zones of
//! `/sys/class/thermal`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{File, Search};
use super::parse::devices::millidegrees;
use crate::options::Roots;
use crate::probe::{Figures, Outcome, Probe};
use crate::reading::TemperatureReading;

/// More are not looked at.
const MOST: usize = 128;

/// Reads the sensors that were there at its first reading: looking for them takes much longer than
/// asking them.
pub(crate) struct TemperatureProbe {
    class: PathBuf,
    sensors: Option<Vec<Sensor>>,
}

struct Sensor {
    chip: Arc<str>,
    name: Arc<str>,
    file: File,
}

impl TemperatureProbe {
    pub(crate) fn new(roots: &Roots) -> Self {
        Self { class: roots.sys.join("class"), sensors: None }
    }
}

impl Probe for TemperatureProbe {
    fn read(&mut self) -> Outcome {
        let mut search = Search::new();
        let sensors = self.sensors.get_or_insert_with(|| find(&self.class));
        let mut readings = Vec::new();
        for Sensor { chip, name, file } in sensors {
            // A sensor of a device that sleeps answers with an error, which is no problem of ours.
            let Some(text) = search.open_if_willing(file) else { continue };
            if let Some(degrees) = search.figure("temperature", millidegrees(text)) {
                let (chip, sensor) = (Arc::clone(chip), Arc::clone(name));
                readings.push(TemperatureReading { chip, sensor, celsius: degrees as f64 / 1e3 });
            }
        }
        Outcome { figures: Figures::Temperatures(readings), problem: search.into_problem() }
    }
}

fn find(class: &Path) -> Vec<Sensor> {
    let mut sensors = Vec::new();
    for (number, chip) in numbered(&class.join("hwmon"), "hwmon") {
        let chip_name = named(&chip.join("name"), "hwmon", number);
        for (sensor, input) in inputs(&chip) {
            let label = word(&chip.join(format!("{sensor}_label"))).unwrap_or(sensor);
            sensors.push((Arc::clone(&chip_name), label, input));
        }
    }
    if sensors.is_empty() {
        for (number, zone) in numbered(&class.join("thermal"), "thermal_zone") {
            let chip = named(&zone.join("type"), "thermal_zone", number);
            sensors.push((chip, "temp".to_owned(), zone.join("temp")));
        }
    }
    let mut found: Vec<Sensor> = Vec::new();
    for (chip, name, input) in sensors.into_iter().take(MOST) {
        // Labels need not differ, series must.
        let is_taken = |name: &str| found.iter().any(|other| other.chip == chip && &*other.name == name);
        let unique = (2..).map(|at| format!("{name}_{at}"));
        let name = std::iter::once(name.clone()).chain(unique).find(|name| !is_taken(name)).unwrap_or(name);
        found.push(Sensor { chip, name: Arc::from(name), file: File::beginning_of(input, 64) });
    }
    found
}

/// The folders `stem0`, `stem1` and so on, by number.
fn numbered(folder: &Path, stem: &str) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix(stem)?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    found.sort_unstable();
    found
}

/// The `temp1_input` and so on of a chip.
fn inputs(chip: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(chip) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let sensor = name.strip_suffix("_input")?;
            let number: u32 = sensor.strip_prefix("temp")?.parse().ok()?;
            Some((number, sensor.to_owned(), entry.path()))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, sensor, path)| (sensor, path)).collect()
}

fn named(file: &Path, otherwise: &str, number: u32) -> Arc<str> {
    let name = word(file).unwrap_or_else(|| otherwise.to_owned());
    Arc::from(format!("{name}_{number}"))
}

/// The text of a file with one short line.
fn word(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let word = text.trim();
    (!word.is_empty() && word.len() <= 64).then(|| word.to_owned())
}
