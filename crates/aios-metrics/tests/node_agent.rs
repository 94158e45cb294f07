//! The example that publishes a node's documents, run once against a file and against Redis.

#![cfg(all(feature = "hw", feature = "redis", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../examples/node_agent.rs"]
#[allow(dead_code, reason = "its main is not called")]
mod node_agent;
mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use aios_metrics::MetricsConfig;
use aios_metrics::hw::{FilesystemReading, GpuReading, Hardware, HardwareOptions, ProbeSet, Roots};
use serde_json::Value;

/// A machine of `/proc` and `/sys` files, in a container with one disk beneath, and with two GPUs.
fn machine() -> Hardware {
    let probes = ProbeSet::from_names(["process", "container", "host", "disk", "network"]).unwrap();
    let roots = Roots::under("../aios-metrics-hw/tests/fixtures/cgroup-v2");
    let hardware = Hardware::with_options(HardwareOptions::new().with_probes(probes).with_roots(roots));
    hardware.refresh();
    let mut reading = hardware.reading();
    for (device, mount_point, kind) in
        [("overlay", "/", "overlay"), ("/dev/sda1", "/etc/hosts", "ext4"), ("/dev/sdb", "/data", "xfs")]
    {
        let mut filesystem = FilesystemReading::default();
        filesystem.device = Arc::from(device);
        filesystem.mount_point = Arc::from(mount_point);
        filesystem.kind = Arc::from(kind);
        (filesystem.size_bytes, filesystem.free_bytes) = (100 << 30, Some(60 << 30));
        filesystem.available_bytes = 50 << 30;
        reading.filesystems.push(filesystem);
    }
    for (index, used) in [(0, 10_u64), (1, 30)] {
        let mut gpu = GpuReading::default();
        gpu.index = index;
        gpu.uuid = Some(Arc::from(format!("GPU-{index}")));
        gpu.utilization_percent = Some(used as f64);
        gpu.memory_used_bytes = Some(used << 30);
        gpu.memory_free_bytes = Some((80 - used) << 30);
        gpu.memory_total_bytes = Some(80 << 30);
        gpu.power_watts = Some(250.5);
        reading.gpus.push(gpu);
    }
    Hardware::with_reading(reading)
}

#[test]
fn the_whole_document_is_as_it_should_be() {
    let mut document = node_agent::document(&machine(), "node-7", Some("cluster-1"));
    let timestamp = document["timestamp"].take();
    assert!(timestamp.as_f64() > Some(1.7e9), "{timestamp}");
    let golden = Path::new("tests/golden/node.document.json");
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(golden, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(golden).unwrap());

    // What the fleet's readers know.
    for key in "vcpu.load1m vcpu.load5m vcpu.load15m vcpu.totalThreads memory.totalMem memory.freeMem \
                memory.usedMem memory.averageUtil storage.disks.iops.readBytes storage.disks.iops.writeBytes \
                network.txBytesTotal network.rxBytesTotal gpu.totalUsedMem gpu.totalMem"
        .split_whitespace()
    {
        assert!(document[format!("metrics.resource.node.{key}")].is_number(), "{key} is not in {text}");
    }
    assert!(document["metrics.resource.node.gpus"].is_array(), "{text}");
    // The two disks, and not the overlay that lies on one of them.
    assert_eq!(document["metrics.resource.node.storage.totalSize"], 204_800.0);
}

#[test]
fn an_overlay_alone_has_the_room_that_there_is() {
    let mut reading = machine().reading();
    reading.filesystems.truncate(1);
    let document = node_agent::document(&Hardware::with_reading(reading), "node-7", None);
    assert_eq!(document["metrics.resource.node.storage.totalSize"], 102_400.0);
    assert_eq!(document.get("clusterId"), None);
}

fn check(document: &str) {
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!((&document["type"], &document["nodeId"]), (&"hardware".into(), &"node-7".into()));
    assert!(document["timestamp"].as_f64() > Some(1.7e9), "{document}");
    for key in ["vcpu.load1m", "vcpu.totalThreads", "memory.freeMem", "memory.totalMem", "memory.averageUtil"]
    {
        assert!(document[format!("metrics.resource.node.{key}")].is_number(), "{key} is not in {document}");
    }
    for (key, present) in [("storage.disks.iops.readBytes", "disks"), ("network.txBytesTotal", "network")] {
        let figure = &document[format!("metrics.resource.node.{key}")];
        assert!(figure.is_null() || figure.is_u64(), "{present}: {figure}");
    }
}

#[test]
fn one_document_goes_into_a_file() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node-documents.jsonl");
    let _ = fs::remove_file(&file);
    let arguments = ["--once", "--to", file.to_str().unwrap()].map(str::to_owned);
    let config = MetricsConfig::default().with_node_id("node-7");
    let stats = node_agent::run(arguments.into_iter(), &config).unwrap();
    assert_eq!((stats.delivered, stats.pending), (1, 0));
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    check(&text);
}

#[test]
fn one_document_goes_into_the_list() {
    let redis = support::redis::RedisServer::start(&[]);
    let config = MetricsConfig::default()
        .with_node_id("node-7")
        .with_redis_host("127.0.0.1")
        .with_redis_port(redis.port());
    let stats = node_agent::run(["--once".to_owned()].into_iter(), &config).unwrap();
    assert_eq!((stats.delivered, stats.pending), (1, 0));
    let documents = redis.list("NODE_METRICS");
    assert_eq!(documents.len(), 1);
    check(&documents[0]);
}

#[test]
fn the_url_the_bounds_and_the_batches_are_those_of_the_configuration() {
    let redis = support::redis::RedisServer::start(&[]);
    let config = MetricsConfig::default()
        .with_node_id("node-7")
        // Nobody is there: the URL wins.
        .with_redis_host("127.0.0.1")
        .with_redis_port(support::free_port())
        .with_redis_url(format!("redis://127.0.0.1:{}/0", redis.port()))
        .with_redis_max_list_len(1)
        .with_redis_queue_key("NODES")
        // As good as for ever, and no reason to panic.
        .with_hardware_interval_s(1e300);
    for _ in 0..2 {
        let stats = node_agent::run(["--once".to_owned()].into_iter(), &config).unwrap();
        assert_eq!((stats.delivered, stats.pending), (1, 0));
    }
    assert_eq!(redis.list("NODES").len(), 1);

    let config = config.with_redis_url("http://user:hunter2@redis");
    let error = node_agent::run(["--once".to_owned()].into_iter(), &config).unwrap_err().to_string();
    assert!(error.contains("redis_url") && !error.contains("hunter2"), "{error}");
}

#[test]
fn an_unknown_argument_is_an_error() {
    let error = node_agent::run(["--twice".to_owned()].into_iter(), &MetricsConfig::default()).unwrap_err();
    assert!(error.to_string().contains("\"--twice\""), "{error}");
}
