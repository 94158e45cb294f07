//! The exporter as users hold it.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use aios_metrics_core::{Documents, RegisterError, Registry};
use axum::Router;

use crate::limits::Limits;
use crate::pages::Pages;
use crate::readiness::Readiness;
use crate::stats::{ConnectionStats, ScrapeStats};
use crate::web::Entrance;
#[cfg(feature = "tls")]
use crate::web::{WebConfig, WebConfigError};
use crate::{landing, routes, server};

/// Serves the metrics page and the document over HTTP/1.
///
/// # What a page shows
///
/// `/metrics` shows every family, in the format that the `Accept` header weighs highest.
/// `/metrics?name[]=jobs_total&name[]=wait_seconds` shows these two only; a family goes by its name
/// and by those of its samples ([`Selection`](aios_metrics_core::Selection)), and what is not asked
/// for is not collected either.
///
/// A page of 1 KiB or more is compressed for a client whose `Accept-Encoding` takes gzip, and so is
/// the document.
///
/// Pages are made on blocking threads of the runtime, two at a time; one that takes longer than a second
/// does not count, so that a collector that hangs keeps no page from being made that does without it (up
/// to 16 threads in all). Scrapes that ask for the same
/// (format, names, encoding) while it is being made get the next one together: everybody's page
/// pictures a moment after their request has come. A reader that is slow holds its page, which it
/// shares with the others that got the same one, and nothing else.
///
/// # Examples
///
/// ```
/// use std::net::TcpListener;
/// use std::sync::Arc;
/// use aios_metrics_core::{Documents, Identity, Registry};
/// use aios_metrics_http::Exporter;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// registry.register_counter("jobs_total", "Jobs done", &[])?;
///
/// let identity = Identity::new("billing", "billing-1", "node-7");
/// let documents = Arc::new(Documents::new(Arc::new(registry.clone()), identity));
/// let exporter = Exporter::new(documents).with_self_metrics(&registry)?;
///
/// // Bound here, so that a port in use is an error here.
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let stop = std::future::ready(());
/// tokio::runtime::Builder::new_current_thread().enable_all().build()?
///     .block_on(exporter.serve(listener, stop))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Exporter {
    documents: Arc<Documents>,
    stats: Option<(ScrapeStats, ConnectionStats)>,
    limits: Limits,
    readiness: Readiness,
    landing_page: bool,
    entrance: Entrance,
}

impl Exporter {
    /// An exporter of what `documents` reads, within the default [`Limits`].
    pub fn new(documents: Arc<Documents>) -> Self {
        Self {
            documents,
            stats: None,
            limits: Limits::default(),
            readiness: Readiness::default(),
            landing_page: true,
            entrance: Entrance::default(),
        }
    }

    /// Shows in `registry` what the exporter does:
    ///
    /// | family | of |
    /// |---|---|
    /// | `aios_metrics_scrapes_total{code,format}` | answers to requests for the metrics page; 499 where the client had left before there was one |
    /// | `aios_metrics_scrape_duration_seconds` | the making of a page: snapshot, encoding, compression; once for all scrapes that share it |
    /// | `aios_metrics_scrape_bytes_total{encoding}` | the pages answered with, as sent: `identity` or `gzip`; none for `HEAD` |
    /// | `aios_metrics_scrapes_in_flight` | scrapes whose page is waited for or being made |
    /// | `aios_metrics_rejected_scrapes_total{reason}` | scrapes answered with 503: `busy` ([`Limits::max_scrapes`]), past the `deadline` ([`Limits::scrape_timeout`]), or at the `shutdown` |
    /// | `aios_metrics_connections` | open connections of [`serve`](Self::serve) |
    /// | `aios_metrics_rejected_connections_total{reason}` | connections that [`serve`](Self::serve) ended: `replaced` by a newcomer, `request_timeout`, `response_timeout`, `malformed` |
    ///
    /// A page shows the scrapes before its own, and its own in flight. Exporters that share a registry
    /// share the figures.
    ///
    /// # Errors
    ///
    /// [`RegisterError::Conflict`] when one of the names is taken by something different.
    pub fn with_self_metrics(mut self, registry: &Registry) -> Result<Self, RegisterError> {
        self.stats = Some((ScrapeStats::register(registry)?, ConnectionStats::register(registry)?));
        self.entrance.register(registry)?;
        Ok(self)
    }

    /// Bounds what clients may take.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits.bounded();
        self
    }

    /// Has `/readyz` ask `check`, and answer 503 with its words when it is not ready. Without a check
    /// `/readyz` is always ready.
    ///
    /// It is called for each request, on the thread that polls the request: it should answer from
    /// memory.
    pub fn with_readiness(mut self, check: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.readiness = Readiness::new(check);
        self
    }

    /// Whether [`serve`](Self::serve) answers `/` with a page for people: who this is, and a link to
    /// each endpoint. It does unless told otherwise.
    pub fn with_landing_page(mut self, landing_page: bool) -> Self {
        self.landing_page = landing_page;
        self
    }

    /// Asks clients for what `config` says: TLS, passwords, tokens.
    ///
    /// Replaces what this or [`with_web_config_file`](Self::with_web_config_file) asked for before.
    /// Reads the files that `config` names, and reads them again when they have changed: see
    /// [`ServerTls`](crate::ServerTls).
    ///
    /// # Errors
    ///
    /// What can't be used, with the name of its field in a file.
    #[cfg(feature = "tls")]
    pub fn with_web_config(mut self, config: WebConfig) -> Result<Self, WebConfigError> {
        self.entrance.set_config(config)?;
        Ok(self)
    }

    /// Asks clients for what a file in the form of Prometheus' web configuration says: TLS,
    /// passwords, tokens, and headers and limits of answers.
    ///
    /// The file and those that it names, relative to its folder, are read again when they have
    /// changed, at most once a second and only when a client connects or asks. What can't be used
    /// then, or would open what was closed (TLS, certificates of clients, authentication), is logged
    /// once and shows in `aios_metrics_web_config_reload_failed`; what was read before stays in use.
    ///
    /// # Errors
    ///
    /// What can't be used, with file, line and field.
    #[cfg(feature = "tls")]
    pub fn with_web_config_file(
        mut self,
        path: impl Into<std::path::PathBuf>,
    ) -> Result<Self, WebConfigError> {
        self.entrance.set_file(path.into())?;
        Ok(self)
    }

    /// Whether [`serve`](Self::serve) speaks TLS.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        self.entrance.speaks_tls()
    }

    /// The endpoints `/metrics`, `/snapshot`, `/healthz` and `/readyz`, to be nested into or merged with an
    /// axum application.
    ///
    /// It has no answer for other paths, `/` included. Of the [`Limits`] those of scrapes hold, one
    /// count for all clones of the router; connections and TLS are the outer server's. Passwords, tokens
    /// and the rate limit of a web configuration do hold. Requests must be polled on a tokio runtime with
    /// time enabled: pages are made on its blocking threads.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use aios_metrics_core::{Documents, Identity, Registry};
    /// # use aios_metrics_http::Exporter;
    /// # let identity = Identity::new("billing", "billing-1", "node-7");
    /// # let exporter = Exporter::new(Arc::new(Documents::new(Arc::new(Registry::new()), identity)));
    /// let app: axum::Router = axum::Router::new().nest("/internal", exporter.router());
    /// ```
    pub fn router(&self) -> Router {
        self.entrance.router(routes::endpoints(self.pages(), self.readiness.clone()))
    }

    /// Serves `listener` until `shutdown` is ready, and returns at the latest
    /// [`Limits::shutdown_grace`] after that.
    ///
    /// Needs a tokio runtime with time and I/O enabled; a current-thread runtime will do. Each
    /// connection is a task of that runtime, and none outlives the future, whether it ends or is
    /// dropped; only a password that is being checked goes on to its end, on a thread for blocking
    /// work. While the system refuses connections, as when descriptors run out, it waits, logs
    /// and tries again.
    ///
    /// # Errors
    ///
    /// When the runtime can't take `listener` over. Nothing that a client does is an error.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or when it has time or I/O disabled.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        let landing = self.landing_page.then(|| landing::render(self.documents.identity()));
        server::serve(
            listener,
            self.entrance.clone(),
            routes::application(self.pages(), self.readiness, landing),
            self.limits,
            self.stats.map(|(_, connections)| connections),
            shutdown,
        )
        .await
    }

    fn pages(&self) -> Arc<Pages> {
        let stats = self.stats.as_ref().map(|(scrapes, _)| scrapes.clone());
        Arc::new(Pages::new(Arc::clone(&self.documents), stats, &self.limits))
    }
}
