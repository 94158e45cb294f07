//! Gets pages made: shared among those who ask for the same, not too many at once, in time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::{Documents, Format, Selection};
use axum::http::{HeaderMap, Method};

use crate::flight::{Busy, HANGS_AFTER, SingleFlight};
use crate::limits::Limits;
use crate::maker::{Failed, Maker, Order, Page, What};
use crate::stats::ScrapeStats;
use crate::throttle::Throttle;
use crate::{encoding, request};

/// Where the answers of `/metrics` and `/snapshot` come from.
#[derive(Debug)]
pub(crate) struct Pages {
    flights: SingleFlight<Order, Result<Page, Failed>>,
    timeout: Duration,
    log: Throttle,
    stats: Option<ScrapeStats>,
}

/// Why there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A collector or a section failed.
    Failed,
    /// Too many different pages are wanted at once.
    Busy,
    /// The runtime that makes the pages ends.
    Ending,
    /// It was not ready within this time.
    TooLate(Duration),
    /// The client takes it neither compressed nor plain.
    NotAcceptable,
}

impl Refusal {
    /// The status code that it is answered with.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Failed => "500",
            Self::Busy | Self::Ending | Self::TooLate(_) => "503",
            Self::NotAcceptable => "406",
        }
    }
}

impl Pages {
    pub(crate) fn new(documents: Arc<Documents>, stats: Option<ScrapeStats>, limits: &Limits) -> Self {
        let maker = Maker::new(documents, stats.clone());
        let flights = SingleFlight::new(limits.max_scrapes, move |order| maker.make(order));
        Self { flights, timeout: limits.scrape_timeout, log: Throttle::default(), stats }
    }

    /// The answer to a scrape, as of a moment after this call.
    pub(crate) async fn scrape(
        &self,
        format: &'static dyn Format,
        selection: Selection,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Page, Refusal> {
        let scrape = self.stats.as_ref().map(|stats| stats.begin(format.name()));
        let page = self.get(What::Page { format, selection }, headers).await;
        if let Some(scrape) = scrape {
            scrape.answered(&page, method);
        }
        page
    }

    /// What is wanted, as the client's headers have it, unless it takes longer than they or the
    /// limits allow.
    pub(crate) async fn get(&self, what: What, headers: &HeaderMap) -> Result<Page, Refusal> {
        let encoding = encoding::negotiate(headers).ok_or(Refusal::NotAcceptable)?;
        let timeout = request::patience(headers).map_or(self.timeout, |patience| patience.min(self.timeout));
        let order = Order { what, encoding };
        let admission = order.admission();
        let page = self.flights.ask(order, admission).map_err(|Busy| Refusal::Busy)?;
        let page = tokio::select! {
            biased;
            page = tokio::time::timeout(timeout, page) => page,
            never = self.go_round_what_hangs() => match never {},
        };
        match page {
            Ok(Ok(page)) => page.map_err(|Failed| Refusal::Failed),
            // The maker has gone without a word: its runtime is shutting down.
            Ok(Err(_)) => Err(Refusal::Ending),
            Err(_) => {
                if let Some(held_back) = self.log.pass() {
                    tracing::warn!(
                        target: "aios_metrics",
                        held_back,
                        "a page was not ready within {timeout:?}: a collector or the machine is slow"
                    );
                }
                Err(Refusal::TooLate(timeout))
            }
        }
    }

    /// Sees to it, while somebody waits, that pages which hang don't keep others from being made.
    async fn go_round_what_hangs(&self) -> Infallible {
        loop {
            tokio::time::sleep(HANGS_AFTER).await;
            self.flights.go_round_what_hangs();
        }
    }
}
