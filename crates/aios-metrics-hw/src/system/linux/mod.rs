//! Linux: `/proc` and `/sys`, read and parsed directly.

mod container;
mod disk;
mod file;
mod filesystem;
mod host;
mod network;
mod parse;
mod process;
mod temperature;

use crate::gpu;
use crate::names::ProbeName;
use crate::options::HardwareOptions;
use crate::probe::Probe;

#[cfg(fuzzing)]
pub(crate) use self::parse::check::any_text as check_parsers;

/// Makes the probe of this name.
pub(crate) fn probe(name: ProbeName, options: &HardwareOptions) -> Box<dyn Probe> {
    let (roots, clock) = (options.roots(), options.clock());
    match name {
        ProbeName::Process => Box::new(process::ProcessProbe::new(&roots.proc, clock)),
        ProbeName::Container => Box::new(container::ContainerProbe::new(roots, clock)),
        ProbeName::Host => Box::new(host::HostProbe::new(roots, clock)),
        ProbeName::Filesystem => Box::new(filesystem::FilesystemProbe::new(roots)),
        ProbeName::Disk => Box::new(disk::DiskProbe::new(roots)),
        ProbeName::Network => Box::new(network::NetworkProbe::new(roots)),
        ProbeName::Temperature => Box::new(temperature::TemperatureProbe::new(roots)),
        ProbeName::Gpu => gpu::probe(),
    }
}
