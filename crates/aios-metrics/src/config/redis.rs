//! From the configuration to the options of the sink, and what is wrong with them.

use aios_metrics_redis::{PublisherOptions, RedisOptions, RedisTls, RedisTlsError, RedisUrlError};

use super::{ConfigError, ConfigProblem, MetricsConfig};

/// For programs that publish documents of their own, by the same settings.
impl MetricsConfig {
    /// Which Redis documents go to and into which list, as the `redis_` fields say.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a URL and for files of TLS that can't be used; no secret is shown.
    ///
    /// # Examples
    ///
    /// ```
    /// use aios_metrics::MetricsConfig;
    ///
    /// let config = MetricsConfig::default().with_redis_url("redis://redis:7000/3");
    /// let options = config.redis_options()?;
    /// assert_eq!((options.server.to_string().as_str(), options.db), ("redis:7000", 3));
    /// # Ok::<(), aios_metrics::ConfigError>(())
    /// ```
    pub fn redis_options(&self) -> Result<RedisOptions, ConfigError> {
        options(self).map_err(ConfigError::single)
    }

    /// How often documents are taken, in which batches they go, how retries are spaced and how much
    /// may wait.
    #[must_use]
    pub fn publisher_options(&self) -> PublisherOptions {
        PublisherOptions::default()
            .with_push_interval(Self::seconds(self.redis_push_interval_s))
            .with_batch_size(self.redis_batch_size)
            .with_backoff_initial(Self::seconds(self.redis_backoff_initial_s))
            .with_backoff_max(Self::seconds(self.redis_backoff_max_s))
            .with_max_pending(self.redis_max_pending)
            .with_max_pending_bytes(self.redis_max_pending_bytes)
    }
}

/// What is wrong with a URL, under the name by which it was given. The URL itself is not shown.
pub(super) fn url_problem(setting: &str, url: &str) -> Option<ConfigProblem> {
    let error = RedisOptions::default().with_url(url).err()?;
    Some(ConfigProblem::new(setting, None, &error.to_string()))
}

/// What would fail at each delivery and can be told before, a bad URL above all; the files of TLS
/// only where they are used.
pub(super) fn problem(config: &MetricsConfig) -> Option<ConfigProblem> {
    let url = config.redis_url.as_deref().and_then(|url| url_problem("redis_url", url));
    url.or_else(|| if config.redis_enabled { options(config).err() } else { None })
}

fn options(config: &MetricsConfig) -> Result<RedisOptions, ConfigProblem> {
    let mut options = RedisOptions::default()
        .with_host(&config.redis_host)
        .with_port(config.redis_port)
        .with_db(config.redis_db)
        .with_queue_key(&config.redis_queue_key)
        .with_max_list_len(config.redis_max_list_len);
    options.username.clone_from(&config.redis_username);
    options.password.clone_from(&config.redis_password);
    if let Some(url) = &config.redis_url {
        let bad = |error: RedisUrlError| ConfigProblem::new("redis_url", None, &error.to_string());
        options = options.with_url(url).map_err(bad)?;
    }
    let (ca, cert, key) = (&config.redis_tls_ca, &config.redis_tls_cert, &config.redis_tls_key);
    let first = [("redis_tls_ca", ca), ("redis_tls_cert", cert), ("redis_tls_key", key)]
        .into_iter()
        .find_map(|(field, path)| Some((field, path.as_ref()?)));
    if let Some(tls) = &mut options.tls {
        *tls = RedisTls::default();
        tls.ca.clone_from(ca);
        tls.certificate.clone_from(cert);
        tls.key.clone_from(key);
    } else if let Some((field, path)) = first {
        let expected = "a URL that speaks TLS beside it, such as METRICS_REDIS_URL=rediss://host:6379";
        return Err(ConfigProblem::new(field, Some(path.display().to_string()), expected));
    }
    options.check().map_err(|error| {
        let field = match &error {
            RedisTlsError::File { path, .. } if Some(path) == ca.as_ref() => "redis_tls_ca",
            RedisTlsError::File { path, .. } if Some(path) == key.as_ref() => "redis_tls_key",
            RedisTlsError::NotBuilt => "redis_url",
            RedisTlsError::NoSystemRoots => "redis_tls_ca",
            _ => "redis_tls_cert",
        };
        ConfigProblem::new(field, None, &format!("what TLS can use: {error}"))
    })?;
    Ok(options)
}

#[cfg(test)]
mod tests {
    use crate::{AiosMetrics, MetricsConfig};

    fn refused(config: MetricsConfig) -> String {
        AiosMetrics::new(config).expect_err("it can't be used").to_string()
    }

    #[test]
    fn a_bad_url_is_told_at_once_and_not_shown() {
        let config = MetricsConfig::default().with_redis_url("http://user:hunter2@redis");
        let message = refused(config.clone());
        assert!(message.contains("redis_url: expected a URL with one of the schemes redis,"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
        assert!(AiosMetrics::new(config.with_redis_enabled(false)).is_err());

        let vars = [("METRICS_REDIS_URL".to_owned(), "redis://user:hunter2@redis/x".to_owned())];
        let message = MetricsConfig::from_vars(vars).expect_err("the database is no number").to_string();
        assert!(message.contains("METRICS_REDIS_URL: expected a database's number"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn the_url_wins_over_the_single_fields() {
        let config = MetricsConfig::default()
            .with_redis_host("elsewhere")
            .with_redis_port(1)
            .with_redis_password("hunter2")
            .with_redis_url("redis://user@redis:7000/3");
        let options = super::options(&config).unwrap();
        assert_eq!((options.server.to_string().as_str(), options.db), ("redis:7000", 3));
        assert_eq!(
            (options.username.as_deref(), options.password.as_deref()),
            (Some("user"), Some("hunter2"))
        );
    }

    #[test]
    fn files_for_tls_need_a_url_that_speaks_it() {
        let config = MetricsConfig::default().with_redis_tls_ca("/does/not/exist.pem");
        let message = refused(config.clone());
        assert!(message.contains(r#"redis_tls_ca="/does/not/exist.pem": expected a URL"#), "{message}");
        // Files that nothing would use are not looked at.
        assert!(AiosMetrics::new(config.clone().with_redis_enabled(false)).is_ok());
        let message = refused(config.with_redis_url("rediss://redis"));
        let expected = if cfg!(feature = "tls") {
            "redis_tls_ca: expected what TLS can use: /does"
        } else {
            "feature `tls`"
        };
        assert!(message.contains(expected), "{message}");
    }
}
