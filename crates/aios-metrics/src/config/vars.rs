//! From environment variables to a configuration.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde::Deserialize;

use super::{ConfigError, ConfigProblem, MetricsConfig};
use crate::probes::Probes;

pub(super) const SECONDS: &str = "a number of seconds above 0 and at most 1000000000, such as 30 or 0.5";
pub(super) const COUNT: &str = "a whole number of at least 1";
pub(super) const WINDOW: &str = "a whole number of seconds from 1 to 1000000000";
pub(super) const BOUNDS: &str =
    "ascending finite numbers, at most 1000, such as 0.1,0.5,1,5 (`+Inf` is added)";
const PORT: &str = "a port number from 0 to 65535";
const NUMBER: &str = "a whole number of at least 0";
const BOOLEAN: &str = "true, false, 1, 0, yes, no, on or off";
const UTF_8: &str = "text in UTF-8";

/// The variables as they are found, by their names in lower case.
#[derive(Default, Deserialize)]
struct Found {
    block_id: Option<String>,
    instance_id: Option<String>,
    node_id: Option<String>,
    kubernetes_node_name: Option<String>,
    metrics_host: Option<String>,
    metrics_port: Option<String>,
    metrics_http_max_connections: Option<String>,
    metrics_http_max_scrapes: Option<String>,
    metrics_http_scrape_timeout: Option<String>,
    metrics_http_landing_page: Option<String>,
    metrics_redis_enabled: Option<String>,
    metrics_redis_host: Option<String>,
    metrics_redis_port: Option<String>,
    metrics_redis_db: Option<String>,
    metrics_redis_password: Option<String>,
    metrics_redis_username: Option<String>,
    metrics_redis_url: Option<String>,
    metrics_redis_tls_ca: Option<String>,
    metrics_redis_tls_cert: Option<String>,
    metrics_redis_tls_key: Option<String>,
    metrics_redis_queue: Option<String>,
    metrics_push_interval: Option<String>,
    metrics_batch_size: Option<String>,
    metrics_redis_backoff_initial: Option<String>,
    metrics_redis_backoff_max: Option<String>,
    metrics_redis_max_pending: Option<String>,
    metrics_redis_max_pending_bytes: Option<String>,
    metrics_redis_max_list_len: Option<String>,
    metrics_ready_max_push_age: Option<String>,
    rolling_avg_1m: Option<String>,
    rolling_avg_5m: Option<String>,
    rolling_avg_15m: Option<String>,
    histo_buckets: Option<String>,
    metrics_max_series: Option<String>,
    metrics_max_rolling: Option<String>,
    metrics_created_timestamps: Option<String>,
    metrics_hardware_interval: Option<String>,
    metrics_probes: Option<String>,
    metrics_document_flat_rolling: Option<String>,
    metrics_web_config_file: Option<String>,
}

/// Whether a variable may be one of ours, by its prefix or name. Case matters, as everywhere in the
/// environment, though it gets lost later on.
fn is_ours(name: &str) -> bool {
    if name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return false;
    }
    ["METRICS_", "ROLLING_AVG_"].iter().any(|prefix| name.starts_with(prefix))
        || ["BLOCK_ID", "INSTANCE_ID", "NODE_ID", "KUBERNETES_NODE_NAME", "HISTO_BUCKETS"].contains(&name)
}

/// Reads the variables that are set over the defaults.
pub(super) fn read(vars: impl Iterator<Item = (OsString, OsString)>) -> Result<MetricsConfig, ConfigError> {
    let mut problems = Vec::new();
    // Given twice, the last value counts.
    let mut texts = BTreeMap::new();
    for (name, value) in vars {
        let Some(name) = name.into_string().ok().filter(|name| is_ours(name)) else { continue };
        match value.into_string() {
            Ok(value) if value.is_empty() => drop(texts.remove(&name)),
            Ok(value) => drop(texts.insert(name, value)),
            Err(value) => {
                let shown = (!is_secret(&name)).then(|| value.to_string_lossy().into_owned());
                problems.push(ConfigProblem::new(&name, shown, UTF_8));
            }
        }
    }
    // Optional strings take whatever there is; the parsers below are ours, since an error here
    // would name neither the value nor the form.
    let found: Found = envy::from_iter(texts).unwrap_or_default();
    let config = Reader { problems: &mut problems }.config(found);
    #[cfg(feature = "redis")]
    problems.extend(
        config.redis_url.as_deref().and_then(|url| super::redis::url_problem("METRICS_REDIS_URL", url)),
    );
    ConfigError::from_problems(problems).map(|()| config)
}

fn is_secret(name: &str) -> bool {
    ["METRICS_REDIS_PASSWORD", "METRICS_REDIS_URL"].contains(&name)
}

struct Reader<'p> {
    problems: &'p mut Vec<ConfigProblem>,
}

impl Reader<'_> {
    fn config(&mut self, found: Found) -> MetricsConfig {
        let defaults = MetricsConfig::default();
        let text = |found: Option<String>, default: String| found.unwrap_or(default);
        MetricsConfig {
            block_id: text(found.block_id, defaults.block_id),
            instance_id: text(found.instance_id, defaults.instance_id),
            node_id: found.node_id.or(found.kubernetes_node_name),
            http_host: text(found.metrics_host, defaults.http_host),
            http_port: self.port("METRICS_PORT", found.metrics_port, defaults.http_port),
            http_max_connections: self.count(
                "METRICS_HTTP_MAX_CONNECTIONS",
                found.metrics_http_max_connections,
                defaults.http_max_connections,
            ),
            http_max_scrapes: self.count(
                "METRICS_HTTP_MAX_SCRAPES",
                found.metrics_http_max_scrapes,
                defaults.http_max_scrapes,
            ),
            http_scrape_timeout_s: self.seconds(
                "METRICS_HTTP_SCRAPE_TIMEOUT",
                found.metrics_http_scrape_timeout,
                defaults.http_scrape_timeout_s,
            ),
            http_landing_page: self.boolean(
                "METRICS_HTTP_LANDING_PAGE",
                found.metrics_http_landing_page,
                defaults.http_landing_page,
            ),
            redis_enabled: self.boolean(
                "METRICS_REDIS_ENABLED",
                found.metrics_redis_enabled,
                defaults.redis_enabled,
            ),
            redis_host: text(found.metrics_redis_host, defaults.redis_host),
            redis_port: self.port("METRICS_REDIS_PORT", found.metrics_redis_port, defaults.redis_port),
            redis_db: self.parse(
                "METRICS_REDIS_DB",
                found.metrics_redis_db,
                defaults.redis_db,
                NUMBER,
                |_| true,
            ),
            redis_password: found.metrics_redis_password,
            redis_username: found.metrics_redis_username,
            redis_url: found.metrics_redis_url,
            redis_tls_ca: found.metrics_redis_tls_ca.map(Into::into),
            redis_tls_cert: found.metrics_redis_tls_cert.map(Into::into),
            redis_tls_key: found.metrics_redis_tls_key.map(Into::into),
            redis_queue_key: text(found.metrics_redis_queue, defaults.redis_queue_key),
            redis_push_interval_s: self.seconds(
                "METRICS_PUSH_INTERVAL",
                found.metrics_push_interval,
                defaults.redis_push_interval_s,
            ),
            redis_batch_size: self.count(
                "METRICS_BATCH_SIZE",
                found.metrics_batch_size,
                defaults.redis_batch_size,
            ),
            redis_backoff_initial_s: self.seconds(
                "METRICS_REDIS_BACKOFF_INITIAL",
                found.metrics_redis_backoff_initial,
                defaults.redis_backoff_initial_s,
            ),
            redis_backoff_max_s: self.seconds(
                "METRICS_REDIS_BACKOFF_MAX",
                found.metrics_redis_backoff_max,
                defaults.redis_backoff_max_s,
            ),
            redis_max_pending: self.count(
                "METRICS_REDIS_MAX_PENDING",
                found.metrics_redis_max_pending,
                defaults.redis_max_pending,
            ),
            redis_max_pending_bytes: self.count(
                "METRICS_REDIS_MAX_PENDING_BYTES",
                found.metrics_redis_max_pending_bytes,
                defaults.redis_max_pending_bytes,
            ),
            redis_max_list_len: self.parse(
                "METRICS_REDIS_MAX_LIST_LEN",
                found.metrics_redis_max_list_len,
                defaults.redis_max_list_len,
                NUMBER,
                |_| true,
            ),
            ready_max_push_age_s: found
                .metrics_ready_max_push_age
                .map(|text| self.seconds("METRICS_READY_MAX_PUSH_AGE", Some(text), 0.0)),
            avg_1m: self.window("ROLLING_AVG_1M", found.rolling_avg_1m, defaults.avg_1m),
            avg_5m: self.window("ROLLING_AVG_5M", found.rolling_avg_5m, defaults.avg_5m),
            avg_15m: self.window("ROLLING_AVG_15M", found.rolling_avg_15m, defaults.avg_15m),
            default_hist_buckets: self.bounds(
                "HISTO_BUCKETS",
                found.histo_buckets,
                defaults.default_hist_buckets,
            ),
            max_series: self.count("METRICS_MAX_SERIES", found.metrics_max_series, defaults.max_series),
            max_rolling: self.count("METRICS_MAX_ROLLING", found.metrics_max_rolling, defaults.max_rolling),
            created_timestamps: self.boolean(
                "METRICS_CREATED_TIMESTAMPS",
                found.metrics_created_timestamps,
                defaults.created_timestamps,
            ),
            hardware_interval_s: self.seconds(
                "METRICS_HARDWARE_INTERVAL",
                found.metrics_hardware_interval,
                defaults.hardware_interval_s,
            ),
            probes: self.probes("METRICS_PROBES", found.metrics_probes),
            document_flat_rolling: self.boolean(
                "METRICS_DOCUMENT_FLAT_ROLLING",
                found.metrics_document_flat_rolling,
                defaults.document_flat_rolling,
            ),
            web_config_file: found.metrics_web_config_file.map(Into::into),
        }
    }

    /// The value of a variable if it parses and is allowed; else the default and a problem.
    fn parse<T: std::str::FromStr>(
        &mut self,
        name: &str,
        found: Option<String>,
        default: T,
        expected: &str,
        allowed: impl FnOnce(&T) -> bool,
    ) -> T {
        let Some(text) = found else { return default };
        match text.trim().parse() {
            Ok(value) if allowed(&value) => value,
            _ => self.refuse(name, text, expected, default),
        }
    }

    fn port(&mut self, name: &str, found: Option<String>, default: u16) -> u16 {
        self.parse(name, found, default, PORT, |_| true)
    }

    fn count(&mut self, name: &str, found: Option<String>, default: usize) -> usize {
        self.parse(name, found, default, COUNT, |&count| count > 0)
    }

    fn seconds(&mut self, name: &str, found: Option<String>, default: f64) -> f64 {
        self.parse(name, found, default, SECONDS, |&seconds| is_wait(seconds))
    }

    fn window(&mut self, name: &str, found: Option<String>, default: u64) -> u64 {
        self.parse(name, found, default, WINDOW, |&seconds| is_window(seconds))
    }

    fn boolean(&mut self, name: &str, found: Option<String>, default: bool) -> bool {
        let Some(text) = found else { return default };
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => true,
            "false" | "0" | "no" | "off" => false,
            _ => self.refuse(name, text, BOOLEAN, default),
        }
    }

    fn bounds(&mut self, name: &str, found: Option<String>, default: Vec<f64>) -> Vec<f64> {
        let Some(text) = found else { return default };
        let parsed: Result<Vec<f64>, _> = list(&text).map(str::parse).collect();
        match parsed {
            Ok(bounds) if are_bounds(&bounds) => bounds,
            _ => self.refuse(name, text, BOUNDS, default),
        }
    }

    fn probes(&mut self, name: &str, found: Option<String>) -> Option<Vec<String>> {
        let text = found?;
        let names: Vec<String> = list(&text).map(str::to_owned).collect();
        match Probes::check(&names) {
            Ok(()) => Some(names),
            Err(expected) => self.refuse(name, text, &expected, None),
        }
    }

    fn refuse<T>(&mut self, name: &str, value: String, expected: &str, default: T) -> T {
        self.problems.push(ConfigProblem::new(name, Some(value), expected));
        default
    }
}

/// The items of a list that is separated by commas, without spaces around them.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

pub(super) fn is_wait(seconds: f64) -> bool {
    seconds > 0.0 && seconds <= 1e9
}

pub(super) fn is_window(seconds: u64) -> bool {
    (1..=1_000_000_000).contains(&seconds)
}

/// Whether a histogram can be registered with these bounds.
pub(super) fn are_bounds(bounds: &[f64]) -> bool {
    aios_metrics_core::Descriptor::histogram("bounds", "", &[], bounds).is_ok()
}
