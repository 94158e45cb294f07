//! Headers that are added to every answer.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::error::WebConfigError;

/// The headers that can be set, and the values of those that take few.
const ALLOWED: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-XSS-Protection", &[]),
    ("Strict-Transport-Security", &[]),
];

/// Their names.
pub(super) const NAMES: &[&str] = &[ALLOWED[0].0, ALLOWED[1].0, ALLOWED[2].0, ALLOWED[3].0, ALLOWED[4].0];

/// Checks the headers. One without a value is not set.
pub(super) fn headers(given: &[(String, String)]) -> Result<HeaderMap, WebConfigError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let field = format!("http_server_config.headers.{name}");
        let Some((_, values)) = ALLOWED.iter().find(|(allowed, _)| allowed == name) else {
            let expected = format!("one of {}", NAMES.join(", "));
            return Err(WebConfigError::hidden(field, expected));
        };
        if value.is_empty() {
            continue;
        }
        if !values.is_empty() && !values.contains(&value.as_str()) {
            return Err(WebConfigError::value(field, value, values.join(" or ")));
        }
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
            return Err(WebConfigError::value(field, value, "what a header can hold: visible characters"));
        };
        headers.insert(name, value);
    }
    Ok(headers)
}
