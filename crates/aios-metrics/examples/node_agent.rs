//! A node agent: publishes what the machine has and does, one document every
//! `METRICS_PUSH_INTERVAL` (30 s), in the words of the fleet's node documents.
//!
//! ```text
//! node_agent [--once] [--to FILE]
//! ```
//!
//! Documents go into the Redis list of the `METRICS_REDIS_*` variables, by their batches, retries and
//! bounds, or into a file of JSON lines. With `--once` it ends after one document, and fails when that
//! was not delivered. The cluster is `CLUSTER_ID`.

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aios_metrics::hw::{FilesystemReading, Hardware, ProbeName};
use aios_metrics::redis::{Publisher, PublisherHandle, PublisherStats, RedisSink};
use aios_metrics::{JsonLinesSink, MetricsConfig, Section, Sink};
use serde_json::{Map, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let stats = run(env::args().skip(1), &MetricsConfig::from_env()?)?;
    if stats.delivered == 0 {
        return Err("the document was not delivered".into());
    }
    Ok(())
}

/// Returns after one document with `--once`, and else never.
pub(crate) fn run(
    mut arguments: impl Iterator<Item = String>,
    config: &MetricsConfig,
) -> Result<PublisherStats, Box<dyn Error>> {
    let (mut once, mut file) = (false, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--once" => once = true,
            "--to" => file = Some(PathBuf::from(arguments.next().ok_or("--to wants a file")?)),
            _ => return Err(format!("unknown argument {argument:?}: node_agent [--once] [--to FILE]").into()),
        }
    }
    let hardware = match &config.probes {
        Some(names) => Hardware::with_probes(names)?,
        None => Hardware::new(),
    };
    // Only what would be as good as for ever has no duration.
    sample(&hardware, Duration::try_from_secs_f64(config.hardware_interval_s).unwrap_or(Duration::MAX));

    let node = config.node_id.clone().unwrap_or_else(host_name);
    let cluster = env::var("CLUSTER_ID").ok();
    let take = move |sequence: u64, out: &mut Vec<u8>| {
        // An empty buffer is no document.
        if !once || sequence == 0 {
            out.extend(document(&hardware, &node, cluster.as_deref()).to_string().into_bytes());
        }
    };
    let (publisher, handle) = Publisher::from_fn(take, config.publisher_options());
    match file {
        Some(file) => publish(publisher, handle, JsonLinesSink::open(file)?, once),
        None => publish(publisher, handle, RedisSink::new(config.redis_options()?), once),
    }
}

/// Reads the probes from now on, on threads of their own where they may hang. Returns when all have
/// been read once, or after half a second.
fn sample(hardware: &Hardware, interval: Duration) {
    let (slow, quick): (Vec<ProbeName>, Vec<ProbeName>) =
        hardware.probes().partition(|probe| probe.may_hang());
    let (has_read, all_have_read) = mpsc::channel::<()>();
    for group in std::iter::once(quick).chain(slow.into_iter().map(|probe| vec![probe])) {
        let (hardware, has_read) = (hardware.clone(), has_read.clone());
        thread::spawn(move || {
            let read = || group.iter().for_each(|probe| hardware.refresh_probe(*probe));
            read();
            drop(has_read);
            loop {
                thread::sleep(interval);
                read();
            }
        });
    }
    drop(has_read);
    // Nothing is ever sent.
    let _ = all_have_read.recv_timeout(Duration::from_millis(500));
}

fn publish(
    publisher: Publisher,
    handle: PublisherHandle,
    sink: impl Sink,
    once: bool,
) -> Result<PublisherStats, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // A stop delivers what waits.
    let stopping = once.then(|| {
        let handle = handle.clone();
        thread::spawn(move || drop(handle.stop(Duration::from_secs(10))))
    });
    runtime.block_on(publisher.run(sink));
    if let Some(stopping) = stopping {
        stopping.join().map_err(|_| "the publisher could not be stopped")?;
    }
    Ok(handle.stats())
}

/// The node's document. Its keys hold points: the fleet's store makes a path of each.
pub(crate) fn document(hardware: &Hardware, node: &str, cluster: Option<&str>) -> Value {
    let (reading, section) = (hardware.reading(), hardware.read().unwrap_or_default());
    let mut document = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            document.insert(key.to_owned(), value);
        }
    };
    put("type", Some("hardware".into()));
    put("nodeId", Some(node.into()));
    put("clusterId", cluster.map(Value::from));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    put("timestamp", Some(now.as_secs_f64().into()));

    let mut resource = |key: &str, value: Option<Value>| put(&format!("metrics.resource.node.{key}"), value);
    let host = &reading.host;
    for key in ["load1m", "load5m", "load15m"] {
        resource(&format!("vcpu.{key}"), section["cpu"].get(key).cloned());
    }
    resource("vcpu.totalThreads", host.cpus.map(Value::from));
    resource("vcpu.percent", host.cpu_percent.map(rounded));
    // The machine's, also where this agent has a limit of its own.
    let (total, free) = (host.memory_total_bytes, host.memory_available_bytes);
    let used = total.zip(free).and_then(|(total, free)| total.checked_sub(free));
    resource("memory.totalMem", total.map(megabytes));
    resource("memory.freeMem", free.map(megabytes));
    resource("memory.usedMem", used.map(megabytes));
    let share =
        used.zip(total).filter(|(_, total)| *total > 0).map(|(used, total)| used as f64 / total as f64);
    resource("memory.averageUtil", share.map(|share| rounded(share * 100.0)));
    resource("memory.totalSwap", host.swap_total_bytes.map(megabytes));
    resource("memory.freeSwap", host.swap_free_bytes.map(megabytes));
    for (part, place) in [("disks", "storage.disks.iops"), ("network", "network"), ("gpu", "gpu")] {
        for (key, value) in section[part].as_object().into_iter().flatten() {
            resource(&format!("{place}.{key}"), Some(value.clone()));
        }
    }
    let room = |bytes| room(&reading.filesystems, bytes).map(megabytes);
    resource("storage.totalSize", room(|filesystem| filesystem.size_bytes));
    resource("storage.freeSize", room(|filesystem| filesystem.available_bytes));
    resource("storage.filesystems", section.get("filesystems").cloned());
    resource("gpus", section.get("gpus").cloned());
    Value::Object(document)
}

/// Of all file systems together. An overlay has the room of the disk that it lies on, which is listed
/// too where the agent's container has a file of the machine, such as `/etc/hosts`.
fn room(filesystems: &[FilesystemReading], bytes: fn(&FilesystemReading) -> u64) -> Option<u64> {
    let is_overlay = |filesystem: &&FilesystemReading| &*filesystem.kind == "overlay";
    let has_others = !filesystems.iter().all(|filesystem| is_overlay(&filesystem));
    let counted = filesystems.iter().filter(|filesystem| !has_others || !is_overlay(filesystem));
    counted.map(bytes).reduce(u64::saturating_add)
}

fn megabytes(bytes: u64) -> Value {
    rounded(bytes as f64 / 1_048_576.0)
}

fn rounded(figure: f64) -> Value {
    ((figure * 100.0).round() / 100.0).into()
}

fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}
