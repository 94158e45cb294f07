//! The environment: whatever the variables hold, each that can't be used is named in the error, and the
//! rest is a configuration.
//!
//! Each line is a variable: `METRICS_PORT=8000`.

#![no_main]

use aios_metrics::MetricsConfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let vars: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    match MetricsConfig::from_vars(vars.clone()) {
        Ok(config) => {
            assert!(config.redis_batch_size >= 1 && config.redis_push_interval_s > 0.0, "{config:?}");
            let secret = config.redis_password.clone().unwrap_or_default();
            // A short one may stand anywhere by chance.
            if secret.len() > 12 && text.matches(&secret).count() == 1 {
                assert!(!format!("{config:?}").contains(&secret));
            }
        }
        Err(error) => {
            assert!(!error.problems().is_empty());
            for problem in error.problems() {
                assert!(vars.iter().any(|(name, _)| *name == problem.setting), "{problem}");
                let secret = problem.setting.contains("PASSWORD") || problem.setting.ends_with("_URL");
                assert!(!secret || problem.value.is_none(), "{problem}");
            }
        }
    }
});
