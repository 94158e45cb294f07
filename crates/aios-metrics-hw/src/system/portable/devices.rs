//! File systems, disks, network interfaces and temperatures, as `sysinfo` sees them.

use std::ffi::OsStr;
use std::sync::Arc;

use sysinfo::{Components, DiskRefreshKind, Disks, Networks};

use crate::names::ProbeName;
use crate::probe::{Figures, Outcome, Probe, ProbeError};
use crate::reading::{DiskReading, FilesystemReading, NetworkReading, TemperatureReading, Traffic};

/// Something that the crate lists anew at each reading, and what is taken of it.
pub(super) struct ListProbe<L> {
    name: ProbeName,
    list: Option<L>,
    read: fn(&mut L) -> Figures,
}

impl<L: Send> Probe for ListProbe<L> {
    fn read(&mut self) -> Outcome {
        match &mut self.list {
            Some(list) => Outcome { figures: (self.read)(list), problem: None },
            None => Outcome::nothing(self.name, ProbeError::Unanswered { figure: "list of devices" }),
        }
    }
}

pub(super) fn filesystems() -> ListProbe<Disks> {
    let read = |disks: &mut Disks| {
        disks.refresh_specifics(true, DiskRefreshKind::nothing().with_storage());
        let sized = disks.iter().filter(|disk| disk.total_space() > 0);
        let readings = sized.map(|disk| FilesystemReading {
            device: text(disk.name()),
            mount_point: text(disk.mount_point().as_os_str()),
            kind: text(disk.file_system()),
            size_bytes: disk.total_space(),
            available_bytes: disk.available_space(),
            is_read_only: disk.is_read_only(),
            ..FilesystemReading::default()
        });
        Figures::Filesystems(readings.collect())
    };
    ListProbe { name: ProbeName::Filesystem, list: Disks::new().ok(), read }
}

/// By file system: the crate knows what is mounted, and not what it lies on.
pub(super) fn disks() -> ListProbe<Disks> {
    let read = |disks: &mut Disks| {
        disks.refresh_specifics(true, DiskRefreshKind::nothing().with_io_usage());
        let readings = disks.iter().map(|disk| DiskReading {
            device: text(disk.mount_point().as_os_str()),
            read_bytes: disk.usage().total_read_bytes,
            written_bytes: disk.usage().total_written_bytes,
            ..DiskReading::default()
        });
        // The crate's way to say that it does not know is 0.
        let readings = readings.filter(|disk| disk.read_bytes > 0 || disk.written_bytes > 0);
        Figures::Disks(readings.collect())
    };
    ListProbe { name: ProbeName::Disk, list: Disks::new().ok(), read }
}

pub(super) fn networks() -> ListProbe<Networks> {
    let read = |networks: &mut Networks| {
        networks.refresh(true);
        let outer = networks.iter().filter(|(name, _)| !is_inner(&name.to_string_lossy()));
        let mut readings: Vec<_> = outer
            .map(|(name, data)| NetworkReading {
                device: text(name),
                receive: Traffic {
                    bytes: data.total_received(),
                    packets: data.total_packets_received(),
                    errors: data.total_errors_on_received(),
                    dropped: None,
                },
                transmit: Traffic {
                    bytes: data.total_transmitted(),
                    packets: data.total_packets_transmitted(),
                    errors: data.total_errors_on_transmitted(),
                    dropped: None,
                },
            })
            .collect();
        readings.sort_unstable_by(|one, other| one.device.cmp(&other.device));
        Figures::Networks(readings)
    };
    ListProbe { name: ProbeName::Network, list: Networks::new().ok(), read }
}

pub(super) fn temperatures() -> ListProbe<Components> {
    let read = |components: &mut Components| {
        components.refresh(true);
        let mut readings: Vec<TemperatureReading> = Vec::new();
        for component in components.iter() {
            let Some(celsius) = component.temperature().filter(|degrees| degrees.is_finite()) else {
                continue;
            };
            // Labels need not differ, series must.
            let same = readings.iter().filter(|other| &*other.chip == component.label()).count();
            let sensor = Arc::from(format!("temp{}", same + 1));
            let celsius = f64::from(celsius);
            readings.push(TemperatureReading { chip: Arc::from(component.label()), sensor, celsius });
        }
        Figures::Temperatures(readings)
    };
    ListProbe { name: ProbeName::Temperature, list: Components::new().ok(), read }
}

/// The loopback, and on macOS tunnels and what serves its own wireless services.
fn is_inner(name: &str) -> bool {
    let stem = name.trim_end_matches(|last: char| last.is_ascii_digit());
    ["lo", "gif", "stf", "utun", "awdl", "llw", "bridge", "anpi", "ap"].contains(&stem)
        || name.starts_with("Loopback ")
}

fn text(text: &OsStr) -> Arc<str> {
    Arc::from(text.to_string_lossy())
}
