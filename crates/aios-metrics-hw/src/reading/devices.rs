//! Figures of the machine's devices: file systems, disks, network interfaces, temperatures.

use std::sync::Arc;

/// A file system that is mounted.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FilesystemReading {
    /// What is mounted: a block device, or what a network file system calls its server.
    pub device: Arc<str>,
    /// Where it is mounted; the first place where there are more.
    pub mount_point: Arc<str>,
    /// Its type, such as `ext4`.
    pub kind: Arc<str>,
    /// Its size, in bytes.
    pub size_bytes: u64,
    /// What is free, in bytes.
    pub free_bytes: Option<u64>,
    /// What of that every user may have, in bytes.
    pub available_bytes: u64,
    /// Files that it has room for; 0 where there is no such limit.
    pub files: Option<u64>,
    /// Files that may still be made.
    pub files_free: Option<u64>,
    /// Whether it is mounted for reading only.
    pub is_read_only: bool,
}

/// A disk: what it did since the machine started.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct DiskReading {
    /// The kernel's name of it, such as `sda`.
    pub device: Arc<str>,
    /// Whether it is made of other disks, as LVM's and software RAID's are: their I/O is counted
    /// at those too.
    pub is_stacked: bool,
    /// Reads that were done.
    pub reads: Option<u64>,
    /// Bytes read.
    pub read_bytes: u64,
    /// How long all reads took together, in seconds.
    pub read_seconds: Option<f64>,
    /// Writes that were done.
    pub writes: Option<u64>,
    /// Bytes written.
    pub written_bytes: u64,
    /// How long all writes took together, in seconds.
    pub write_seconds: Option<f64>,
    /// Requests in progress.
    pub in_progress: Option<u64>,
    /// How long there was something in progress, in seconds.
    pub busy_seconds: Option<f64>,
}

/// A network interface: what went through it since it came up.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct NetworkReading {
    /// Its name, such as `eth0`.
    pub device: Arc<str>,
    /// What was received.
    pub receive: Traffic,
    /// What was sent.
    pub transmit: Traffic,
}

/// What went through an interface in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Traffic {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets that were damaged or could not be sent.
    pub errors: u64,
    /// Packets that were thrown away for lack of room or interest.
    pub dropped: Option<u64>,
}

/// A temperature that a sensor tells.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TemperatureReading {
    /// The chip, or the thermal zone's type, with the kernel's number for it: `coretemp_0`.
    pub chip: Arc<str>,
    /// The sensor of that chip, by its label where it has one.
    pub sensor: Arc<str>,
    /// Degrees Celsius.
    pub celsius: f64,
}
