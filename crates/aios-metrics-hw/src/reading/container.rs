//! Figures of the container that this process is in.

/// Figures of the control group that this process is in: of all its processes together.
///
/// All are absent outside of a container: the root of a hierarchy is the machine. So is a figure
/// whose controller is not on for the group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ContainerReading {
    /// Whether the process is, or may be, in a control group whose CPU time is counted; what it uses
    /// itself then tells nothing of the container.
    pub has_cpu_group: bool,
    /// CPU time, user and system, in seconds.
    pub cpu_seconds: Option<f64>,
    /// CPU time in programs' own code, in seconds.
    pub cpu_user_seconds: Option<f64>,
    /// CPU time in the kernel, in seconds.
    pub cpu_system_seconds: Option<f64>,
    /// CPU use in percent of one core, over the interval that
    /// [`ProcessReading::cpu_percent`](crate::ProcessReading::cpu_percent) describes.
    pub cpu_percent: Option<f64>,
    /// The tightest of the limits on CPU time that hold for the group, its own or one of a group
    /// around it; none where there is no limit.
    pub cpu_quota: Option<CpuQuota>,
    /// Periods of enforcement of the group's own limit that passed.
    pub cpu_periods: Option<u64>,
    /// Periods in which the group's own limit was reached. What a group around it is held back is
    /// counted there, together with what its other groups are.
    pub cpu_throttled_periods: Option<u64>,
    /// For how long processes were held back by the group's own limit, in seconds, summed over the
    /// CPUs.
    pub cpu_throttled_seconds: Option<f64>,
    /// Memory in use, caches included, in bytes.
    pub memory_usage_bytes: Option<u64>,
    /// The tightest of the limits on memory, in bytes; none where there is no limit. It may be more
    /// than the machine has.
    pub memory_limit_bytes: Option<u64>,
    /// Whether there may be a limit on memory, or a tighter one, that could not be read.
    pub is_memory_limit_unknown: bool,
    /// How much more memory can be used before a limit is reached, the group's own or that of a
    /// group around it, in bytes; none where there is no limit.
    pub memory_free_bytes: Option<u64>,
    /// Memory in use less the file cache that was not used lately, in bytes: what the kubelet
    /// compares with the limit when it looks for pods to evict.
    pub memory_working_set_bytes: Option<u64>,
    /// Processes that were killed because the limit on memory was reached.
    pub oom_events: Option<u64>,
    /// Tasks, which are processes and threads, in the group and those below it.
    pub threads: Option<u64>,
    /// The tightest of the limits on tasks; none where there is no limit.
    pub threads_max: Option<u64>,
    /// Time lost for lack of CPU.
    pub cpu_pressure: Pressure,
    /// Time lost for lack of memory.
    pub memory_pressure: Pressure,
    /// Time lost waiting for disks.
    pub io_pressure: Pressure,
}

impl ContainerReading {
    /// Of a process of which nothing tells whether it is in a container.
    pub(crate) fn unknown() -> Self {
        Self { has_cpu_group: true, is_memory_limit_unknown: true, ..Self::default() }
    }
}

/// So much CPU time in each period.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct CpuQuota {
    /// The time that may be used, in microseconds, summed over the CPUs.
    pub quota_micros: u64,
    /// The period, in microseconds.
    pub period_micros: u64,
}

impl CpuQuota {
    /// The limit as a number of cores: 1.5 is one and a half.
    #[must_use]
    pub fn cores(&self) -> f64 {
        self.quota_micros as f64 / self.period_micros as f64
    }
}

/// Time lost for lack of a resource, as the kernel's pressure stall information tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Pressure {
    /// For how long some tasks waited, in seconds.
    pub waiting_seconds: Option<f64>,
    /// For how long all tasks that had something to do waited at once, in seconds.
    pub stalled_seconds: Option<f64>,
}
