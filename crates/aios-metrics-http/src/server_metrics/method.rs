//! The methods that have a label value of their own.

use axum::http::Method;

/// The label values; the last one is everybody else's.
pub(super) const NAMES: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "_OTHER"];

/// The place of a method's label value in [`NAMES`]. Methods are told apart by case, as HTTP has it.
pub(super) fn index(method: &Method) -> usize {
    let own = NAMES[..NAMES.len() - 1].iter().position(|name| *name == method.as_str());
    own.unwrap_or(NAMES.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_nobody_knows_share_a_value() {
        let name = |method: &str| NAMES[index(&Method::from_bytes(method.as_bytes()).unwrap())];
        for known in ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] {
            assert_eq!(name(known), known);
        }
        for unknown in ["get", "BREW", "_OTHER", "PROPFIND", "GETGET"] {
            assert_eq!(name(unknown), "_OTHER");
        }
    }
}
