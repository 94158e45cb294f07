//! Figures of a GPU, or of an instance that is a part of one.

use std::sync::Arc;

/// A GPU, or a MIG instance of one.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct GpuReading {
    /// The library's number of the GPU.
    pub index: u32,
    /// For a MIG instance its number in the GPU.
    pub mig_instance: Option<u32>,
    /// What names it wherever it is built in.
    pub uuid: Option<Arc<str>>,
    /// The product's name.
    pub name: Option<Arc<str>>,
    /// How much of the time something ran on it, 0 to 100, as the driver samples it.
    pub utilization_percent: Option<f64>,
    /// How much of the time its memory was read or written, 0 to 100.
    pub memory_utilization_percent: Option<f64>,
    /// Memory in use, in bytes.
    pub memory_used_bytes: Option<u64>,
    /// Memory that is free, in bytes.
    pub memory_free_bytes: Option<u64>,
    /// Memory, in bytes.
    pub memory_total_bytes: Option<u64>,
    /// Power drawn now, in watts.
    pub power_watts: Option<f64>,
    /// The most that it is allowed to draw, in watts.
    pub power_limit_watts: Option<f64>,
    /// Degrees Celsius.
    pub temperature_celsius: Option<f64>,
    /// Clock of the cores, in hertz.
    pub core_clock_hertz: Option<f64>,
    /// Clock of the memory, in hertz.
    pub memory_clock_hertz: Option<f64>,
    /// Memory errors that were mended, since the driver was loaded.
    pub ecc_corrected: Option<u64>,
    /// Memory errors that could not be mended, since the driver was loaded.
    pub ecc_uncorrected: Option<u64>,
    /// Why its clocks are held back now; empty when they are not.
    pub throttle_reasons: Option<Vec<&'static str>>,
    /// Memory that this process has on it, in bytes; none when it does not use it.
    pub own_memory_bytes: Option<u64>,
    /// How many processes use it; in a container often only those of the container.
    pub processes: Option<u64>,
}
