//! How an instance is configured.

mod error;
#[cfg(feature = "redis")]
mod redis;
mod vars;

use std::fmt;
use std::path::PathBuf;

pub use self::error::{ConfigError, ConfigProblem};
use crate::probes::Probes;

/// The configuration of an [`AiosMetrics`](crate::AiosMetrics): plain fields, each with its
/// environment variable.
///
/// [`default`](Self::default) ignores the environment, [`from_env`](Self::from_env) reads it, and
/// whatever is set afterwards in code wins. All fields exist whatever features are built in.
///
/// # Examples
///
/// ```
/// use aios_metrics::MetricsConfig;
///
/// let config = MetricsConfig::default().with_block_id("block-1").with_redis_enabled(false);
/// assert_eq!((config.block_id.as_str(), config.http_port), ("block-1", 8000));
///
/// let vars = [("METRICS_PORT", "eight"), ("METRICS_BATCH_SIZE", "0")].map(|(k, v)| (k.into(), v.into()));
/// let error = MetricsConfig::from_vars(vars).unwrap_err().to_string();
/// assert!(error.contains(r#"METRICS_PORT="eight": expected a port number from 0 to 65535"#), "{error}");
/// assert!(error.contains("METRICS_BATCH_SIZE"), "{error}");
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct MetricsConfig {
    /// The block: the deployed model or computation. `BLOCK_ID`, `test-block`.
    pub block_id: String,
    /// The instance of the block. `INSTANCE_ID`, `instance-001`.
    pub instance_id: String,
    /// The node; without it the host name. `NODE_ID`, else `KUBERNETES_NODE_NAME`.
    pub node_id: Option<String>,
    /// The address on which the exporter listens. `METRICS_HOST`, `0.0.0.0`.
    pub http_host: String,
    /// The exporter's port; 0 lets the system choose. `METRICS_PORT`, 8000.
    pub http_port: u16,
    /// Connections that the exporter serves at the same time. `METRICS_HTTP_MAX_CONNECTIONS`, 64.
    pub http_max_connections: usize,
    /// Different pages that may be wanted at the same time before one by `name[]` is refused.
    /// `METRICS_HTTP_MAX_SCRAPES`, 16.
    pub http_max_scrapes: usize,
    /// The most seconds that a scrape waits for its page. `METRICS_HTTP_SCRAPE_TIMEOUT`, 30.
    pub http_scrape_timeout_s: f64,
    /// Whether the exporter answers `/` with a page for people. `METRICS_HTTP_LANDING_PAGE`, true.
    pub http_landing_page: bool,
    /// Whether starting the exporter starts the Redis publisher too. `METRICS_REDIS_ENABLED`, true.
    pub redis_enabled: bool,
    /// `METRICS_REDIS_HOST`, `localhost`.
    pub redis_host: String,
    /// `METRICS_REDIS_PORT`, 6379.
    pub redis_port: u16,
    /// The database's number. `METRICS_REDIS_DB`, 0.
    pub redis_db: u32,
    /// Never shown by `Debug` or in errors. `METRICS_REDIS_PASSWORD`.
    pub redis_password: Option<String>,
    /// The ACL user. `METRICS_REDIS_USERNAME`.
    pub redis_username: Option<String>,
    /// Where Redis is, by a URL: one server, Sentinels, a cluster or a Unix socket, with TLS or
    /// without. What it says wins over the single fields; never shown. `METRICS_REDIS_URL`.
    pub redis_url: Option<String>,
    /// Authorities to trust instead of the system's, for a URL with TLS. `METRICS_REDIS_TLS_CA`.
    pub redis_tls_ca: Option<PathBuf>,
    /// Our certificate, for a Redis that asks for one. `METRICS_REDIS_TLS_CERT`.
    pub redis_tls_cert: Option<PathBuf>,
    /// The key of our certificate. `METRICS_REDIS_TLS_KEY`.
    pub redis_tls_key: Option<PathBuf>,
    /// The list that documents are pushed into. `METRICS_REDIS_QUEUE`, `NODE_METRICS`.
    pub redis_queue_key: String,
    /// Seconds from one document to the next, above 0. `METRICS_PUSH_INTERVAL`, 30.
    pub redis_push_interval_s: f64,
    /// Documents in one push, at least 1. `METRICS_BATCH_SIZE`, 1.
    pub redis_batch_size: usize,
    /// Seconds to wait after the first failure. `METRICS_REDIS_BACKOFF_INITIAL`, 1.
    pub redis_backoff_initial_s: f64,
    /// The most seconds to wait after a failure. `METRICS_REDIS_BACKOFF_MAX`, 30.
    pub redis_backoff_max_s: f64,
    /// Documents that may wait; past it the oldest is dropped. `METRICS_REDIS_MAX_PENDING`, 1,000.
    pub redis_max_pending: usize,
    /// Bytes of documents that may wait. `METRICS_REDIS_MAX_PENDING_BYTES`, 64 MiB.
    pub redis_max_pending_bytes: usize,
    /// The length to which the list is trimmed; 0 never trims. `METRICS_REDIS_MAX_LIST_LEN`, 0.
    pub redis_max_list_len: usize,
    /// Seconds without a delivered document after which `/readyz` says 503; `None` for never.
    /// `METRICS_READY_MAX_PUSH_AGE`.
    pub ready_max_push_age_s: Option<f64>,
    /// Seconds of the short rolling window. `ROLLING_AVG_1M`, 60.
    pub avg_1m: u64,
    /// Seconds of the middle rolling window. `ROLLING_AVG_5M`, 300.
    pub avg_5m: u64,
    /// Seconds of the long rolling window. `ROLLING_AVG_15M`, 900.
    pub avg_15m: u64,
    /// Bounds of histograms registered without any. `HISTO_BUCKETS`, 0.1, 0.2, 0.5, 1, 2, 5, 10.
    pub default_hist_buckets: Vec<f64>,
    /// Series of one family, past which updates go to an overflow series. `METRICS_MAX_SERIES`,
    /// 10,000.
    pub max_series: usize,
    /// Rolling metrics that can be created. `METRICS_MAX_ROLLING`, 1,000.
    pub max_rolling: usize,
    /// Whether counters and histograms show when their series were created, in OpenMetrics and
    /// protobuf. `METRICS_CREATED_TIMESTAMPS`, false.
    pub created_timestamps: bool,
    /// Seconds from one reading of the hardware to the next. `METRICS_HARDWARE_INTERVAL`, 5.
    pub hardware_interval_s: f64,
    /// Names of the probes to run; `None` for all. `METRICS_PROBES`.
    pub probes: Option<Vec<String>>,
    /// Whether rolling summaries also stand at the top of the document.
    /// `METRICS_DOCUMENT_FLAT_ROLLING`, false.
    pub document_flat_rolling: bool,
    /// TLS and authentication of the exporter, in the form of Prometheus' web configuration; needs the
    /// feature `tls`. `METRICS_WEB_CONFIG_FILE`.
    pub web_config_file: Option<PathBuf>,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            block_id: "test-block".to_owned(),
            instance_id: "instance-001".to_owned(),
            node_id: None,
            http_host: "0.0.0.0".to_owned(),
            http_port: 8000,
            http_max_connections: 64,
            http_max_scrapes: 16,
            http_scrape_timeout_s: 30.0,
            http_landing_page: true,
            redis_enabled: true,
            redis_host: "localhost".to_owned(),
            redis_port: 6379,
            redis_db: 0,
            redis_password: None,
            redis_username: None,
            redis_url: None,
            redis_tls_ca: None,
            redis_tls_cert: None,
            redis_tls_key: None,
            redis_queue_key: "NODE_METRICS".to_owned(),
            redis_push_interval_s: 30.0,
            redis_batch_size: 1,
            redis_backoff_initial_s: 1.0,
            redis_backoff_max_s: 30.0,
            redis_max_pending: 1_000,
            redis_max_pending_bytes: 64 << 20,
            redis_max_list_len: 0,
            ready_max_push_age_s: None,
            avg_1m: 60,
            avg_5m: 300,
            avg_15m: 900,
            default_hist_buckets: vec![0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0],
            max_series: 10_000,
            max_rolling: 1_000,
            created_timestamps: false,
            hardware_interval_s: 5.0,
            probes: None,
            document_flat_rolling: false,
            web_config_file: None,
        }
    }
}

/// One setter for each field.
macro_rules! setters {
    ($($name:ident: $field:ident, $given:ty, $value:ident => $stored:expr;)*) => {
        impl MetricsConfig {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
                #[must_use]
                pub fn $name(mut self, $value: $given) -> Self {
                    self.$field = $stored;
                    self
                }
            )*
        }
    };
}

setters! {
    with_block_id: block_id, impl Into<String>, v => v.into();
    with_instance_id: instance_id, impl Into<String>, v => v.into();
    with_node_id: node_id, impl Into<String>, v => Some(v.into());
    with_http_host: http_host, impl Into<String>, v => v.into();
    with_http_port: http_port, u16, v => v;
    with_http_max_connections: http_max_connections, usize, v => v;
    with_http_max_scrapes: http_max_scrapes, usize, v => v;
    with_http_scrape_timeout_s: http_scrape_timeout_s, f64, v => v;
    with_http_landing_page: http_landing_page, bool, v => v;
    with_redis_enabled: redis_enabled, bool, v => v;
    with_redis_host: redis_host, impl Into<String>, v => v.into();
    with_redis_port: redis_port, u16, v => v;
    with_redis_db: redis_db, u32, v => v;
    with_redis_password: redis_password, impl Into<String>, v => Some(v.into());
    with_redis_username: redis_username, impl Into<String>, v => Some(v.into());
    with_redis_url: redis_url, impl Into<String>, v => Some(v.into());
    with_redis_tls_ca: redis_tls_ca, impl Into<PathBuf>, v => Some(v.into());
    with_redis_tls_cert: redis_tls_cert, impl Into<PathBuf>, v => Some(v.into());
    with_redis_tls_key: redis_tls_key, impl Into<PathBuf>, v => Some(v.into());
    with_redis_queue_key: redis_queue_key, impl Into<String>, v => v.into();
    with_redis_push_interval_s: redis_push_interval_s, f64, v => v;
    with_redis_batch_size: redis_batch_size, usize, v => v;
    with_redis_backoff_initial_s: redis_backoff_initial_s, f64, v => v;
    with_redis_backoff_max_s: redis_backoff_max_s, f64, v => v;
    with_redis_max_pending: redis_max_pending, usize, v => v;
    with_redis_max_pending_bytes: redis_max_pending_bytes, usize, v => v;
    with_redis_max_list_len: redis_max_list_len, usize, v => v;
    with_ready_max_push_age_s: ready_max_push_age_s, f64, v => Some(v);
    with_avg_1m: avg_1m, u64, v => v;
    with_avg_5m: avg_5m, u64, v => v;
    with_avg_15m: avg_15m, u64, v => v;
    with_default_hist_buckets: default_hist_buckets, impl Into<Vec<f64>>, v => v.into();
    with_max_series: max_series, usize, v => v;
    with_max_rolling: max_rolling, usize, v => v;
    with_created_timestamps: created_timestamps, bool, v => v;
    with_hardware_interval_s: hardware_interval_s, f64, v => v;
    with_probes: probes, impl IntoIterator<Item = impl Into<String>>, v => Some(v.into_iter().map(Into::into).collect());
    with_document_flat_rolling: document_flat_rolling, bool, v => v;
    with_web_config_file: web_config_file, impl Into<PathBuf>, v => Some(v.into());
}

impl MetricsConfig {
    /// The defaults, overridden by the environment variables that are set.
    ///
    /// A variable that is empty counts as not set; variables that are none of ours are not looked
    /// at, whatever bytes they hold.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names every variable that can't be used, with its value and the form that
    /// was expected.
    pub fn from_env() -> Result<Self, ConfigError> {
        vars::read(std::env::vars_os())
    }

    /// The same from variables of your own; for tests, and for settings from elsewhere.
    ///
    /// # Errors
    ///
    /// As for [`from_env`](Self::from_env).
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        vars::read(vars.into_iter().map(|(name, value)| (name.into(), value.into())))
    }

    /// Checks what the types of the fields don't rule out.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        let mut check = |setting: &str, value: String, holds: bool, expected: &str| {
            if !holds {
                problems.push(ConfigProblem::new(setting, Some(value), expected));
            }
        };
        for (setting, seconds) in [
            ("http_scrape_timeout_s", self.http_scrape_timeout_s),
            ("redis_push_interval_s", self.redis_push_interval_s),
            ("redis_backoff_initial_s", self.redis_backoff_initial_s),
            ("redis_backoff_max_s", self.redis_backoff_max_s),
            ("hardware_interval_s", self.hardware_interval_s),
        ] {
            check(setting, seconds.to_string(), vars::is_wait(seconds), vars::SECONDS);
        }
        if let Some(seconds) = self.ready_max_push_age_s {
            check("ready_max_push_age_s", seconds.to_string(), vars::is_wait(seconds), vars::SECONDS);
        }
        for (setting, count) in [
            ("http_max_connections", self.http_max_connections),
            ("http_max_scrapes", self.http_max_scrapes),
            ("redis_batch_size", self.redis_batch_size),
            ("redis_max_pending", self.redis_max_pending),
            ("redis_max_pending_bytes", self.redis_max_pending_bytes),
            ("max_series", self.max_series),
            ("max_rolling", self.max_rolling),
        ] {
            check(setting, count.to_string(), count > 0, vars::COUNT);
        }
        for (setting, window) in [("avg_1m", self.avg_1m), ("avg_5m", self.avg_5m), ("avg_15m", self.avg_15m)]
        {
            check(setting, window.to_string(), vars::is_window(window), vars::WINDOW);
        }
        let buckets = &self.default_hist_buckets;
        check("default_hist_buckets", format!("{buckets:?}"), vars::are_bounds(buckets), vars::BOUNDS);
        if let Some(names) = &self.probes
            && let Err(expected) = Probes::check(names)
        {
            check("probes", names.join(","), false, &expected);
        }
        #[cfg(feature = "redis")]
        problems.extend(redis::problem(self));
        ConfigError::from_problems(problems)
    }

    #[cfg(any(feature = "http", feature = "redis"))]
    pub(crate) fn seconds(seconds: f64) -> std::time::Duration {
        // `check` has seen to the range.
        std::time::Duration::try_from_secs_f64(seconds).unwrap_or(std::time::Duration::MAX)
    }
}

impl fmt::Debug for MetricsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "<hidden>");
        f.debug_struct("MetricsConfig")
            .field("block_id", &self.block_id)
            .field("instance_id", &self.instance_id)
            .field("node_id", &self.node_id)
            .field("http_host", &self.http_host)
            .field("http_port", &self.http_port)
            .field("http_max_connections", &self.http_max_connections)
            .field("http_max_scrapes", &self.http_max_scrapes)
            .field("http_scrape_timeout_s", &self.http_scrape_timeout_s)
            .field("http_landing_page", &self.http_landing_page)
            .field("redis_enabled", &self.redis_enabled)
            .field("redis_host", &self.redis_host)
            .field("redis_port", &self.redis_port)
            .field("redis_db", &self.redis_db)
            .field("redis_password", &hidden(&self.redis_password))
            .field("redis_username", &self.redis_username)
            .field("redis_url", &hidden(&self.redis_url))
            .field("redis_tls_ca", &self.redis_tls_ca)
            .field("redis_tls_cert", &self.redis_tls_cert)
            .field("redis_tls_key", &self.redis_tls_key)
            .field("redis_queue_key", &self.redis_queue_key)
            .field("redis_push_interval_s", &self.redis_push_interval_s)
            .field("redis_batch_size", &self.redis_batch_size)
            .field("redis_backoff_initial_s", &self.redis_backoff_initial_s)
            .field("redis_backoff_max_s", &self.redis_backoff_max_s)
            .field("redis_max_pending", &self.redis_max_pending)
            .field("redis_max_pending_bytes", &self.redis_max_pending_bytes)
            .field("redis_max_list_len", &self.redis_max_list_len)
            .field("ready_max_push_age_s", &self.ready_max_push_age_s)
            .field("avg_1m", &self.avg_1m)
            .field("avg_5m", &self.avg_5m)
            .field("avg_15m", &self.avg_15m)
            .field("default_hist_buckets", &self.default_hist_buckets)
            .field("max_series", &self.max_series)
            .field("max_rolling", &self.max_rolling)
            .field("created_timestamps", &self.created_timestamps)
            .field("hardware_interval_s", &self.hardware_interval_s)
            .field("probes", &self.probes)
            .field("document_flat_rolling", &self.document_flat_rolling)
            .field("web_config_file", &self.web_config_file)
            .finish()
    }
}
