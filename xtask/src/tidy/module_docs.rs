//! Every Rust file begins with what it is for.

use super::Problem;
use std::path::Path;

/// The first line of a file must be a `//!` with words on it.
pub(super) fn check(path: &Path, text: &str) -> Option<Problem> {
    let first = text.lines().next().unwrap_or_default();
    let documented = first.strip_prefix("//!").is_some_and(|words| !words.trim().is_empty());
    (!documented)
        .then(|| Problem::new(path, 1, "the file must begin with a `//!` line that says what it is for"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts() {
        let complains = |text| check(Path::new("a.rs"), text).is_some();
        assert!(!complains("//! Cells.\nuse std::fmt;\n"));
        assert!(complains("//!\n//! Cells.\n"));
        assert!(complains("use std::fmt;\n//! Cells.\n"));
        assert!(complains(""));
    }
}
