//! Figures of the machine: load, CPU and memory.

/// Figures of the machine, not of the container that the process may be in.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct HostReading {
    /// Mean number of tasks that ran or waited to run, over one minute.
    pub load1: Option<f64>,
    /// The same over five minutes.
    pub load5: Option<f64>,
    /// The same over fifteen minutes.
    pub load15: Option<f64>,
    /// CPUs that are on, hardware threads counted one by one.
    pub cpus: Option<u64>,
    /// CPU time of all CPUs together since the machine started, by what it was used for.
    pub cpu_times: Option<CpuTimes>,
    /// How much of all cores together was in use, 0 to 100, over the interval that
    /// [`ProcessReading::cpu_percent`](crate::ProcessReading::cpu_percent) describes. Waiting for a
    /// disk is not use.
    pub cpu_percent: Option<f64>,
    /// Memory that the system can use, in bytes.
    pub memory_total_bytes: Option<u64>,
    /// Memory that programs can have without swapping, caches that can be given up included, in
    /// bytes.
    pub memory_available_bytes: Option<u64>,
    /// Memory that is used for nothing at all, in bytes.
    pub memory_free_bytes: Option<u64>,
    /// Memory that holds blocks of disks, in bytes.
    pub memory_buffers_bytes: Option<u64>,
    /// Memory that holds files, in bytes.
    pub memory_cached_bytes: Option<u64>,
    /// Room for memory that was moved out to disk, in bytes.
    pub swap_total_bytes: Option<u64>,
    /// What of that room is free, in bytes.
    pub swap_free_bytes: Option<u64>,
}

/// CPU time in seconds, by what it was used for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CpuTimes {
    /// Programs' own code, that of virtual machines included.
    pub user: f64,
    /// The same at a low priority.
    pub nice: f64,
    /// The kernel.
    pub system: f64,
    /// Nothing.
    pub idle: f64,
    /// Nothing, while a disk was waited for. Old kernels don't tell this and what follows.
    pub iowait: Option<f64>,
    /// Serving interrupts.
    pub irq: Option<f64>,
    /// Serving interrupts, the part that can wait.
    pub softirq: Option<f64>,
    /// Other virtual machines on the same CPU.
    pub steal: Option<f64>,
}
