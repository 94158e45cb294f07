//! What can be asked for, in code.

use super::auth::Auth;
use super::rate::RateLimit;
use super::tls::ServerTls;

/// Who may read the pages, and how: what Prometheus' web configuration file says, in code.
///
/// The default asks for nothing: plain HTTP for everybody.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use aios_metrics_http::{Auth, Pem, RateLimit, ServerTls, WebConfig};
///
/// let config = WebConfig::default()
///     .with_tls(ServerTls::new(Pem::file("/etc/metrics/tls.crt"), Pem::file("/etc/metrics/tls.key")))
///     .with_auth(Auth::default().with_bearer_token_file("/run/secrets/scrape-token"))
///     .with_header("X-Content-Type-Options", "nosniff")
///     .with_rate_limit(RateLimit::new(Duration::from_secs(1), 20));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct WebConfig {
    pub(super) tls: Option<ServerTls>,
    pub(super) auth: Auth,
    pub(super) headers: Vec<(String, String)>,
    pub(super) rate_limit: Option<RateLimit>,
}

impl WebConfig {
    /// Speaks TLS, and nothing else, with the clients of [`serve`](crate::Exporter::serve).
    pub fn with_tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Answers only those who can say who they are.
    pub fn with_auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Adds a header to every answer: `Content-Security-Policy`, `X-Frame-Options` (`deny` or
    /// `sameorigin`), `X-Content-Type-Options` (`nosniff`), `X-XSS-Protection` or
    /// `Strict-Transport-Security`.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Answers requests beyond the limit with 429.
    pub fn with_rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = Some(limit);
        self
    }
}
