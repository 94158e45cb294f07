//! The client library's words for errors, read for what they hold.

/// Whether the text is an error answer of a server: they begin with a code word in capitals.
pub(super) fn is_answer(details: &str) -> bool {
    let code = details.split_whitespace().next().unwrap_or_default();
    code.len() >= 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// The error within the library's debug form of an I/O error that wraps it.
pub(super) fn inner(details: &str) -> &str {
    let error = details.split_once("error: ").map_or(details, |(_, error)| error);
    error.strip_suffix(" }").unwrap_or(error)
}

/// The operating system's words within the library's debug form of an I/O error.
pub(super) fn plain(details: &str) -> String {
    let quoted = ["message: \"", "error: \""].iter().find_map(|before| {
        let (_, after) = details.split_once(before)?;
        Some(after.split('"').next().unwrap_or(after))
    });
    quoted.unwrap_or(details).trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_errors_are_told_in_plain_words() {
        let refused = r#"Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }"#;
        assert_eq!(plain(refused), "connection refused");
        let unknown = r#"Custom { kind: Uncategorized, error: "failed to lookup address information: Name or service not known" }"#;
        assert_eq!(plain(unknown), "failed to lookup address information: name or service not known");
        assert_eq!(plain("Connection closed."), "connection closed");
    }
}
