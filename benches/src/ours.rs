//! What several contests need from us.

use aios_metrics::{Registry, RegistryOptions};

/// A registry whose families may have so many series; the default cap is below what the contests need.
#[must_use]
pub fn registry(max_series: usize) -> Registry {
    Registry::with_options(RegistryOptions::default().with_max_series(max_series))
}
