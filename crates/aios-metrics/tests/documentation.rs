//! What the guides show and list is what there is.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;
use std::time::Duration;

use aios_metrics::{
    Document, Documents, Identity, ManualClock, MetricsConfig, Registry, RegistryOptions, RollingOptions,
    Section,
};
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("../../../docs/document.md");
const CONFIGURATION: &str = include_str!("../../../docs/configuration.md");
const README: &str = include_str!("../../../README.md");
const REDIS: &str = include_str!("../../../docs/redis.md");
const TROUBLESHOOTING: &str = include_str!("../../../docs/troubleshooting.md");
const HARDWARE: &str = include_str!("../../../docs/hardware.md");

struct Hardware;

impl Section for Hardware {
    fn name(&self) -> &str {
        "hardware"
    }

    fn read(&self) -> Option<Value> {
        Some(json!({
            "cpu": {"load1m": 0.42, "load5m": 0.37, "load15m": 0.3, "percent": 12.5},
            "memory": {"totalMem": 4096.0, "freeMem": 3072.0, "usedMem": 1024.0, "averageUtil": 25.0},
        }))
    }
}

/// The registry of the example, at 1,700,000,000 seconds since the epoch.
fn registry() -> Result<Registry, Box<dyn std::error::Error>> {
    let clock = Arc::new(ManualClock::new());
    let registry = Registry::with_options(RegistryOptions::default().with_clock(clock.clone()));
    let jobs = registry.register_counter("jobs_total", "Jobs", &["status"])?;
    jobs.inc_by(&["ok"], 2_u64)?;
    jobs.inc(&["no route, again"])?;
    let seconds = registry.register_histogram("job_seconds", "Time", &[], Some(&[0.1, 1.0]))?.with(&[])?;
    for value in [0.0625, 0.3125, 0.5] {
        seconds.observe(value);
    }
    registry.register_gauge("queue_size", "Jobs that wait", &[])?.set(&[], 17.0)?;
    registry.register_gauge("temperature_celsius", "Not known", &[])?.set(&[], f64::NAN)?;
    registry.observe_custom_rolling("model", "inference_ms", 42.1)?;
    // The clock begins at one hour.
    clock.advance(Duration::from_secs(1_700_000_000 - 3_600 - 10));
    registry.rolling_with("latency", RollingOptions::default().with_quantiles([0.5, 0.999]))?;
    registry.observe_rolling("latency", 0.25)?;
    clock.advance(Duration::from_secs(10));
    registry.observe_rolling("latency", 0.5)?;
    Ok(registry)
}

#[test]
fn the_example_of_a_document_is_one() {
    let mut identity = Identity::new("billing", "billing-7", "node-3");
    identity.boot_id = "0123456789abcdef0123456789abcdef".to_owned();
    let documents = Documents::new(Arc::new(registry().unwrap()), identity).with_section(Arc::new(Hardware));
    let mut ours = Vec::new();
    documents.write_json(Some(41), &mut ours);

    let shown = DOCUMENT.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(compact(shown), String::from_utf8(ours.clone()).unwrap());
    assert!(serde_json::from_slice::<Document>(&ours).is_ok());
}

/// JSON without the blanks between its tokens.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let keep = |c: &char| {
        in_string ^= *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        in_string || !c.is_whitespace()
    };
    json.chars().filter(keep).collect()
}

#[test]
fn every_field_and_variable_is_described() {
    let fields = format!("{:?}", MetricsConfig::default());
    let fields = fields.trim_start_matches("MetricsConfig { ").split(", ");
    let names: Vec<&str> = fields.filter_map(|field| field.split_once(": ")).map(|(name, _)| name).collect();
    assert_eq!(names.len(), 39, "{names:?}");
    for name in names {
        assert!(CONFIGURATION.contains(&format!("\n| `{name}` | ")), "docs/configuration.md lacks {name}");
    }
    let source = include_str!("../src/config/vars.rs");
    let found = source.split("struct Found {").nth(1).unwrap().split('}').next().unwrap();
    for variable in found.lines().filter_map(|line| line.split_once(": Option")).map(|(name, _)| name.trim())
    {
        let variable = variable.to_uppercase();
        assert!(CONFIGURATION.contains(&format!("`{variable}`")), "docs/configuration.md lacks {variable}");
    }
}

#[test]
fn every_default_stands_in_the_table() {
    let d = MetricsConfig::default();
    for (field, default) in [
        ("block_id", d.block_id.clone()),
        ("instance_id", d.instance_id.clone()),
        ("http_host", d.http_host.clone()),
        ("http_port", d.http_port.to_string()),
        ("http_max_connections", d.http_max_connections.to_string()),
        ("http_max_scrapes", d.http_max_scrapes.to_string()),
        ("http_scrape_timeout_s", d.http_scrape_timeout_s.to_string()),
        ("http_landing_page", d.http_landing_page.to_string()),
        ("redis_enabled", d.redis_enabled.to_string()),
        ("redis_host", d.redis_host.clone()),
        ("redis_port", d.redis_port.to_string()),
        ("redis_db", d.redis_db.to_string()),
        ("redis_queue_key", d.redis_queue_key.clone()),
        ("redis_push_interval_s", d.redis_push_interval_s.to_string()),
        ("redis_batch_size", d.redis_batch_size.to_string()),
        ("redis_backoff_initial_s", d.redis_backoff_initial_s.to_string()),
        ("redis_backoff_max_s", d.redis_backoff_max_s.to_string()),
        ("redis_max_pending", d.redis_max_pending.to_string()),
        ("redis_max_pending_bytes", d.redis_max_pending_bytes.to_string()),
        ("avg_1m", d.avg_1m.to_string()),
        ("avg_5m", d.avg_5m.to_string()),
        ("avg_15m", d.avg_15m.to_string()),
        ("max_series", d.max_series.to_string()),
        ("max_rolling", d.max_rolling.to_string()),
        ("created_timestamps", d.created_timestamps.to_string()),
        ("hardware_interval_s", d.hardware_interval_s.to_string()),
        ("document_flat_rolling", d.document_flat_rolling.to_string()),
    ] {
        let row = CONFIGURATION.lines().find(|line| line.starts_with(&format!("| `{field}` |"))).unwrap();
        let shown = row.split('|').nth(3).unwrap().trim().replace([',', '`'], "");
        assert_eq!(shown.split(' ').next(), Some(default.as_str()), "{row}");
    }
    let buckets: Vec<String> = d.default_hist_buckets.iter().map(f64::to_string).collect();
    assert!(CONFIGURATION.contains(&buckets.join(",")) && README.contains(&buckets.join(",")));
}

#[test]
fn every_feature_stands_in_the_readme() {
    let features = include_str!("../Cargo.toml").split("[features]\n").nth(1).unwrap();
    let features = features.split("\n[").next().unwrap().lines();
    let names: Vec<&str> = features.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect();
    assert!(names.contains(&"default"), "{names:?}");
    for name in names.into_iter().filter(|name| *name != "default") {
        assert!(README.contains(&format!("\n| `{name}` | ")), "the README lacks the feature {name}");
    }
}

/// Every family that a service has which registered none of its own is named in a guide.
#[cfg(all(feature = "http", feature = "hw", feature = "redis"))]
#[test]
fn every_metric_of_the_sdk_is_described() {
    let config = MetricsConfig::default().with_http_host("127.0.0.1").with_http_port(0);
    let metrics = aios_metrics::AiosMetrics::new(config.with_redis_enabled(false)).unwrap();
    metrics.start_publisher_to(aios_metrics::MemorySink::new()).unwrap();
    metrics.start_http_server().unwrap();
    let mut page = Vec::new();
    metrics.registry().encode(&aios_metrics::PrometheusText, &mut page);
    metrics.stop(Duration::from_secs(30));

    let page = String::from_utf8(page).unwrap();
    let families: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert!(families.len() > 20, "{families:?}");
    for family in families.iter().filter_map(|line| line.split(' ').next()) {
        let described = [TROUBLESHOOTING, REDIS, HARDWARE].iter().any(|guide| guide.contains(family));
        assert!(described, "no guide describes {family}");
    }
}

/// Also those that this machine does not have.
#[cfg(feature = "hw")]
#[test]
fn every_figure_of_the_hardware_is_described() {
    use aios_metrics::Collect;
    use aios_metrics::hw::{Hardware, HardwareOptions, ProbeName, ProbeSet};

    let all = ProbeSet::from_iter(ProbeName::ALL.iter().copied());
    let described = Hardware::with_options(HardwareOptions::new().with_probes(all)).describe();
    assert!(described.len() > 80, "{}", described.len());
    for family in described {
        let name = family.exposed_name();
        let is_described = ["`", "{"].iter().any(|end| HARDWARE.contains(&format!("`{name}{end}")));
        assert!(is_described, "docs/hardware.md lacks {name}");
    }
}
