//! What a scraper says beside the formats that it takes: which families, and for how long it waits.

use std::time::Duration;

use aios_metrics_core::Selection;
use axum::http::HeaderMap;

/// The header by which Prometheus tells after how many seconds it will give up.
const TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";

/// The part of a scraper's patience that a page may take; the rest is for the way.
const SHARE: f64 = 0.9;

/// The families named by `name[]` in the query, each of them or several; all where none is.
pub(crate) fn selection(query: Option<&str>) -> Selection {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut names = pairs.filter(|(key, _)| key == "name[]").map(|(_, name)| name.into_owned()).peekable();
    if names.peek().is_some() { Selection::of(names) } else { Selection::all() }
}

/// How long the scraper leaves us to make the page, if it says so; what is no number of seconds
/// above 0 is not looked at.
pub(crate) fn patience(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(TIMEOUT)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds * SHARE).ok().filter(|patience| !patience.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn families_are_named_by_the_query() {
        for query in [None, Some(""), Some("name=a"), Some("names[]=a&&=&x"), Some("debug=name[]")] {
            assert!(selection(query).is_all(), "{query:?}");
        }
        for (query, names) in [
            ("name[]=up", &["up"][..]),
            ("name%5B%5D=up&other=1&name[]=jobs_total", &["jobs_total", "up"]),
            ("name[]=a+b%2Bc&name%5b]=%E2%82%AC", &["a b+c", "€"]),
            ("name[]=", &[""]),
            ("name[]", &[""]),
            ("name[]=%FF", &["\u{fffd}"]),
        ] {
            assert_eq!(selection(Some(query)), Selection::of(names.iter().copied()), "{query}");
        }
    }

    #[test]
    fn patience_is_a_little_less_than_the_scraper_says() {
        let of = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(TIMEOUT, HeaderValue::from_bytes(value).unwrap());
            patience(&headers)
        };
        assert_eq!(patience(&HeaderMap::new()), None);
        assert_eq!(of(b"10"), Some(Duration::from_secs(9)));
        assert_eq!(of(b" 0.5 "), Some(Duration::from_millis(450)));
        assert_eq!(of(b"1e9"), Some(Duration::from_secs(900_000_000)));
        for bad in ["", "0", "-1", "-0", "NaN", "inf", "1e300", "ten", "10s", "1,5", "0x10", "1e-300"] {
            assert_eq!(of(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(of(b"\xff"), None);
    }
}
