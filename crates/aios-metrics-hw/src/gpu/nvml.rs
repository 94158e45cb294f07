//! NVIDIA's management library, loaded at run time.

use std::sync::Arc;

use nvml_wrapper::Device;
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{Clock, EccCounter, MemoryError, TemperatureSensor};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;

use super::backend::GpuBackend;
use crate::reading::GpuReading;

/// The library, loaded.
pub(super) struct Nvml(nvml_wrapper::Nvml);

impl Nvml {
    pub(super) fn load() -> Result<Self, String> {
        nvml_wrapper::Nvml::init().map(Self).map_err(text)
    }
}

impl GpuBackend for Nvml {
    fn count(&mut self) -> Result<u32, String> {
        self.0.device_count().map_err(text)
    }

    fn gpus(&mut self, index: u32) -> Result<Vec<GpuReading>, String> {
        let device = self.0.device_by_index(index).map_err(text)?;
        let whole = GpuReading { index, ..figures(&device) };
        // Each figure alone may be unsupported; a GPU that is lost has none.
        if whole.memory_total_bytes.is_none() && matches!(device.memory_info(), Err(NvmlError::GpuLost)) {
            return Err(text(NvmlError::GpuLost));
        }
        let mut gpus = vec![whole];
        if device.mig_mode().is_ok_and(|mode| mode.current != 0) {
            // Places without an instance are passed over.
            let places = device.mig_device_count().unwrap_or(0);
            let instances =
                (0..places).filter_map(|place| Some((place, device.mig_device_by_index(place).ok()?)));
            gpus.extend(instances.map(|(place, instance)| GpuReading {
                index,
                mig_instance: Some(place),
                ..figures(&instance)
            }));
        }
        Ok(gpus)
    }
}

/// What the device tells; an error of one figure is that figure's absence.
fn figures(device: &Device<'_>) -> GpuReading {
    let use_of = device.utilization_rates().ok();
    let memory = device.memory_info().ok();
    let hertz = |clock| device.clock_info(clock).ok().map(|megahertz| f64::from(megahertz) * 1e6);
    let watts = |milliwatts: u32| f64::from(milliwatts) / 1e3;
    let errors = |kind| device.total_ecc_errors(kind, EccCounter::Volatile).ok();
    let (processes, own_memory_bytes) = processes(device);
    GpuReading {
        index: 0,
        mig_instance: None,
        uuid: device.uuid().ok().map(Arc::from),
        name: device.name().ok().map(Arc::from),
        utilization_percent: use_of.as_ref().map(|rates| f64::from(rates.gpu)),
        memory_utilization_percent: use_of.as_ref().map(|rates| f64::from(rates.memory)),
        memory_used_bytes: memory.as_ref().map(|memory| memory.used),
        memory_free_bytes: memory.as_ref().map(|memory| memory.free),
        memory_total_bytes: memory.as_ref().map(|memory| memory.total),
        power_watts: device.power_usage().ok().map(watts),
        power_limit_watts: device.enforced_power_limit().ok().map(watts),
        temperature_celsius: device.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
        core_clock_hertz: hertz(Clock::SM),
        memory_clock_hertz: hertz(Clock::Memory),
        ecc_corrected: errors(MemoryError::Corrected),
        ecc_uncorrected: errors(MemoryError::Uncorrected),
        throttle_reasons: device.current_throttle_reasons().ok().map(reasons),
        own_memory_bytes,
        processes,
    }
}

/// How many processes use the device, and the memory of this one.
fn processes(device: &Device<'_>) -> (Option<u64>, Option<u64>) {
    let Ok(mut processes) = device.running_compute_processes() else { return (None, None) };
    processes.extend(device.running_graphics_processes().unwrap_or_default());
    processes.sort_by_key(|process| process.pid);
    processes.dedup_by_key(|process| process.pid);
    let is_own = |pid: u32| pid == std::process::id() && knows_own_id();
    let own = processes.iter().find(|process| is_own(process.pid));
    let memory = own.and_then(|process| match process.used_gpu_memory {
        UsedGpuMemory::Used(bytes) => Some(bytes),
        UsedGpuMemory::Unavailable => None,
    });
    (Some(processes.len() as u64), memory)
}

/// The library tells the machine's process ids. In a container with ids of its own that of another
/// process may look like ours; the machine's own namespace has a fixed number.
fn knows_own_id() -> bool {
    !cfg!(target_os = "linux")
        || std::fs::read_link("/proc/self/ns/pid").is_ok_and(|space| space.as_os_str() == "pid:[4026531836]")
}

/// Those that hold the clocks back; idling and settings of the user's do not count.
fn reasons(reasons: ThrottleReasons) -> Vec<&'static str> {
    [
        ThrottleReasons::SW_POWER_CAP,
        ThrottleReasons::HW_SLOWDOWN,
        ThrottleReasons::SYNC_BOOST,
        ThrottleReasons::SW_THERMAL_SLOWDOWN,
        ThrottleReasons::HW_THERMAL_SLOWDOWN,
        ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN,
    ]
    .into_iter()
    .zip(GpuReading::THROTTLE_REASONS)
    .filter_map(|(reason, name)| reasons.contains(reason).then_some(name))
    .collect()
}

fn text(error: NvmlError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_names() {
        let both =
            ThrottleReasons::SW_POWER_CAP | ThrottleReasons::HW_THERMAL_SLOWDOWN | ThrottleReasons::GPU_IDLE;
        assert_eq!(reasons(both), ["sw_power_cap", "hw_thermal"]);
        assert_eq!(reasons(ThrottleReasons::GPU_IDLE), [""; 0]);
        let rest = ThrottleReasons::HW_SLOWDOWN
            | ThrottleReasons::SYNC_BOOST
            | ThrottleReasons::SW_THERMAL_SLOWDOWN
            | ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN;
        assert_eq!(reasons(rest), ["hw_slowdown", "sync_boost", "sw_thermal", "hw_power_brake"]);
    }

    /// Of the machine's own GPUs, where there are any.
    #[test]
    fn live() {
        let mut nvml = match Nvml::load() {
            Ok(nvml) => nvml,
            Err(error) => return println!("not run: there is no GPU to read here ({error})"),
        };
        let count = nvml.count().unwrap();
        if count == 0 {
            return println!("not run: there is no GPU to read here (the library finds none)");
        }
        for index in 0..count {
            for gpu in nvml.gpus(index).unwrap() {
                println!("{gpu:#?}");
                assert!(gpu.uuid.is_some());
                assert!(gpu.memory_total_bytes >= gpu.memory_used_bytes);
                assert!(gpu.utilization_percent.is_none_or(|percent| (0.0..=100.0).contains(&percent)));
                assert!(gpu.temperature_celsius.is_none_or(|degrees| (0.0..130.0).contains(&degrees)));
            }
        }
    }
}
