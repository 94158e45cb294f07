//! `opentelemetry` with its SDK, read by its exporter for Prometheus.

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};

/// A provider of meters whose instruments appear in a registry of `prometheus`. Without a reader, instruments
/// would do nothing.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Gives the page.
    pub registry: prometheus::Registry,
    provider: SdkMeterProvider,
}

impl Telemetry {
    /// One whose instruments may have so many series each; the default is 2,000, and an instrument takes the room
    /// for its table when it is made.
    ///
    /// # Panics
    ///
    /// When `max_series` is 0.
    #[must_use]
    pub fn new(max_series: usize) -> Self {
        let registry = prometheus::Registry::new();
        let reader = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build();
        let provider = SdkMeterProvider::builder()
            .with_reader(reader.expect("the registry is empty"))
            .with_view(move |_: &Instrument| {
                Some(Stream::builder().with_cardinality_limit(max_series).build().expect("a limit above 0"))
            })
            .build();
        Self { registry, provider }
    }

    /// What makes instruments.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.provider.meter("bench")
    }

    /// Writes the page behind what is in the buffer.
    ///
    /// # Panics
    ///
    /// When the page can't be written, which nothing here makes happen.
    pub fn encode(&self, page: &mut String) {
        let families = self.registry.gather();
        prometheus::TextEncoder::new().encode_utf8(&families, page).expect("encodes");
    }
}
