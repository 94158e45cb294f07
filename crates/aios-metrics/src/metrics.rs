//! The facade: one object that knows everything.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::{Document, Documents, Identity, Registry, RegistryOptions, RollingWindows};

use crate::config::{ConfigError, ConfigProblem, MetricsConfig};
use crate::life::Life;
use crate::probes::Probes;

/// The metrics of one service: register, update from any thread, expose, publish, stop.
///
/// Cheap to clone; clones share everything. No call is async and none needs a runtime: the exporter,
/// the publisher and the reading of hardware run on threads of the SDK's own. Dropping the last
/// clone tells those threads to end, without waiting and without a last document;
/// [`stop`](Self::stop) does it properly.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use aios_metrics::{AiosMetrics, MetricsConfig};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = MetricsConfig::default().with_block_id("block-1").with_redis_enabled(false);
/// let metrics = AiosMetrics::new(config)?;
/// metrics.register_counter("jobs_processed_total", "Jobs processed", &["status"])?;
/// metrics.increment_counter("jobs_processed_total", &[("status", "ok")], 1)?;
/// assert_eq!(metrics.value("jobs_processed_total", &[("status", "ok")]), Some(1.0));
/// metrics.stop(Duration::from_secs(5));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AiosMetrics {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: MetricsConfig,
    pub(crate) registry: Registry,
    pub(crate) documents: Arc<Documents>,
    pub(crate) probes: Probes,
    pub(crate) life: Life,
}

impl AiosMetrics {
    /// Metrics of a service, configured; nothing is started yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names every setting that can't be used.
    pub fn new(config: MetricsConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let probes = Probes::new(&config);
        let registry = Registry::with_options(
            RegistryOptions::default()
                .with_max_series(config.max_series)
                .with_max_rolling(config.max_rolling)
                .with_created_timestamps(config.created_timestamps)
                .with_default_buckets(config.default_hist_buckets.clone())
                .with_rolling_windows(RollingWindows {
                    short: Duration::from_secs(config.avg_1m),
                    middle: Duration::from_secs(config.avg_5m),
                    long: Duration::from_secs(config.avg_15m),
                }),
        );
        // The registry is empty, so none of these names can be taken.
        let own = registry.register_self_metrics().and_then(|()| probes.register(&registry));
        own.map_err(|error| ConfigError::single(ConfigProblem::new("registry", None, &error.to_string())))?;

        let node = config.node_id.clone().unwrap_or_else(host_name);
        let identity = Identity::new(config.block_id.as_str(), config.instance_id.as_str(), node);
        let documents = Documents::new(Arc::new(registry.clone()), identity)
            .with_flat_rolling(config.document_flat_rolling);
        let documents = Arc::new(probes.add_to(documents));
        let life = Life::new(&config);
        let inner = Inner { config, registry, documents, probes, life };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Metrics of a service, configured by the environment; see [`MetricsConfig::from_env`].
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names every variable that can't be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::new(MetricsConfig::from_env()?)
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &MetricsConfig {
        &self.inner.config
    }

    /// The registry, for what this facade does not wrap: collectors, other formats.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// Where documents come from, for an exporter or publisher of your own.
    #[must_use]
    pub fn documents(&self) -> &Arc<Documents> {
        &self.inner.documents
    }

    /// Everything that is known now: samples, hardware, rolling summaries.
    ///
    /// Reads the hardware on the calling thread when no background part does.
    #[must_use]
    pub fn snapshot(&self) -> Document {
        self.freshen();
        self.inner.documents.collect()
    }

    /// The same as JSON, streamed without building the [`Document`].
    #[must_use]
    pub fn snapshot_json(&self) -> String {
        self.freshen();
        let mut json = Vec::new();
        self.inner.documents.write_json(None, &mut json);
        // Only `&str` and numbers are written, so it is always UTF-8.
        String::from_utf8(json).unwrap_or_default()
    }

    fn freshen(&self) {
        if !self.inner.life.is_sampling() {
            self.inner.probes.refresh();
        }
    }
}

fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

impl fmt::Debug for AiosMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AiosMetrics")
            .field("config", &self.inner.config)
            .field("registry", &self.inner.registry)
            .finish_non_exhaustive()
    }
}
