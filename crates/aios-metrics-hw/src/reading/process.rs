//! Figures of this process.

/// Figures of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ProcessReading {
    /// CPU time since the start, user and system, of all threads, in seconds. On Linux in steps
    /// of 0.01.
    pub cpu_seconds: Option<f64>,
    /// CPU use in percent of one core: 200 is two cores fully used.
    ///
    /// It is the mean since the last reading, or over up to 0.2 s more where readings follow each
    /// other faster than that; none until 0.2 s after the first one.
    pub cpu_percent: Option<f64>,
    /// Memory that is in RAM now, in bytes.
    pub resident_bytes: Option<u64>,
    /// Address space that is in use, in bytes.
    pub virtual_bytes: Option<u64>,
    /// How much address space may be in use, in bytes; none where there is no limit.
    pub max_virtual_bytes: Option<u64>,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
    /// How many file descriptors may be open; none where there is no limit.
    pub max_fds: Option<u64>,
    /// When the process started, in seconds since the Unix epoch.
    pub start_time_seconds: Option<f64>,
    /// Threads of the operating system.
    pub threads: Option<u64>,
    /// How often a thread gave up its CPU by itself, to wait for something; all threads that ever
    /// were.
    pub voluntary_context_switches: Option<u64>,
    /// How often a thread had its CPU taken away.
    pub involuntary_context_switches: Option<u64>,
    /// Page faults that were served from memory.
    pub minor_page_faults: Option<u64>,
    /// Page faults that had to wait for a disk.
    pub major_page_faults: Option<u64>,
    /// Bytes that were fetched from storage for this process; what a cache held is not counted.
    pub storage_read_bytes: Option<u64>,
    /// Bytes that this process caused to be sent to storage, now or later.
    pub storage_written_bytes: Option<u64>,
}
