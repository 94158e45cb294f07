//! Systems without `/proc`: what the `sysinfo` crate knows of them.
//!
//! Figures that a system does not have are absent, which is no problem of the probe.

mod host;
mod process;

use crate::gpu;
use crate::names::ProbeName;
use crate::options::HardwareOptions;
use crate::probe::{Figures, Outcome, Probe};

/// Makes the probe of this name.
pub(crate) fn probe(name: ProbeName, options: &HardwareOptions) -> Box<dyn Probe> {
    match name {
        ProbeName::Process => Box::new(process::ProcessProbe::new(options.clock())),
        ProbeName::Host => Box::new(host::HostProbe::new(options.clock())),
        ProbeName::Gpu => gpu::probe(),
        other => Box::new(Absent(other)),
    }
}

/// A probe of something that is not read on this system.
struct Absent(ProbeName);

impl Probe for Absent {
    fn read(&mut self) -> Outcome {
        Outcome { figures: Figures::none(self.0), problem: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::Hardware;
    use crate::names::ProbeSet;

    fn hardware() -> Hardware {
        let known = ProbeSet::from_iter([ProbeName::Process, ProbeName::Host]);
        let options = HardwareOptions::new().with_probes(known);
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
        let start = |reading: &crate::reading::Reading| reading.process.start_time_seconds.unwrap();
        assert!((start(&portable) - start(&linux)).abs() <= 1.0);
    }
}
