//! The loop that takes connections, keeps them within the limits and ends them.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::acceptor::Acceptor;
use crate::limits::Limits;
use crate::seats::Seats;
use crate::stats::ConnectionStats;
use crate::web::Entrance;

/// How often to ask another client to leave while a newcomer waits for a place.
const MAKE_ROOM_EVERY: Duration = Duration::from_millis(20);

/// Serves `listener` until `shutdown` is ready; then answers that are under way have the grace of
/// the limits. No connection outlives the future.
pub(crate) async fn serve(
    listener: std::net::TcpListener,
    entrance: Entrance,
    router: Router,
    limits: Limits,
    stats: Option<ConnectionStats>,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let acceptor = Acceptor::new(listener)?;
    let limits = Arc::new(limits);
    let mut shutdown = pin!(shutdown);
    let mut seats = Seats::new(stats);
    let mut connections = JoinSet::new();
    let mut newcomer: Option<TcpStream> = None;

    loop {
        let is_full = connections.len() >= limits.max_connections;
        if let Some(stream) = newcomer.take_if(|_| !is_full) {
            let (seat, router, limits) = (seats.take(), router.clone(), Arc::clone(&limits));
            let entrance = entrance.clone();
            connections.spawn(async move { entrance.serve(stream, seat, router, &limits).await });
        } else if newcomer.is_some() {
            seats.make_room();
        }
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            stream = acceptor.accept(), if newcomer.is_none() => newcomer = Some(stream),
            () = tokio::time::sleep(MAKE_ROOM_EVERY), if newcomer.is_some() => {}
        }
    }

    drop((acceptor, newcomer));
    seats.clear();
    let all_ended = async { while connections.join_next().await.is_some() {} };
    // Who is still there after the grace is cut off when the set is dropped.
    let _ = tokio::time::timeout(limits.shutdown_grace, all_ended).await;
    connections.shutdown().await;
    Ok(())
}
