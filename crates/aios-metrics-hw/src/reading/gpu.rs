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
    /// Why its clocks are held back now, of [`THROTTLE_REASONS`](Self::THROTTLE_REASONS); empty when
    /// they are not.
    pub throttle_reasons: Option<Vec<&'static str>>,
    /// Memory that this process has on it, in bytes; none when it does not use it.
    pub own_memory_bytes: Option<u64>,
    /// How many processes use it; in a container often only those of the container.
    pub processes: Option<u64>,
}

impl GpuReading {
    /// Every reason that [`throttle_reasons`](Self::throttle_reasons) may hold.
    pub const THROTTLE_REASONS: [&'static str; 6] =
        ["sw_power_cap", "hw_slowdown", "sync_boost", "sw_thermal", "hw_thermal", "hw_power_brake"];
}

/// All GPUs that answered together, and none twice: a GPU counts with its MIG instances where it
/// tells nothing of itself, as in a container that was given instances only.
pub(crate) struct AllGpus {
    pub(crate) count: Option<u64>,
    /// The mean.
    pub(crate) utilization_percent: Option<f64>,
    pub(crate) memory_used_bytes: Option<u64>,
    pub(crate) memory_free_bytes: Option<u64>,
    pub(crate) memory_total_bytes: Option<u64>,
    pub(crate) power_watts: Option<f64>,
}

impl AllGpus {
    pub(crate) fn of(gpus: &[GpuReading]) -> Self {
        let whole = || gpus.iter().filter(|gpu| gpu.mig_instance.is_none());
        let sum = |bytes: &mut dyn Iterator<Item = u64>| bytes.reduce(u64::saturating_add);
        let bytes = |figure: fn(&GpuReading) -> Option<u64>| {
            let is_part =
                |of: &GpuReading, gpu: &GpuReading| gpu.index == of.index && gpu.mig_instance.is_some();
            let parts = |of| sum(&mut gpus.iter().filter(|gpu| is_part(of, gpu)).filter_map(figure));
            sum(&mut whole().filter_map(|gpu| figure(gpu).or_else(|| parts(gpu))))
        };
        let utilizations: Vec<f64> = whole().filter_map(|gpu| gpu.utilization_percent).collect();
        let mean = utilizations.iter().sum::<f64>() / utilizations.len() as f64;
        Self {
            count: Some(whole().count() as u64).filter(|count| *count > 0),
            utilization_percent: (!utilizations.is_empty()).then_some(mean),
            memory_used_bytes: bytes(|gpu| gpu.memory_used_bytes),
            memory_free_bytes: bytes(|gpu| gpu.memory_free_bytes),
            memory_total_bytes: bytes(|gpu| gpu.memory_total_bytes),
            power_watts: whole().filter_map(|gpu| gpu.power_watts).reduce(|sum, watts| sum + watts),
        }
    }
}
