//! Without the feature `tls` there is nothing between a client and the pages.

use std::sync::Arc;

use aios_metrics_core::{RegisterError, Registry};
use axum::Router;
use tokio::net::TcpStream;

use crate::connection;
use crate::limits::Limits;
use crate::seat::Seat;

/// An open door.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entrance(());

impl Entrance {
    /// Nobody is refused.
    pub(crate) fn register(&mut self, _: &Registry) -> Result<(), RegisterError> {
        Ok(())
    }

    pub(crate) fn speaks_tls(&self) -> bool {
        false
    }

    /// The router as it is.
    pub(crate) fn router(&self, router: Router) -> Router {
        router
    }

    /// Answers the requests of one client.
    pub(crate) async fn serve(&self, stream: TcpStream, seat: Arc<Seat>, router: Router, limits: &Limits) {
        connection::serve(stream, seat, router, limits).await;
    }
}
