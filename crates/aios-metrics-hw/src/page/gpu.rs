//! The families of the GPUs; a MIG instance is a series of its own.
//!
//! There are no names that everybody uses; these are in base units, after the node exporter's
//! manner.

use super::{Figure, Samples, float, ratio};
use crate::reading::{AllGpus, GpuReading, Reading};

const LABELS: &[&str] = &["gpu", "mig", "uuid"];

pub(super) const FIGURES: &[Figure] = &[
    Figure::gauges(
        "gpu_utilization_ratio",
        "How much of the time something ran on the GPU.",
        LABELS,
        |r, add| each(r, add, |x| x.utilization_percent.map(ratio)),
    ),
    Figure::gauges(
        "gpu_memory_utilization_ratio",
        "How much of the time the memory of the GPU was read or written.",
        LABELS,
        |r, add| each(r, add, |x| x.memory_utilization_percent.map(ratio)),
    ),
    Figure::gauges("gpu_memory_used_bytes", "Memory of the GPU in use, in bytes.", LABELS, |r, add| {
        each(r, add, |x| x.memory_used_bytes.map(float))
    }),
    Figure::gauges("gpu_memory_free_bytes", "Memory of the GPU that is free, in bytes.", LABELS, |r, add| {
        each(r, add, |x| x.memory_free_bytes.map(float))
    }),
    Figure::gauges("gpu_memory_total_bytes", "Memory of the GPU, in bytes.", LABELS, |r, add| {
        each(r, add, |x| x.memory_total_bytes.map(float))
    }),
    Figure::gauges("gpu_power_watts", "Power that the GPU draws, in watts.", LABELS, |r, add| {
        each(r, add, |x| x.power_watts)
    }),
    Figure::gauges("gpu_power_limit_watts", "The most that the GPU may draw, in watts.", LABELS, |r, add| {
        each(r, add, |x| x.power_limit_watts)
    }),
    Figure::gauges(
        "gpu_temperature_celsius",
        "Temperature of the GPU in degrees Celsius.",
        LABELS,
        |r, add| each(r, add, |x| x.temperature_celsius),
    ),
    Figure::gauges("gpu_core_clock_hertz", "Clock of the GPU's cores.", LABELS, |r, add| {
        each(r, add, |x| x.core_clock_hertz)
    }),
    Figure::gauges("gpu_memory_clock_hertz", "Clock of the GPU's memory.", LABELS, |r, add| {
        each(r, add, |x| x.memory_clock_hertz)
    }),
    Figure::counters(
        "gpu_ecc_corrected_errors_total",
        "Memory errors that were mended, since the driver was loaded.",
        LABELS,
        |r, add| each(r, add, |x| x.ecc_corrected.map(float)),
    ),
    Figure::counters(
        "gpu_ecc_uncorrected_errors_total",
        "Memory errors that could not be mended, since the driver was loaded.",
        LABELS,
        |r, add| each(r, add, |x| x.ecc_uncorrected.map(float)),
    ),
    Figure::gauges("gpu_processes", "Processes that use the GPU.", LABELS, |r, add| {
        each(r, add, |x| x.processes.map(float))
    }),
    Figure::gauges(
        "gpu_process_memory_bytes",
        "Memory of the GPU that this process has, in bytes.",
        LABELS,
        |r, add| each(r, add, |x| x.own_memory_bytes.map(float)),
    ),
    Figure::gauges(
        "gpu_throttled",
        "Whether the clocks are held back now for this reason.",
        &["gpu", "mig", "uuid", "reason"],
        |r, add| {
            for gpu in &r.gpus {
                let Some(active) = &gpu.throttle_reasons else { continue };
                for reason in GpuReading::THROTTLE_REASONS {
                    let is_active = f64::from(u8::from(active.contains(&reason)));
                    with_labels(gpu, |[index, mig, uuid]| {
                        add.known(&[index, mig, uuid, reason], Some(is_active));
                    });
                }
            }
        },
    ),
    Figure::gauge("gpus", "GPUs that answered.", |r| AllGpus::of(&r.gpus).count.map(float)),
    Figure::gauge(
        "gpus_utilization_ratio",
        "How much of the time something ran, on average of all GPUs.",
        |r| AllGpus::of(&r.gpus).utilization_percent.map(ratio),
    ),
    Figure::gauge("gpus_memory_used_bytes", "Memory in use of all GPUs, in bytes.", |r| {
        AllGpus::of(&r.gpus).memory_used_bytes.map(float)
    }),
    Figure::gauge("gpus_memory_free_bytes", "Memory that is free of all GPUs, in bytes.", |r| {
        AllGpus::of(&r.gpus).memory_free_bytes.map(float)
    }),
    Figure::gauge("gpus_memory_total_bytes", "Memory of all GPUs, in bytes.", |r| {
        AllGpus::of(&r.gpus).memory_total_bytes.map(float)
    }),
    Figure::gauge("gpus_power_watts", "Power that all GPUs draw, in watts.", |r| {
        AllGpus::of(&r.gpus).power_watts
    }),
];

fn each(reading: &Reading, add: &mut Samples<'_>, figure: fn(&GpuReading) -> Option<f64>) {
    for gpu in &reading.gpus {
        with_labels(gpu, |labels| add.known(&labels, figure(gpu)));
    }
}

fn with_labels(gpu: &GpuReading, then: impl FnOnce([&str; 3])) {
    let mig = gpu.mig_instance.map(|mig| mig.to_string()).unwrap_or_default();
    then([&gpu.index.to_string(), &mig, gpu.uuid.as_deref().unwrap_or_default()]);
}
