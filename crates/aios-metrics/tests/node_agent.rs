//! The example that publishes a node's documents, run once against a file and against Redis.

#![cfg(all(feature = "hw", feature = "redis", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../examples/node_agent.rs"]
#[allow(dead_code, reason = "its main is not called")]
mod node_agent;
mod support;

use std::fs;
use std::path::Path;

use aios_metrics::MetricsConfig;
use serde_json::Value;

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
fn an_unknown_argument_is_an_error() {
    let error = node_agent::run(["--twice".to_owned()].into_iter(), &MetricsConfig::default()).unwrap_err();
    assert!(error.to_string().contains("\"--twice\""), "{error}");
}
