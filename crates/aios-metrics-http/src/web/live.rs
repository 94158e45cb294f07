//! The rules that hold now, and how they follow their files.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::HeaderMap;
use rustls::ServerConfig;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::auth::{Gate, Keys};
use super::config::WebConfig;
use super::error::{WebConfigError, WebConfigProblem};
use super::pem::{Files, Seen};
use super::rate::Bucket;
use super::stats::WebStats;
use super::{ClientAuth, TlsVersion, file, headers, tls};
use crate::throttle::Throttle;

/// The least time between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a request waits for a look. A file system that hangs holds up that one request.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// Where the rules come from.
#[derive(Debug)]
pub(super) enum Source {
    Code(Box<WebConfig>),
    File(PathBuf),
}

/// What holds for connections and requests.
pub(super) struct Rules {
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) keys: Option<Keys>,
    pub(super) open_probes: bool,
    pub(super) headers: HeaderMap,
    pub(super) bucket: Option<Arc<Bucket>>,
    client_auth: ClientAuth,
    names_clients: bool,
    min_version: Option<TlsVersion>,
}

/// The rules, renewed when their files change.
///
/// Looks are taken by those who ask for the rules, at most one a second, on a thread for blocking
/// work: nobody who asks more often pays, and where nobody asks nothing is done. Files are compared
/// by what stands in them; times of files would miss a second change within their granularity.
pub(super) struct Live {
    source: Source,
    gate: Gate,
    rules: RwLock<Arc<Rules>>,
    /// What the last look saw, good or bad. Held while a look is taken.
    seen: Arc<Mutex<Seen>>,
    /// Milliseconds from `born` to the next look.
    next_look: AtomicU64,
    born: Instant,
    refusals: Throttle,
    handshakes: Throttle,
}

impl Live {
    /// Reads everything once.
    pub(super) fn new(source: Source) -> Result<Self, WebConfigError> {
        let gate = Gate::new().ok_or_else(|| {
            let problem = "the system gives no random bytes".to_owned();
            WebConfigError::new("", WebConfigProblem::Unsupported(problem))
        })?;
        let mut files = Files::new();
        let rules = source.rules(&gate, None, &mut files)?;
        let seen = files.seen();
        let next_look = if seen.is_empty() { u64::MAX } else { 0 };
        Ok(Self {
            source,
            gate,
            rules: RwLock::new(Arc::new(rules)),
            seen: Arc::new(Mutex::new(seen)),
            next_look: AtomicU64::new(next_look),
            born: Instant::now(),
            refusals: Throttle::default(),
            handshakes: Throttle::default(),
        })
    }

    /// The rules as the files have them, or had them a second ago.
    pub(super) async fn rules(self: &Arc<Self>, stats: &WebStats) -> Arc<Rules> {
        let passed = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        if passed >= self.next_look.load(Ordering::Relaxed)
            && let Ok(seen) = Arc::clone(&self.seen).try_lock_owned()
        {
            let next = passed.saturating_add(LOOK_EVERY.as_millis() as u64);
            self.next_look.store(next, Ordering::Relaxed);
            let (live, stats) = (Arc::clone(self), stats.clone());
            let look = tokio::task::spawn_blocking(move || live.look(seen, &stats));
            // Whether it comes to an end or not, there are rules.
            let _ = tokio::time::timeout(LOOK_TIMEOUT, look).await;
        }
        self.current()
    }

    /// The rules as they were last read.
    pub(super) fn current(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    fn look(&self, mut seen: OwnedMutexGuard<Seen>, stats: &WebStats) {
        if seen.is_still_there() {
            return;
        }
        let mut files = Files::new();
        let before = self.current();
        let rules = self.source.rules(&self.gate, Some(&before), &mut files);
        *seen = files.seen();
        let rules = rules.and_then(|rules| match rules.opens(&before) {
            Some(what) => Err(self.source.place(WebConfigError::new("", WebConfigProblem::Opened(what)))),
            None => Ok(rules),
        });
        stats.reload_failed(rules.is_err());
        match rules {
            Ok(rules) => {
                *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
                tracing::info!(target: "aios_metrics", "the exporter's web configuration was read again");
            }
            Err(error) => {
                tracing::warn!(
                    target: "aios_metrics",
                    "the exporter's web configuration has changed and can't be used, what was read before stays: {error}"
                );
            }
        }
    }

    pub(super) fn log_unauthorized(&self, client: Option<IpAddr>) {
        if let Some(held_back) = self.refusals.pass() {
            let client = client.map(tracing::field::display);
            tracing::warn!(target: "aios_metrics", client, held_back, "refused a request without a valid password or token");
        }
    }

    pub(super) fn log_handshake(&self, client: Option<IpAddr>, error: &std::io::Error) {
        if let Some(held_back) = self.handshakes.pass() {
            let client = client.map(tracing::field::display);
            tracing::warn!(target: "aios_metrics", client, held_back, "a TLS handshake failed: {error}");
        }
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Source {
    fn rules(&self, gate: &Gate, before: Option<&Rules>, files: &mut Files) -> Result<Rules, WebConfigError> {
        match self {
            Self::Code(config) => Rules::new(config, gate, before, files),
            Self::File(path) => {
                let (config, lines) = file::read(path, files)?;
                Rules::new(&config, gate, before, files).map_err(|error| error.within(path, &lines))
            }
        }
    }

    /// An error of the configuration as a whole.
    fn place(&self, error: WebConfigError) -> WebConfigError {
        match self {
            Self::Code(_) => error,
            Self::File(path) => error.within(Path::new(path), &Default::default()),
        }
    }
}

impl Rules {
    fn new(
        config: &WebConfig,
        gate: &Gate,
        before: Option<&Rules>,
        files: &mut Files,
    ) -> Result<Self, WebConfigError> {
        let bucket = match config.rate_limit {
            None => None,
            Some(limit) => {
                limit.check()?;
                // The same limit goes on where it was.
                let before = before.and_then(|before| before.bucket.clone());
                Some(
                    before
                        .filter(|bucket| bucket.limit() == limit)
                        .unwrap_or_else(|| Arc::new(Bucket::new(limit))),
                )
            }
        };
        Ok(Self {
            tls: config.tls.as_ref().map(|tls| tls::server(tls, files)).transpose()?.map(Arc::new),
            keys: Keys::new(&config.auth, gate.key(), files)?,
            open_probes: config.auth.open_probes,
            headers: headers::headers(&config.headers)?,
            bucket,
            client_auth: config.tls.as_ref().map(|tls| tls.client_auth).unwrap_or_default(),
            names_clients: config.tls.as_ref().is_some_and(|tls| tls.client_allowed_sans.is_some()),
            min_version: config.tls.as_ref().map(|tls| tls.min_version),
        })
    }

    /// What of `before` would no longer protect. A file that is half written, or emptied, must not
    /// open what was closed.
    fn opens(&self, before: &Self) -> Option<&'static str> {
        let required = ClientAuth::RequireAndVerifyClientCert;
        let ends = [
            (before.tls.is_some() && self.tls.is_none(), "TLS"),
            (self.min_version < before.min_version, "TLS 1.3 as the oldest version"),
            (
                before.client_auth == required && self.client_auth != required,
                "the check of clients' certificates",
            ),
            (before.names_clients && !self.names_clients, "the check of the names in clients' certificates"),
            (before.keys.is_some() && self.keys.is_none(), "authentication"),
        ];
        ends.iter().find(|(ends, _)| *ends).map(|(_, what)| *what)
    }
}
