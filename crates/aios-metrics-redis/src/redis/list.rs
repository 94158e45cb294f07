//! What Redis tells about the list after a push, so that a page shows when nobody reads it.

use aios_metrics_core::{Counter, Family, Gauge, RegisterError, Registry};

/// The list's figures as ordinary families.
#[derive(Debug)]
pub(super) struct ListMetrics {
    length: Family<Gauge>,
    trimmed: Family<Counter>,
}

impl ListMetrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, RegisterError> {
        Ok(Self {
            length: registry.register_gauge(
                "aios_metrics_push_list_length",
                "Elements of the Redis list after the last push; 0 before the first.",
                &[],
            )?,
            trimmed: registry.register_counter(
                "aios_metrics_push_list_trimmed_total",
                "Elements that pushes of this instance have trimmed off the Redis list.",
                &[],
            )?,
        })
    }

    /// Notes a push after which the list had `length` elements, of which `most` (0 for all) were
    /// kept.
    pub(super) fn pushed(&self, length: u64, most: u64) {
        let kept = if most == 0 { length } else { length.min(most) };
        // Neither has labels, so neither can fail.
        if let (Ok(gauge), Ok(counter)) = (self.length.with(&[]), self.trimmed.with(&[])) {
            gauge.set(kept as f64);
            counter.inc_by(length - kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_trimmed_is_counted_and_what_is_left_is_shown() {
        let registry = Registry::new();
        let metrics = ListMetrics::register(&registry).unwrap();
        let value = |name| registry.value(name, &[]);
        for (length, most, kept, trimmed) in
            [(7, 0, 7.0, 0.0), (8, 8, 8.0, 0.0), (11, 8, 8.0, 3.0), (2, 8, 2.0, 3.0)]
        {
            metrics.pushed(length, most);
            assert_eq!(value("aios_metrics_push_list_length"), Some(kept));
            assert_eq!(value("aios_metrics_push_list_trimmed_total"), Some(trimmed));
        }
    }
}
