//! The parts about devices: GPUs, disks, network interfaces, file systems, temperatures.

use super::object::Object;
use crate::reading::{
    AllGpus, DiskReading, FilesystemReading, GpuReading, NetworkReading, TemperatureReading,
};

/// The GPUs. Instances lie inside of the one that they are parts of, so that who adds up the list
/// counts nothing twice.
pub(super) fn gpus(figures: &[GpuReading]) -> impl Iterator<Item = Object> {
    figures.iter().filter(|gpu| gpu.mig_instance.is_none()).map(|whole| {
        let is_part = |gpu: &&GpuReading| gpu.index == whole.index && gpu.mig_instance.is_some();
        let mut object = gpu(whole);
        object.list("migInstances", figures.iter().filter(is_part).map(gpu));
        object
    })
}

/// The fleet's keys first.
fn gpu(figures: &GpuReading) -> Object {
    let mut gpu = Object::default();
    gpu.whole("id", Some(figures.index.into()));
    // Readers know whole percents.
    gpu.whole("utilization", figures.utilization_percent.map(|percent| percent.round() as u64));
    gpu.size("usedMem", figures.memory_used_bytes);
    gpu.size("freeMem", figures.memory_free_bytes);
    gpu.size("totalMem", figures.memory_total_bytes);
    gpu.rounded("powerUtilization", figures.power_watts);
    gpu.whole("migInstance", figures.mig_instance.map(u64::from));
    gpu.text("uuid", figures.uuid.as_deref());
    gpu.text("name", figures.name.as_deref());
    gpu.rounded("memoryUtilization", figures.memory_utilization_percent);
    gpu.rounded("powerLimit", figures.power_limit_watts);
    gpu.rounded("temperature", figures.temperature_celsius);
    gpu.rounded("coreClockMHz", figures.core_clock_hertz.map(|hertz| hertz / 1e6));
    gpu.rounded("memoryClockMHz", figures.memory_clock_hertz.map(|hertz| hertz / 1e6));
    gpu.whole("eccCorrected", figures.ecc_corrected);
    gpu.whole("eccUncorrected", figures.ecc_uncorrected);
    gpu.whole("processes", figures.processes);
    gpu.size("ownMem", figures.own_memory_bytes);
    let reasons = figures.throttle_reasons.as_ref().map(|reasons| reasons.join(","));
    gpu.text("throttleReasons", reasons.as_deref());
    gpu
}

pub(super) fn all_gpus(figures: &[GpuReading]) -> Object {
    let all = AllGpus::of(figures);
    let mut gpu = Object::default();
    gpu.whole("count", all.count);
    gpu.rounded("averageUtil", all.utilization_percent);
    gpu.size("totalUsedMem", all.memory_used_bytes);
    gpu.size("totalFreeMem", all.memory_free_bytes);
    gpu.size("totalMem", all.memory_total_bytes);
    gpu.rounded("totalPowerUtilization", all.power_watts);
    gpu
}

/// All disks together, and no I/O twice.
pub(super) fn disks(figures: &[DiskReading]) -> Object {
    let all = |figure: fn(&DiskReading) -> Option<u64>| {
        sum(figures.iter().filter(|disk| !disk.is_stacked).map(figure))
    };
    let mut disks = Object::default();
    disks.whole("readBytes", all(|disk| Some(disk.read_bytes)));
    disks.whole("writeBytes", all(|disk| Some(disk.written_bytes)));
    disks.whole("readCount", all(|disk| disk.reads));
    disks.whole("writeCount", all(|disk| disk.writes));
    disks
}

/// All interfaces together.
pub(super) fn networks(figures: &[NetworkReading]) -> Object {
    let all = |figure: fn(&NetworkReading) -> u64| sum(figures.iter().map(figure).map(Some));
    let mut network = Object::default();
    network.whole("rxBytesTotal", all(|network| network.receive.bytes));
    network.whole("txBytesTotal", all(|network| network.transmit.bytes));
    network.whole("rxErrorsTotal", all(|network| network.receive.errors));
    network.whole("txErrorsTotal", all(|network| network.transmit.errors));
    network
}

/// None of nothing, and where one is not known.
fn sum(mut figures: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    let first = figures.next()??;
    figures.try_fold(first, |sum, figure| Some(sum.saturating_add(figure?)))
}

pub(super) fn filesystem(figures: &FilesystemReading) -> Object {
    let mut filesystem = Object::default();
    filesystem.text("device", Some(&figures.device));
    filesystem.text("mountPoint", Some(&figures.mount_point));
    filesystem.text("type", Some(&figures.kind));
    filesystem.size("totalSize", Some(figures.size_bytes));
    filesystem.size("freeSize", Some(figures.available_bytes));
    filesystem.size("usedSize", figures.free_bytes.and_then(|free| figures.size_bytes.checked_sub(free)));
    filesystem
}

pub(super) fn temperature(figures: &TemperatureReading) -> Object {
    let mut temperature = Object::default();
    temperature.text("chip", Some(&figures.chip));
    temperature.text("sensor", Some(&figures.sensor));
    temperature.rounded("celsius", Some(figures.celsius));
    temperature
}
