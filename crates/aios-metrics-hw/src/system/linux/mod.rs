//! Linux: `/proc`, read and parsed directly.

mod file;
mod host;
mod parse;
mod process;

use crate::names::ProbeName;
use crate::options::HardwareOptions;
use crate::probe::Probe;

/// Makes the probe of this name.
pub(crate) fn probe(name: ProbeName, options: &HardwareOptions) -> Box<dyn Probe> {
    let (proc, clock) = (&options.roots().proc, options.clock());
    match name {
        ProbeName::Process => Box::new(process::ProcessProbe::new(proc, clock)),
        ProbeName::Host => Box::new(host::HostProbe::new(proc, clock)),
    }
}
