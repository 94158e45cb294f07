//! Process, container, host and device figures of the AIOS metrics SDK.
//!
//! [`Hardware`] owns the probes and the latest [`Reading`]. [`Hardware::refresh`] reads the system
//! now; everything else answers from the latest reading and touches no file: the page (`process_*`,
//! `container_*`, `node_*`, `gpu_*` and `aios_metrics_probe_up`), the document's `"hardware"`
//! object, and [`Hardware::reading`].
//!
//! A figure that can't be read is absent, never made up, and its probe counts as down. What a
//! machine does not have, such as a limit, a pressure file or a sensor, is absent too, and no fault.
//!
//! Linux is read from `/proc` and `/sys` directly; other systems give what the `sysinfo` crate knows
//! of them: process, load and memory. This crate starts no thread: when and on which thread probes
//! are read is the caller's business.
//!
//! ```
//! use aios_metrics_core::Registry;
//! use aios_metrics_hw::Hardware;
//!
//! # fn main() -> Result<(), aios_metrics_core::RegisterError> {
//! let hardware = Hardware::new();
//! Registry::new().register(hardware.clone())?;
//! hardware.refresh();
//! assert!(hardware.reading().process.resident_bytes > Some(0));
//! # Ok(())
//! # }
//! ```

mod gpu;
mod hardware;
mod meter;
mod names;
mod options;
mod page;
mod probe;
mod reading;
mod section;
mod system;

pub use hardware::Hardware;
pub use names::{ProbeName, ProbeSet, UnknownProbe};
pub use options::{HardwareOptions, Roots};
pub use probe::ProbeError;
pub use reading::{
    ContainerReading, CpuQuota, CpuTimes, DiskReading, FilesystemReading, GpuReading, HostReading,
    NetworkReading, Pressure, ProbeStatus, ProcessReading, Reading, TemperatureReading, Traffic,
};

/// Runs every parser of a system file on any text; for fuzzing.
#[cfg(all(fuzzing, target_os = "linux"))]
#[doc(hidden)]
pub fn check_parsers(text: &[u8]) {
    system::check_parsers(text);
}
