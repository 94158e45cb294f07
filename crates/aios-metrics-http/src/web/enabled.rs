//! TLS, passwords and tokens, as far as they were asked for.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use aios_metrics_core::{RegisterError, Registry};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use tokio::net::TcpStream;

use super::config::WebConfig;
use super::error::WebConfigError;
use super::guard::guard;
use super::live::{Live, Source};
use super::stats::{Refusal, WebStats};
use super::tls;
use crate::connection;
use crate::limits::Limits;
use crate::seat::Seat;

/// What a client has to pass; nothing, by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entrance {
    live: Option<Arc<Live>>,
    stats: WebStats,
}

impl Entrance {
    /// Asks for what `config` says, from the next client on.
    pub(crate) fn set_config(&mut self, config: WebConfig) -> Result<(), WebConfigError> {
        self.live = Some(Arc::new(Live::new(Source::Code(Box::new(config)))?));
        Ok(())
    }

    /// The same as a file says it.
    pub(crate) fn set_file(&mut self, path: PathBuf) -> Result<(), WebConfigError> {
        // It is read again when the process may be in another folder.
        let path = std::path::absolute(&path).unwrap_or(path);
        self.live = Some(Arc::new(Live::new(Source::File(path))?));
        Ok(())
    }

    /// Counts in `registry` who is refused.
    pub(crate) fn register(&mut self, registry: &Registry) -> Result<(), RegisterError> {
        self.stats = WebStats::register(registry)?;
        Ok(())
    }

    pub(crate) fn speaks_tls(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.current().tls.is_some())
    }

    /// The router behind passwords, tokens and limits, for clients whose address is not known.
    pub(crate) fn router(&self, router: Router) -> Router {
        self.guarded(router, None)
    }

    /// Answers the requests of one client.
    pub(crate) async fn serve(&self, stream: TcpStream, seat: Arc<Seat>, router: Router, limits: &Limits) {
        let Some(live) = &self.live else { return connection::serve(stream, seat, router, limits).await };
        let client = stream.peer_addr().ok().map(|address| address.ip());
        let router = self.guarded(router, client);
        let Some(config) = live.rules(&self.stats).await.tls.clone() else {
            return connection::serve(stream, seat, router, limits).await;
        };
        match tls::handshake(stream, config, &seat, limits.header_timeout).await {
            Ok(None) => {}
            Ok(Some(stream)) => connection::serve(stream, seat, router, limits).await,
            Err(error) => {
                self.stats.refused(Refusal::Handshake);
                live.log_handshake(client, &error);
            }
        }
    }

    fn guarded(&self, router: Router, client: Option<IpAddr>) -> Router {
        let Some(live) = &self.live else { return router };
        let (live, stats) = (Arc::clone(live), self.stats.clone());
        router.layer(middleware::from_fn(move |request: Request, next: Next| {
            guard(Arc::clone(&live), stats.clone(), client, request, next)
        }))
    }
}
