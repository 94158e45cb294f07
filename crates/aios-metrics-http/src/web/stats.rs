//! What the entrance tells about itself.

use aios_metrics_core::{Counter, Family, Gauge, RegisterError, Registry};

/// Figures of who was kept out, and of the configuration's files. Without a registry they go
/// nowhere.
#[derive(Clone, Debug, Default)]
pub(super) struct WebStats(Option<Families>);

#[derive(Clone, Debug)]
struct Families {
    refused: Family<Counter>,
    hashes: Family<Counter>,
    reload_failed: Family<Gauge>,
}

/// Why somebody was kept out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    /// No valid password or token.
    Unauthorized,
    /// Too many passwords wait to be checked.
    Busy,
    /// More requests than the rate limit allows.
    RateLimit,
    /// The TLS handshake failed or took too long.
    Handshake,
}

impl Refusal {
    const ALL: [Self; 4] = [Self::Unauthorized, Self::Busy, Self::RateLimit, Self::Handshake];

    fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Busy => "busy",
            Self::RateLimit => "rate_limit",
            Self::Handshake => "tls_handshake",
        }
    }
}

impl WebStats {
    /// Registers the families, at 0.
    pub(super) fn register(registry: &Registry) -> Result<Self, RegisterError> {
        let refused = registry.register_counter(
            "aios_metrics_refused_total",
            "Requests and connections that the exporter refused, by reason.",
            &["reason"],
        )?;
        for reason in Refusal::ALL {
            let _ = refused.with(&[reason.name()]);
        }
        let hashes = registry.register_counter(
            "aios_metrics_password_checks_total",
            "Passwords that went through bcrypt; those known to be right do not.",
            &[],
        )?;
        let reload_failed = registry.register_gauge(
            "aios_metrics_web_config_reload_failed",
            "1 while the web configuration's files can't be used and what was read before is kept.",
            &[],
        )?;
        Ok(Self(Some(Families { refused, hashes, reload_failed })))
    }

    // The values are as many as the labels: none of these can fail.

    pub(super) fn refused(&self, why: Refusal) {
        let _ = self.0.as_ref().map(|families| families.refused.inc(&[why.name()]));
    }

    pub(super) fn password_checked(&self) {
        let _ = self.0.as_ref().map(|families| families.hashes.inc(&[]));
    }

    pub(super) fn reload_failed(&self, failed: bool) {
        let value = f64::from(u8::from(failed));
        let _ = self.0.as_ref().map(|families| families.reload_failed.set(&[], value));
    }
}
