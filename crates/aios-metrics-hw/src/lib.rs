//! Process and host figures of the AIOS metrics SDK.
//!
//! [`Hardware`] owns the probes and the latest [`Reading`]. [`Hardware::refresh`] reads the system
//! now; everything else answers from the latest reading and touches no file: the page (`process_*`,
//! `node_*` and `aios_metrics_probe_up`), the document's `"hardware"` object, and
//! [`Hardware::reading`].
//!
//! A figure that can't be read is absent, never made up, and its probe counts as down.
//!
//! Linux is read from `/proc` directly; other systems give what the `sysinfo` crate knows of them.
//! This crate starts no thread: when and on which thread probes are read is the caller's business.
//! It does not read cgroups, disks, networks or GPUs.
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
pub use reading::{HostReading, ProbeStatus, ProcessReading, Reading};
