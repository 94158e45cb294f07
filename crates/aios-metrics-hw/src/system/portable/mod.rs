//! Systems without `/proc`: what the `sysinfo` crate knows of them.
//!
//! Figures that a system does not have are absent, which is no problem of the probe.

mod devices;
mod host;
mod process;

use crate::gpu;
use crate::names::ProbeName;
use crate::options::HardwareOptions;
use crate::probe::{Figures, Outcome, Probe};
use crate::reading::ContainerReading;

/// Makes the probe of this name.
pub(crate) fn probe(name: ProbeName, options: &HardwareOptions) -> Box<dyn Probe> {
    match name {
        ProbeName::Process => Box::new(process::ProcessProbe::new(options.clock())),
        ProbeName::Host => Box::new(host::HostProbe::new(options.clock())),
        ProbeName::Filesystem => Box::new(devices::filesystems()),
        // macOS tells each file system the I/O of the whole disk that it lies on.
        ProbeName::Disk if cfg!(target_os = "macos") => Box::new(Absent(Figures::Disks(Vec::new()))),
        ProbeName::Disk => Box::new(devices::disks()),
        ProbeName::Network => Box::new(devices::networks()),
        ProbeName::Temperature => Box::new(devices::temperatures()),
        ProbeName::Gpu => gpu::probe(),
        // Control groups are Linux'.
        ProbeName::Container => Box::new(Absent(Figures::Container(ContainerReading::default()))),
    }
}

/// A probe of something that this system does not have.
struct Absent(Figures);

impl Probe for Absent {
    fn read(&mut self) -> Outcome {
        Outcome { figures: self.0.clone(), problem: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::Hardware;
    use crate::names::ProbeSet;
    use crate::reading::FilesystemReading;

    fn hardware() -> Hardware {
        let but_gpu = ProbeName::ALL.iter().copied().filter(|name| *name != ProbeName::Gpu);
        let options = HardwareOptions::new().with_probes(ProbeSet::from_iter(but_gpu));
        Hardware::from_probes(options.probes().iter().map(|name| (name, probe(name, &options))), &options)
    }

    #[test]
    fn it_finds_what_the_system_itself_says() {
        let hardware = hardware();
        hardware.refresh();
        let reading = hardware.reading();
        assert!(reading.probes.iter().all(|status| status.is_up()), "{:?}", reading.probes);
        assert!(reading.process.resident_bytes > Some(1 << 20), "{:?}", reading.process);
        assert!(reading.process.virtual_bytes >= reading.process.resident_bytes);
        assert!(reading.process.cpu_seconds.is_some() && reading.process.start_time_seconds.is_some());
        assert_eq!(reading.process.cpu_percent, None, "the first reading has no interval");
        assert_eq!(reading.host.cpu_percent, None, "the first reading has no interval");
        assert!(reading.host.memory_total_bytes > reading.host.memory_available_bytes);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn it_agrees_with_the_probes_of_linux() {
        let (linux, portable) = (Hardware::new(), hardware());
        linux.refresh();
        portable.refresh();
        let (linux, portable) = (linux.reading(), portable.reading());
        assert_eq!(portable.host.memory_total_bytes, linux.host.memory_total_bytes);
        assert_eq!(portable.host.swap_total_bytes, linux.host.swap_total_bytes);
        assert_eq!(portable.host.cpus, linux.host.cpus);
        for network in &linux.networks {
            // It was read a moment later.
            let same = portable.networks.iter().find(|other| other.device == network.device).unwrap();
            assert!(same.receive.bytes >= network.receive.bytes, "{same:?} {network:?}");
            assert!(same.transmit.packets >= network.transmit.packets, "{same:?} {network:?}");
        }
        for filesystem in &linux.filesystems {
            let is_same = |other: &&FilesystemReading| other.mount_point == filesystem.mount_point;
            if let Some(same) = portable.filesystems.iter().find(is_same) {
                assert_eq!((same.size_bytes, &same.kind), (filesystem.size_bytes, &filesystem.kind));
            }
        }
        assert!(!portable.filesystems.is_empty() || linux.filesystems.is_empty());
        assert_eq!(portable.container, Default::default());
        let start = |reading: &crate::reading::Reading| reading.process.start_time_seconds.unwrap();
        assert!((start(&portable) - start(&linux)).abs() <= 1.0);
    }
}
