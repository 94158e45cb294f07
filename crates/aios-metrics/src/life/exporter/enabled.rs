//! The exporter on a thread of its own.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Instant;

use aios_metrics_http::{Exporter as Server, Limits};
use tokio::sync::watch;
use tracing::{error, info};

use super::{ready, web};
use crate::config::MetricsConfig;
use crate::error::StartError;
use crate::life::part::{BlockingThreads, Part};
use crate::life::{Parts, a_little_before, publisher};
use crate::metrics::AiosMetrics;

/// A running exporter.
pub(in crate::life) struct Exporter {
    pub(super) addr: SocketAddr,
    /// The host and port that it was started with.
    asked: (String, u16),
    part: Part,
    /// The moment at which its connections are cut; dropping it ends the exporter as well.
    end: watch::Sender<Option<Instant>>,
}

impl Exporter {
    /// Tells the exporter to take no more requests and to be gone by `deadline`.
    pub(in crate::life) fn tell_to_end(self, deadline: Instant) -> Part {
        self.end.send_replace(Some(a_little_before(deadline)));
        self.part
    }
}

impl AiosMetrics {
    /// Starts the exporter on the configured address and returns the address it is bound to; with
    /// port 0 the system has chosen one. Starts the publisher too when Redis is enabled.
    ///
    /// Returns at once; the exporter runs on threads of its own and answers `/metrics`,
    /// `/snapshot`, `/healthz` and `/readyz`. When it is running already, its address is returned.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the address can't be bound or the web configuration can't be used, and after
    /// [`stop`](Self::stop).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use aios_metrics::{AiosMetrics, MetricsConfig};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = MetricsConfig::default().with_http_host("127.0.0.1").with_http_port(0).with_redis_enabled(false);
    /// let metrics = AiosMetrics::new(config)?;
    /// let addr = metrics.start_http_server()?;
    /// println!("scrape http://{addr}/metrics");
    /// metrics.stop(Duration::from_secs(5));
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_http_server(&self) -> Result<SocketAddr, StartError> {
        let running = self.inner.life.parts()?.exporter.as_ref().map(|exporter| exporter.addr);
        match running {
            Some(addr) => Ok(addr),
            None => self.start_http_server_on(&self.config().http_host, self.config().http_port),
        }
    }

    /// The same on an address given here.
    ///
    /// # Errors
    ///
    /// As for [`start_http_server`](Self::start_http_server), and
    /// [`StartError::AlreadyRunning`] when the exporter listens on another address.
    pub fn start_http_server_on(&self, host: &str, port: u16) -> Result<SocketAddr, StartError> {
        let mut parts = self.inner.life.parts()?;
        if let Some(running) = &parts.exporter {
            let same = (running.asked.0 == host && running.asked.1 == port) || is(running.addr, host, port);
            return if same {
                Ok(running.addr)
            } else {
                Err(StartError::AlreadyRunning { addr: running.addr })
            };
        }
        self.start_exporter(&mut parts, host, port, |server| web::configure(server, self.config()))
    }

    /// Starts the exporter, which doesn't run yet. `configure` says what it asks its clients for.
    pub(super) fn start_exporter(
        &self,
        parts: &mut Parts,
        host: &str,
        port: u16,
        configure: impl FnOnce(Server) -> Result<Server, StartError>,
    ) -> Result<SocketAddr, StartError> {
        let mut server = configure(Server::new(Arc::clone(&self.inner.documents)))?;
        let scheme = if server.speaks_tls() { "https" } else { "http" };
        let refuse = |source| StartError::Bind { host: host.to_owned(), port, source };
        let listener = TcpListener::bind((host, port)).map_err(refuse)?;
        let addr = listener.local_addr().map_err(refuse)?;
        server = server
            .with_limits(limits(self.config()))
            .with_landing_page(self.config().http_landing_page)
            .with_self_metrics(self.registry())
            .map_err(|source| StartError::Register { part: "exporter", source })?;
        if let Some(seconds) = self.config().ready_max_push_age_s {
            let (inner, longest) = (Arc::downgrade(&self.inner), MetricsConfig::seconds(seconds));
            server = server.with_readiness(move || ready::check(&inner, longest));
        }
        self.start_sampler(parts)?;
        publisher::start_configured(self, parts)?;

        let (end, told) = watch::channel(None);
        // The watch ends the thread, by its message or by being dropped.
        let part =
            Part::start_async("exporter", move || run(server, listener, told), BlockingThreads::Joined)?;
        parts.exporter = Some(Exporter { addr, asked: (host.to_owned(), port), part, end });
        info!(target: "aios_metrics", "serving {scheme}://{addr}/metrics");
        Ok(addr)
    }
}

fn limits(config: &MetricsConfig) -> Limits {
    Limits::default()
        .with_max_connections(config.http_max_connections)
        .with_max_scrapes(config.http_max_scrapes)
        .with_scrape_timeout(MetricsConfig::seconds(config.http_scrape_timeout_s))
}

/// Whether a host and port name the address that is bound.
fn is(addr: SocketAddr, host: &str, port: u16) -> bool {
    let is_named = |mut named: std::vec::IntoIter<SocketAddr>| named.any(|named| named == addr);
    addr.port() == port && (host, port).to_socket_addrs().is_ok_and(is_named)
}

async fn run(server: Server, listener: TcpListener, mut told: watch::Receiver<Option<Instant>>) {
    let mut shutdown = told.clone();
    let served = server.serve(listener, async move {
        // An error means that the last handle is gone, which is an end as well.
        let _ = shutdown.changed().await;
    });
    let cut = async {
        let _ = told.changed().await;
        let deadline = *told.borrow();
        tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now).into()).await;
    };
    tokio::select! {
        result = served => {
            if let Err(error) = result {
                error!(target: "aios_metrics", "the exporter has ended: {error}");
            }
        }
        () = cut => {}
    }
}
