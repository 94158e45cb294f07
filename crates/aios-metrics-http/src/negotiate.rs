//! Which format a client gets: its `Accept` header against what we offer.

use aios_metrics_core::{Format, OpenMetricsText, PrometheusText};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, HeaderValue};

use crate::media_range::MediaRange;

/// The format that the client weighs highest among those we offer; text 0.0.4 when it accepts
/// none of them or doesn't say.
///
/// Of equal weights the narrower range wins, then the one that stands first. A media type that the
/// client refuses by `q=0` is not what a wider range of its header stands for.
pub(crate) fn negotiate(headers: &HeaderMap) -> Choice {
    let lines = headers.get_all(ACCEPT).into_iter().filter_map(|line| line.to_str().ok());
    let (mut wanted, refused): (Vec<_>, Vec<_>) =
        lines.flat_map(MediaRange::parse_line).partition(|range| range.weight > 0);
    wanted.sort_by_key(|range| std::cmp::Reverse((range.weight, range.specificity())));

    // Worked out once for each offer: a header may hold thousands of clauses.
    let refusals: Vec<_> = OFFERS.iter().map(|offer| (offer, offer.narrowest(&refused))).collect();
    let mut choices = wanted.iter().filter_map(|range| {
        let is_refused = |refusal: Option<u8>| refusal > Some(range.specificity());
        let (offer, _) =
            refusals.iter().find(|(offer, no)| offer.is_selected_by(range) && !is_refused(*no))?;
        Some(Choice { offer, names_escaping: range.names_escaping })
    });
    choices.next().unwrap_or(Choice { offer: &OFFERS[0], names_escaping: false })
}

/// A format and how to name it to the client.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    offer: &'static Offer,
    names_escaping: bool,
}

impl Choice {
    /// The format to encode the page in.
    pub(crate) fn format(&self) -> &'static dyn Format {
        self.offer.format
    }

    /// The reply's `Content-Type`.
    ///
    /// Our names are plain ASCII, for which all escaping schemes agree: a client that named a
    /// scheme, known or not, is told the one that every scraper understands.
    pub(crate) fn content_type(&self) -> HeaderValue {
        HeaderValue::from_static(self.offer.content_types[usize::from(self.names_escaping)])
    }
}

/// What can be chosen; a format that goes by two versions stands twice.
pub(crate) fn formats() -> impl Iterator<Item = &'static dyn Format> {
    OFFERS.iter().map(|offer| offer.format)
}

/// A media type and its parameters that we can answer with.
struct Offer {
    media_type: &'static str,
    /// What the media type alone leaves open.
    parameters: &'static [(&'static str, &'static str)],
    /// Whether a clause without one of the parameters means this one.
    is_default: bool,
    format: &'static dyn Format,
    /// For clients that name no escaping scheme, and for those that do.
    content_types: [&'static str; 2],
}

/// What a wildcard stands for is the first that lies within it.
static OFFERS: &[Offer] = &[
    Offer {
        media_type: "text/plain",
        parameters: &[("version", "0.0.4")],
        is_default: true,
        format: &PrometheusText,
        content_types: [
            "text/plain; version=0.0.4; charset=utf-8",
            "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
        ],
    },
    Offer {
        media_type: "application/openmetrics-text",
        parameters: &[("version", "1.0.0")],
        is_default: false,
        format: &OpenMetricsText,
        content_types: [
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ],
    },
    // The draft that scrapers named before 1.0.0: what we write is valid as both.
    Offer {
        media_type: "application/openmetrics-text",
        parameters: &[("version", "0.0.1")],
        is_default: true,
        format: &OpenMetricsText,
        content_types: [
            "application/openmetrics-text; version=0.0.1; charset=utf-8",
            "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores",
        ],
    },
    #[cfg(feature = "protobuf")]
    Offer {
        media_type: "application/vnd.google.protobuf",
        parameters: &[("proto", "io.prometheus.client.MetricFamily"), ("encoding", "delimited")],
        is_default: false,
        format: &aios_metrics_core::format::Protobuf,
        content_types: [
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; \
             escaping=underscores",
        ],
    },
];

impl Offer {
    /// Whether a client that wants `range` is served by this.
    fn is_selected_by(&self, range: &MediaRange<'_>) -> bool {
        let leaves_open = |(name, _): &(&str, _)| range.parameter(name).is_none();
        let is_open = range.is_exact() && self.parameters.iter().any(leaves_open);
        self.is_covered_by(range) && (self.is_default || !is_open)
    }

    /// How narrow the narrowest of the ranges is that cover this, if any does.
    fn narrowest(&self, ranges: &[MediaRange<'_>]) -> Option<u8> {
        ranges.iter().filter(|range| self.is_covered_by(range)).map(MediaRange::specificity).max()
    }

    /// Whether a client that refuses `range` refuses this.
    fn is_covered_by(&self, range: &MediaRange<'_>) -> bool {
        let agrees = |(name, ours): &(&str, &str)| range.parameter(name).is_none_or(|given| given == *ours);
        range.includes(self.media_type) && self.parameters.iter().all(agrees)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    const DRAFT: &str = "application/openmetrics-text; version=0.0.1; charset=utf-8";
    const TEXT_ESCAPED: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
    const OPEN_ESCAPED: &str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";
    const PROTOBUF: &str =
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    const PROTOBUF_ESCAPED: &str = "application/vnd.google.protobuf; \
        proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores";

    /// What a client gets that would rather have protobuf than `other`.
    fn protobuf_or(other: &'static str, protobuf: &'static str) -> &'static str {
        if cfg!(feature = "protobuf") { protobuf } else { other }
    }

    fn content_type(lines: &[&str]) -> HeaderValue {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT, HeaderValue::from_str(line).unwrap());
        }
        negotiate(&headers).content_type()
    }

    #[test]
    fn each_accept_header_gets_its_content_type() {
        let table: &[(&str, &str)] = &[
            // Prometheus 3, by default and with native histograms on.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                 text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                OPEN_ESCAPED,
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                 encoding=delimited;q=0.6,\
                 application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                 application/openmetrics-text;version=0.0.1;q=0.4,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
                 text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                protobuf_or(OPEN_ESCAPED, PROTOBUF),
            ),
            // Prometheus 2.
            (
                "application/openmetrics-text;version=1.0.0,\
                 application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OPEN,
            ),
            ("application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", DRAFT),
            // Prometheus 2.40 and later with native histograms on.
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                 encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,\
                 application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                protobuf_or(OPEN, PROTOBUF),
            ),
            // Protobuf: only ours, and only by its full name.
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                 encoding=delimited;escaping=allow-utf-8",
                protobuf_or(TEXT, PROTOBUF_ESCAPED),
            ),
            (
                "Application/Vnd.Google.Protobuf; Encoding=delimited; \
                 Proto=\"io.prometheus.client.MetricFamily\"; q=0.5, text/plain; q=0.4",
                protobuf_or(TEXT, PROTOBUF),
            ),
            ("application/vnd.google.protobuf", TEXT),
            ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", TEXT),
            ("application/vnd.google.protobuf;encoding=delimited", TEXT),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text,\
                 application/openmetrics-text;version=1.0.0;q=0.1",
                OPEN,
            ),
            ("application/vnd.google.protobuf;proto=io.openmetrics.MetricSet;encoding=delimited", TEXT),
            (
                "application/vnd.google.protobuf;q=0,application/vnd.google.protobuf;\
                 proto=io.prometheus.client.MetricFamily;encoding=delimited",
                protobuf_or(TEXT, PROTOBUF),
            ),
            ("application/openmetrics-text;q=0,application/vnd.google.protobuf;q=0,application/*", TEXT),
            ("application/openmetrics-text;q=0,application/*", protobuf_or(TEXT, PROTOBUF)),
            // Browsers and command-line tools.
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
            ("*/*", TEXT),
            ("", TEXT),
            // Versions.
            ("application/openmetrics-text", DRAFT),
            ("application/openmetrics-text;version=1.0.0", OPEN),
            ("application/openmetrics-text;version=2.0.0", TEXT),
            (
                "application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0;q=0.1",
                OPEN,
            ),
            ("application/openmetrics-text;version=\"1.0.0\"", OPEN),
            ("text/plain", TEXT),
            ("text/plain;version=1.0.0;escaping=allow-utf-8", TEXT),
            ("text/plain;version=1.0.0,application/openmetrics-text;version=1.0.0;q=0.1", OPEN),
            // Weights, case and spaces.
            ("text/plain;q=0.5,application/openmetrics-text;version=1.0.0;q=0.6", OPEN),
            ("text/plain,application/openmetrics-text;version=1.0.0;q=0.999", TEXT),
            ("text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0", TEXT),
            ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4", OPEN),
            ("APPLICATION/OpenMetrics-Text ; Version=1.0.0 ; Q=0.9 , text/plain ; q=0.1", OPEN),
            // Wildcards: the narrower wins among equals, and */* means the fallback.
            ("*/*,application/openmetrics-text;version=1.0.0", OPEN),
            ("*/*;q=0.9,application/openmetrics-text;version=1.0.0;q=0.8", TEXT),
            ("text/*", TEXT),
            ("application/*", OPEN),
            ("application/*;q=0.1,text/*;q=0.2,*/*;q=0.3,*/*;q=0.4", TEXT),
            ("*/*;version=7", TEXT),
            ("image/*", TEXT),
            // Refusals.
            ("text/plain;q=0,*/*", OPEN),
            ("text/*;q=0,*/*", OPEN),
            ("*/*;q=0,application/openmetrics-text;version=1.0.0;q=0.1", OPEN),
            ("application/openmetrics-text;version=1.0.0;q=0,application/*", DRAFT),
            ("application/openmetrics-text;q=0,application/openmetrics-text;version=1.0.0", OPEN),
            ("*/*;q=0", TEXT),
            ("text/plain;q=0,application/openmetrics-text;q=0.0", TEXT),
            // Escaping.
            ("text/plain;version=0.0.4;escaping=underscores", TEXT_ESCAPED),
            ("text/plain;escaping=no-such-scheme", TEXT_ESCAPED),
            ("application/openmetrics-text;version=1.0.0;escaping=dots", OPEN_ESCAPED),
            ("application/openmetrics-text;version=1.0.0,text/plain;escaping=dots;q=0.5", OPEN),
            // Garbage.
            ("garbage", TEXT),
            (",;=/,,text/;q=,*/plain", TEXT),
            ("application/openmetrics-text;version=1.0.0;q=lots,text/plain;q=0.1", TEXT),
            ("application/openmetrics-text;version=1.0.0;q=1.5,text/plain;q=0.1", TEXT),
            ("\"text/plain,application/openmetrics-text;version=1.0.0", TEXT),
            ("nonsense,application/openmetrics-text;version=1.0.0;x;=y;q=0.2", OPEN),
        ];
        for (accept, expected) in table {
            assert_eq!(content_type(&[accept]), expected, "Accept: {accept}");
        }
    }

    #[test]
    fn header_lines_count_as_one_list_and_no_line_as_no_wish() {
        assert_eq!(content_type(&[]), TEXT);
        assert_eq!(content_type(&["text/plain;q=0.1", "application/openmetrics-text;version=1.0.0"]), OPEN);
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT, HeaderValue::from_bytes(b"\xff\xfe").unwrap());
        assert_eq!(negotiate(&headers).content_type(), TEXT);
    }

    /// Each clause against each other would take an hour here; with the longest head that is taken it
    /// would be milliseconds, on the thread that serves everybody.
    #[test]
    fn a_header_of_many_clauses_takes_time_in_proportion() {
        let clauses = "application/*,text/*;q=0,application/openmetrics-text;q=0,".repeat(100_000);
        assert_eq!(content_type(&[&clauses]), protobuf_or(TEXT, PROTOBUF));
    }

    #[test]
    fn content_types_agree_with_the_formats() {
        for offer in OFFERS.iter().filter(|offer| !offer.parameters.contains(&("version", "0.0.1"))) {
            assert_eq!(offer.content_types[0], offer.format.content_type());
        }
        for offer in OFFERS {
            assert_eq!(offer.content_types[1], format!("{}; escaping=underscores", offer.content_types[0]));
        }
    }
}
