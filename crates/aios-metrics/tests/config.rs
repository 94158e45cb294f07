//! Every setting with its variable and default; what is set in code beats the environment; and all
//! that is wrong is said at once.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use std::path::PathBuf;
use std::process::Command;

use aios_metrics::{AiosMetrics, ConfigError, MetricsConfig};

fn from_vars(vars: &[(&str, &str)]) -> Result<MetricsConfig, ConfigError> {
    MetricsConfig::from_vars(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// Every variable with a value that is not the default.
const EVERY: [(&str, &str); 40] = [
    ("BLOCK_ID", "block-1"),
    ("INSTANCE_ID", "instance-42"),
    ("NODE_ID", "node-7"),
    ("KUBERNETES_NODE_NAME", "not asked when NODE_ID is set"),
    ("METRICS_HOST", "127.0.0.1"),
    ("METRICS_PORT", "9000"),
    ("METRICS_HTTP_MAX_CONNECTIONS", "32"),
    ("METRICS_HTTP_MAX_SCRAPES", "4"),
    ("METRICS_HTTP_SCRAPE_TIMEOUT", "7.5"),
    ("METRICS_HTTP_LANDING_PAGE", "no"),
    ("METRICS_REDIS_ENABLED", "false"),
    ("METRICS_REDIS_HOST", "redis.example"),
    ("METRICS_REDIS_PORT", "6380"),
    ("METRICS_REDIS_DB", "3"),
    ("METRICS_REDIS_PASSWORD", "hunter2"),
    ("METRICS_REDIS_USERNAME", "writer"),
    ("METRICS_REDIS_URL", "redis://:hunter3@redis.example"),
    ("METRICS_REDIS_TLS_CA", "/etc/redis/ca.pem"),
    ("METRICS_REDIS_TLS_CERT", "/etc/redis/us.pem"),
    ("METRICS_REDIS_TLS_KEY", "/etc/redis/us.key"),
    ("METRICS_REDIS_QUEUE", "OTHER_METRICS"),
    ("METRICS_PUSH_INTERVAL", "0.5"),
    ("METRICS_BATCH_SIZE", "5"),
    ("METRICS_REDIS_BACKOFF_INITIAL", "0.25"),
    ("METRICS_REDIS_BACKOFF_MAX", "8"),
    ("METRICS_REDIS_MAX_PENDING", "50"),
    ("METRICS_REDIS_MAX_PENDING_BYTES", "1048576"),
    ("METRICS_REDIS_MAX_LIST_LEN", "10000"),
    ("METRICS_READY_MAX_PUSH_AGE", "90"),
    ("ROLLING_AVG_1M", "30"),
    ("ROLLING_AVG_5M", "150"),
    ("ROLLING_AVG_15M", "450"),
    ("HISTO_BUCKETS", "0.05, 0.5,5"),
    ("METRICS_MAX_SERIES", "100"),
    ("METRICS_MAX_ROLLING", "10"),
    ("METRICS_HARDWARE_INTERVAL", "1.5"),
    ("METRICS_PROBES", "process"),
    ("METRICS_CREATED_TIMESTAMPS", "on"),
    ("METRICS_DOCUMENT_FLAT_ROLLING", "true"),
    ("METRICS_WEB_CONFIG_FILE", "/etc/metrics/web.yml"),
];

/// The same, set in code.
fn every() -> MetricsConfig {
    MetricsConfig::default()
        .with_block_id("block-1")
        .with_instance_id("instance-42")
        .with_node_id("node-7")
        .with_http_host("127.0.0.1")
        .with_http_port(9000)
        .with_http_max_connections(32)
        .with_http_max_scrapes(4)
        .with_http_scrape_timeout_s(7.5)
        .with_http_landing_page(false)
        .with_redis_enabled(false)
        .with_redis_host("redis.example")
        .with_redis_port(6380)
        .with_redis_db(3)
        .with_redis_password("hunter2")
        .with_redis_username("writer")
        .with_redis_url("redis://:hunter3@redis.example")
        .with_redis_tls_ca("/etc/redis/ca.pem")
        .with_redis_tls_cert("/etc/redis/us.pem")
        .with_redis_tls_key("/etc/redis/us.key")
        .with_redis_queue_key("OTHER_METRICS")
        .with_redis_push_interval_s(0.5)
        .with_redis_batch_size(5)
        .with_redis_backoff_initial_s(0.25)
        .with_redis_backoff_max_s(8.0)
        .with_redis_max_pending(50)
        .with_redis_max_pending_bytes(1 << 20)
        .with_redis_max_list_len(10_000)
        .with_ready_max_push_age_s(90.0)
        .with_avg_1m(30)
        .with_avg_5m(150)
        .with_avg_15m(450)
        .with_default_hist_buckets([0.05, 0.5, 5.0])
        .with_max_series(100)
        .with_max_rolling(10)
        .with_created_timestamps(true)
        .with_hardware_interval_s(1.5)
        .with_probes(["process"])
        .with_document_flat_rolling(true)
        .with_web_config_file("/etc/metrics/web.yml")
}

#[test]
fn the_defaults_are_those_of_the_table() {
    let config = MetricsConfig::default();
    assert_eq!(from_vars(&[]).unwrap(), config);
    assert_eq!(
        (&*config.block_id, &*config.instance_id, config.node_id),
        ("test-block", "instance-001", None)
    );
    assert_eq!((&*config.http_host, config.http_port), ("0.0.0.0", 8000));
    assert_eq!((config.http_max_connections, config.http_max_scrapes), (64, 16));
    assert_eq!((config.http_scrape_timeout_s, config.http_landing_page), (30.0, true));
    assert!(config.redis_enabled);
    assert_eq!((&*config.redis_host, config.redis_port, config.redis_db), ("localhost", 6379, 0));
    assert_eq!((config.redis_password, config.redis_username, config.redis_url), (None, None, None));
    assert_eq!((config.redis_tls_ca, config.redis_tls_cert, config.redis_tls_key), (None, None, None));
    assert_eq!((&*config.redis_queue_key, config.redis_push_interval_s), ("NODE_METRICS", 30.0));
    assert_eq!(config.redis_batch_size, 1);
    assert_eq!((config.redis_backoff_initial_s, config.redis_backoff_max_s), (1.0, 30.0));
    assert_eq!((config.redis_max_pending, config.redis_max_pending_bytes), (1_000, 64 * 1024 * 1024));
    assert_eq!(config.redis_max_list_len, 0);
    assert_eq!((config.avg_1m, config.avg_5m, config.avg_15m), (60, 300, 900));
    assert_eq!(config.default_hist_buckets, [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]);
    assert_eq!((config.max_series, config.max_rolling), (10_000, 1_000));
    assert_eq!((config.hardware_interval_s, config.probes), (5.0, None));
    assert!(!config.document_flat_rolling && !config.created_timestamps);
    assert_eq!(config.web_config_file, None);
}

#[test]
fn every_field_has_its_variable() {
    assert_eq!(from_vars(&EVERY).unwrap(), every());
    assert_eq!(every().web_config_file, Some(PathBuf::from("/etc/metrics/web.yml")));
    // Each one alone changes something, so none is read by accident of another.
    for (name, value) in EVERY {
        assert_ne!(from_vars(&[(name, value)]).unwrap(), MetricsConfig::default(), "{name}");
    }
}

#[test]
fn what_is_set_in_code_beats_the_environment() {
    let config =
        from_vars(&EVERY).unwrap().with_block_id("from code").with_redis_enabled(true).with_avg_1m(45);
    assert_eq!((&*config.block_id, config.redis_enabled, config.avg_1m), ("from code", true, 45));
    assert_eq!((&*config.instance_id, config.avg_5m), ("instance-42", 150));
    let mut config = from_vars(&[("METRICS_PORT", "9000")]).unwrap();
    config.http_port = 0;
    assert_eq!(AiosMetrics::new(config).unwrap().config().http_port, 0);
}

#[test]
fn the_node_is_named_by_either_variable() {
    let node = |vars: &[(&str, &str)]| from_vars(vars).unwrap().node_id;
    assert_eq!(node(&[("KUBERNETES_NODE_NAME", "k8s")]).as_deref(), Some("k8s"));
    assert_eq!(node(&[("KUBERNETES_NODE_NAME", "k8s"), ("NODE_ID", "own")]).as_deref(), Some("own"));
    assert_eq!(node(&[("KUBERNETES_NODE_NAME", "k8s"), ("NODE_ID", "")]).as_deref(), Some("k8s"));
    let metrics = AiosMetrics::new(MetricsConfig::default()).unwrap();
    assert!(!metrics.snapshot().node_id.is_empty(), "without a name it is that of the host");
}

#[test]
fn an_empty_variable_is_not_set() {
    let empty: Vec<(&str, &str)> = EVERY.iter().map(|(name, _)| (*name, "")).collect();
    assert_eq!(from_vars(&empty).unwrap(), MetricsConfig::default());
}

#[test]
fn booleans_and_numbers_may_come_in_many_forms() {
    for (text, expected) in [
        ("true", true),
        ("TRUE", true),
        ("1", true),
        ("Yes", true),
        ("on", true),
        (" true ", true),
        ("false", false),
        ("False", false),
        ("0", false),
        ("no", false),
        ("OFF", false),
    ] {
        assert_eq!(
            from_vars(&[("METRICS_REDIS_ENABLED", text)]).unwrap().redis_enabled,
            expected,
            "{text:?}"
        );
    }
    let config = from_vars(&[("METRICS_PORT", " 9000 "), ("HISTO_BUCKETS", " 1 , 2.5,1e3,+Inf")]).unwrap();
    assert_eq!((config.http_port, &config.default_hist_buckets[..3]), (9000, &[1.0, 2.5, 1_000.0][..]));
    AiosMetrics::new(config).unwrap();
}

#[test]
fn names_of_other_case_are_other_variables() {
    let config =
        from_vars(&[("block_id", "x"), ("Block_Id", "y"), ("BLOCK_ID", "z"), ("metrics_port", "no number")]);
    let config = config.unwrap();
    assert_eq!((&*config.block_id, config.http_port), ("z", 8000));
}

#[test]
fn given_twice_the_last_value_counts() {
    let config = from_vars(&[("BLOCK_ID", "first"), ("METRICS_PORT", "9000"), ("BLOCK_ID", "last")]).unwrap();
    assert_eq!((&*config.block_id, config.http_port), ("last", 9000));
}

const PORT: &str = "a port number from 0 to 65535";
const SECONDS: &str = "a number of seconds above 0 and at most 1000000000, such as 30 or 0.5";
const COUNT: &str = "a whole number of at least 1";
const NUMBER: &str = "a whole number of at least 0";
const WINDOW: &str = "a whole number of seconds from 1 to 1000000000";
const BOOLEAN: &str = "true, false, 1, 0, yes, no, on or off";
const BOUNDS: &str = "ascending finite numbers, at most 1000, such as 0.1,0.5,1,5 (`+Inf` is added)";
#[cfg(feature = "hw")]
const PROBES: &str = "names of probes, separated by commas; unknown probe \"disc\": the known probes are process, container, host";

/// Values that can't be used, in the order of the table.
const BAD: [(&str, &str, &str); 23] = [
    ("METRICS_PORT", "eight", PORT),
    ("METRICS_HTTP_MAX_CONNECTIONS", "0", COUNT),
    ("METRICS_HTTP_MAX_SCRAPES", "few", COUNT),
    ("METRICS_HTTP_SCRAPE_TIMEOUT", "0", SECONDS),
    ("METRICS_HTTP_LANDING_PAGE", "perhaps", BOOLEAN),
    ("METRICS_REDIS_ENABLED", "maybe", BOOLEAN),
    ("METRICS_REDIS_PORT", "65536", PORT),
    ("METRICS_REDIS_DB", "-1", NUMBER),
    ("METRICS_PUSH_INTERVAL", "0", SECONDS),
    ("METRICS_BATCH_SIZE", "0", COUNT),
    ("METRICS_REDIS_BACKOFF_INITIAL", "NaN", SECONDS),
    ("METRICS_REDIS_BACKOFF_MAX", "inf", SECONDS),
    ("METRICS_REDIS_MAX_PENDING", "1.5", COUNT),
    ("METRICS_REDIS_MAX_PENDING_BYTES", "64 MiB", COUNT),
    ("METRICS_REDIS_MAX_LIST_LEN", "many", NUMBER),
    ("ROLLING_AVG_1M", "0", WINDOW),
    ("ROLLING_AVG_5M", "5m", WINDOW),
    ("ROLLING_AVG_15M", "-900", WINDOW),
    ("HISTO_BUCKETS", "1,0.5", BOUNDS),
    ("METRICS_MAX_SERIES", "0", COUNT),
    ("METRICS_MAX_ROLLING", "x", COUNT),
    ("METRICS_CREATED_TIMESTAMPS", "never", BOOLEAN),
    ("METRICS_DOCUMENT_FLAT_ROLLING", "2", BOOLEAN),
];

#[test]
fn every_bad_variable_is_reported_at_once() {
    let vars = BAD.map(|(name, value, _)| (name, value));
    let error = from_vars(&vars).unwrap_err();
    let problems: Vec<_> =
        error.problems().iter().map(|p| (&*p.setting, p.value.as_deref(), &*p.expected)).collect();
    assert_eq!(problems, BAD.map(|(name, value, expected)| (name, Some(value), expected)));
    let listed =
        BAD.map(|(name, value, expected)| format!("{name}={value:?}: expected {expected}")).join("; ");
    assert_eq!(error.to_string(), format!("the metrics configuration can't be used: {listed}"));
}

#[test]
fn lists_that_cannot_be_used_are_refused() {
    for value in ["a", "1,2,2", "1;2", ",", "NaN", "+Inf", "1,+Inf,+Inf", "-inf,1"] {
        let error = from_vars(&[("HISTO_BUCKETS", value)]).unwrap_err();
        let expected =
            format!("the metrics configuration can't be used: HISTO_BUCKETS={value:?}: expected {BOUNDS}");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
#[cfg(feature = "hw")]
fn an_unknown_probe_is_reported_with_the_rest() {
    let error = from_vars(&[("METRICS_PROBES", "host,disc"), ("METRICS_PORT", "x")]).unwrap_err().to_string();
    assert!(error.contains(&format!("METRICS_PROBES=\"host,disc\": expected {PROBES}")), "{error}");
    assert!(error.contains("METRICS_PORT=\"x\""), "{error}");
    let error = AiosMetrics::new(MetricsConfig::default().with_probes(["disc"])).unwrap_err().to_string();
    let expected = format!("the metrics configuration can't be used: probes=\"disc\": expected {PROBES}");
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn what_code_sets_wrongly_is_refused_by_field() {
    let config = MetricsConfig::default()
        .with_redis_push_interval_s(-1.0)
        .with_redis_batch_size(0)
        .with_avg_5m(0)
        .with_default_hist_buckets([2.0, 1.0]);
    let error = AiosMetrics::new(config).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the metrics configuration can't be used: redis_push_interval_s=\"-1\": expected {SECONDS}; \
             redis_batch_size=\"0\": expected {COUNT}; avg_5m=\"0\": expected {WINDOW}; \
             default_hist_buckets=\"[2.0, 1.0]\": expected {BOUNDS}"
        )
    );
}

#[test]
fn secrets_are_never_shown() {
    let config = every();
    let metrics = AiosMetrics::new(config.clone()).unwrap();
    for shown in [format!("{config:?}"), format!("{config:#?}"), format!("{metrics:?}")] {
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(shown.contains("<hidden>"), "{shown}");
    }
    let mut vars = EVERY.to_vec();
    vars.push(("METRICS_PORT", "eight"));
    let error = from_vars(&vars).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter"), "{error:?}");
}

#[test]
fn the_environment_of_the_process_is_read() {
    const NAME: &str = "the_environment_of_the_process_is_read";
    if std::env::var("BLOCK_ID").is_ok_and(|block| block == NAME) {
        // The process that is started below.
        assert_eq!(AiosMetrics::from_env().unwrap().config().http_port, 9_001);
        return;
    }
    let child = |vars: &[(&str, &str)]| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", NAME, "--nocapture"]).env("BLOCK_ID", NAME).envs(vars.iter().copied());
        command
    };
    let output = child(&[("METRICS_PORT", "9001")]).output().unwrap();
    assert!(output.status.success(), "{output:?}");

    #[cfg(unix)]
    {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let bytes = OsStr::from_bytes(b"hunter\xff");
        let mut command = child(&[("METRICS_PORT", "eight")]);
        command.env("SOMEBODY_ELSES", bytes).env("METRICS_REDIS_PASSWORD", bytes).env("INSTANCE_ID", bytes);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && !said.contains("SOMEBODY_ELSES"), "{said}");
        for name in ["METRICS_PORT", "METRICS_REDIS_PASSWORD", "INSTANCE_ID"] {
            assert!(said.contains(name), "{name} is missing in {said}");
        }
        // The instance is shown, the password isn't.
        assert_eq!(said.matches("hunter").count(), 1, "{said}");
    }
}
