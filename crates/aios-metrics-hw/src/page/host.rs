//! The families of the machine and its devices, under its node exporter's names.
//!
//! That one's names for memory hold capitals, which `promtool check metrics` complains about, so
//! ours are other ones. Its CPU time is by CPU and mode; ours is of all CPUs together: each of many
//! instances on a machine with many CPUs would else show thousands of series.

use super::{Figure, Samples, float, ratio};
use crate::reading::{DiskReading, FilesystemReading, NetworkReading, Reading};

pub(super) const HOST: &[Figure] = &[
    Figure::gauge("node_load1", "1m load average.", |r| r.host.load1),
    Figure::gauge("node_load5", "5m load average.", |r| r.host.load5),
    Figure::gauge("node_load15", "15m load average.", |r| r.host.load15),
    Figure::gauge("node_cpus", "CPUs that are on.", |r| r.host.cpus.map(float)),
    Figure::counters(
        "node_cpu_seconds_total",
        "Seconds the CPUs spent in each mode.",
        &["mode"],
        |r, add| {
            let Some(times) = r.host.cpu_times else { return };
            add.known(&["user"], Some(times.user));
            add.known(&["nice"], Some(times.nice));
            add.known(&["system"], Some(times.system));
            add.known(&["idle"], Some(times.idle));
            add.known(&["iowait"], times.iowait);
            add.known(&["irq"], times.irq);
            add.known(&["softirq"], times.softirq);
            add.known(&["steal"], times.steal);
        },
    ),
    Figure::gauge(
        "node_cpu_usage_ratio",
        "CPU use since the last reading; 1 is all cores together fully used.",
        |r| r.host.cpu_percent.map(ratio),
    ),
    Figure::gauge("node_memory_total_bytes", "Memory that the system can use, in bytes.", |r| {
        r.host.memory_total_bytes.map(float)
    }),
    Figure::gauge(
        "node_memory_available_bytes",
        "Memory that programs can have without swapping, in bytes.",
        |r| r.host.memory_available_bytes.map(float),
    ),
    Figure::gauge("node_memory_free_bytes", "Memory that is used for nothing, in bytes.", |r| {
        r.host.memory_free_bytes.map(float)
    }),
    Figure::gauge("node_memory_buffers_bytes", "Memory that holds blocks of disks, in bytes.", |r| {
        r.host.memory_buffers_bytes.map(float)
    }),
    Figure::gauge("node_memory_cached_bytes", "Memory that holds files, in bytes.", |r| {
        r.host.memory_cached_bytes.map(float)
    }),
    Figure::gauge(
        "node_memory_swap_total_bytes",
        "Room for memory that was moved out to disk, in bytes.",
        |r| r.host.swap_total_bytes.map(float),
    ),
    Figure::gauge("node_memory_swap_free_bytes", "What of that room is free, in bytes.", |r| {
        r.host.swap_free_bytes.map(float)
    }),
];

pub(super) const FILESYSTEM: &[Figure] = &[
    Figure::gauges(
        "node_filesystem_size_bytes",
        "Size of the file system in bytes.",
        &["device", "fstype", "mountpoint"],
        |r, add| filesystems(r, add, |x| Some(float(x.size_bytes))),
    ),
    Figure::gauges(
        "node_filesystem_free_bytes",
        "Free room in bytes.",
        &["device", "fstype", "mountpoint"],
        |r, add| filesystems(r, add, |x| x.free_bytes.map(float)),
    ),
    Figure::gauges(
        "node_filesystem_avail_bytes",
        "Free room that every user may have, in bytes.",
        &["device", "fstype", "mountpoint"],
        |r, add| filesystems(r, add, |x| Some(float(x.available_bytes))),
    ),
    Figure::gauges(
        "node_filesystem_files",
        "Files that it has room for.",
        &["device", "fstype", "mountpoint"],
        |r, add| filesystems(r, add, |x| x.files.map(float)),
    ),
    Figure::gauges(
        "node_filesystem_files_free",
        "Files that may still be made.",
        &["device", "fstype", "mountpoint"],
        |r, add| filesystems(r, add, |x| x.files_free.map(float)),
    ),
    Figure::gauges(
        "node_filesystem_readonly",
        "Whether it is mounted for reading only.",
        &["device", "fstype", "mountpoint"],
        |r, add| filesystems(r, add, |x| Some(f64::from(u8::from(x.is_read_only)))),
    ),
];

pub(super) const DISK: &[Figure] = &[
    Figure::counters("node_disk_reads_completed_total", "Reads that were done.", &["device"], |r, add| {
        disks(r, add, |x| x.reads.map(float))
    }),
    Figure::counters("node_disk_read_bytes_total", "Bytes read.", &["device"], |r, add| {
        disks(r, add, |x| Some(float(x.read_bytes)))
    }),
    Figure::counters(
        "node_disk_read_time_seconds_total",
        "How long all reads took together, in seconds.",
        &["device"],
        |r, add| disks(r, add, |x| x.read_seconds),
    ),
    Figure::counters("node_disk_writes_completed_total", "Writes that were done.", &["device"], |r, add| {
        disks(r, add, |x| x.writes.map(float))
    }),
    Figure::counters("node_disk_written_bytes_total", "Bytes written.", &["device"], |r, add| {
        disks(r, add, |x| Some(float(x.written_bytes)))
    }),
    Figure::counters(
        "node_disk_write_time_seconds_total",
        "How long all writes took together, in seconds.",
        &["device"],
        |r, add| disks(r, add, |x| x.write_seconds),
    ),
    Figure::gauges("node_disk_io_now", "Requests in progress.", &["device"], |r, add| {
        disks(r, add, |x| x.in_progress.map(float))
    }),
    Figure::counters(
        "node_disk_io_time_seconds_total",
        "How long there was something in progress, in seconds.",
        &["device"],
        |r, add| disks(r, add, |x| x.busy_seconds),
    ),
];

pub(super) const NETWORK: &[Figure] = &[
    Figure::counters("node_network_receive_bytes_total", "Bytes received.", &["device"], |r, add| {
        networks(r, add, |x| Some(x.receive.bytes))
    }),
    Figure::counters("node_network_receive_packets_total", "Packets received.", &["device"], |r, add| {
        networks(r, add, |x| Some(x.receive.packets))
    }),
    Figure::counters(
        "node_network_receive_errs_total",
        "Packets that could not be received right.",
        &["device"],
        |r, add| networks(r, add, |x| Some(x.receive.errors)),
    ),
    Figure::counters(
        "node_network_receive_drop_total",
        "Packets thrown away that were to be received.",
        &["device"],
        |r, add| networks(r, add, |x| x.receive.dropped),
    ),
    Figure::counters("node_network_transmit_bytes_total", "Bytes sent.", &["device"], |r, add| {
        networks(r, add, |x| Some(x.transmit.bytes))
    }),
    Figure::counters("node_network_transmit_packets_total", "Packets sent.", &["device"], |r, add| {
        networks(r, add, |x| Some(x.transmit.packets))
    }),
    Figure::counters(
        "node_network_transmit_errs_total",
        "Packets that could not be sent right.",
        &["device"],
        |r, add| networks(r, add, |x| Some(x.transmit.errors)),
    ),
    Figure::counters(
        "node_network_transmit_drop_total",
        "Packets thrown away that were to be sent.",
        &["device"],
        |r, add| networks(r, add, |x| x.transmit.dropped),
    ),
];

pub(super) const TEMPERATURE: &[Figure] = &[Figure::gauges(
    "node_hwmon_temp_celsius",
    "Temperatures in degrees Celsius.",
    &["chip", "sensor"],
    |r, add| {
        for temperature in &r.temperatures {
            add.known(&[&temperature.chip, &temperature.sensor], Some(temperature.celsius));
        }
    },
)];

fn filesystems(reading: &Reading, add: &mut Samples<'_>, figure: fn(&FilesystemReading) -> Option<f64>) {
    for filesystem in &reading.filesystems {
        let labels = [&*filesystem.device, &filesystem.kind, &filesystem.mount_point];
        add.known(&labels, figure(filesystem));
    }
}

fn disks(reading: &Reading, add: &mut Samples<'_>, figure: fn(&DiskReading) -> Option<f64>) {
    for disk in &reading.disks {
        add.known(&[&disk.device], figure(disk));
    }
}

fn networks(reading: &Reading, add: &mut Samples<'_>, figure: fn(&NetworkReading) -> Option<u64>) {
    for network in &reading.networks {
        add.known(&[&network.device], figure(network).map(float));
    }
}
