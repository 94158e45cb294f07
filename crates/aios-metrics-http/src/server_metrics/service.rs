//! A service that measures another one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::request::{Families, Measured};

/// The service that [`HttpMetricsLayer`](super::HttpMetricsLayer) makes.
#[derive(Clone, Debug)]
pub struct HttpMetrics<S> {
    inner: S,
    families: Arc<Families>,
}

impl<S> HttpMetrics<S> {
    pub(super) fn new(inner: S, families: Arc<Families>) -> Self {
        Self { inner, families }
    }
}

impl<S, B, R> Service<Request<B>> for HttpMetrics<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = HttpMetricsFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let measured = Measured::begin(&self.families, &request);
        HttpMetricsFuture { inner: self.inner.call(request), measured }
    }
}

pin_project! {
    /// The response of an [`HttpMetrics`] service. Dropped before it is ready, it counts as cancelled.
    #[derive(Debug)]
    pub struct HttpMetricsFuture<F> {
        #[pin]
        inner: F,
        measured: Measured,
    }
}

impl<F, R, E> Future for HttpMetricsFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        match &result {
            Ok(response) => this.measured.answered(response.status()),
            Err(_) => this.measured.failed(),
        }
        Poll::Ready(result)
    }
}
