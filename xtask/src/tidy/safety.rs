//! Every `unsafe` that takes on a promise says why the promise is kept.

use super::{Problem, lexer};
use std::path::Path;

/// `unsafe` blocks, impls and extern blocks need a `// SAFETY:` comment directly above the statement that
/// they stand in. An `unsafe fn` asks for a promise instead of giving one; clippy looks at its docs.
pub(super) fn check(path: &Path, text: &str) -> Vec<Problem> {
    let code = lexer::code(text);
    let code: Vec<&str> = code.lines().collect();
    let lines: Vec<&str> = text.lines().collect();
    let promising = (0..code.len()).filter(|&number| promises(&code, number));
    let silent = promising.filter(|&number| !explained(&lines, &code, number));
    silent
        .map(|number| {
            Problem::new(path, number + 1, "`unsafe` without a `// SAFETY:` comment directly above")
        })
        .collect()
}

/// Whether an `unsafe` on this line is followed by a block, `impl` or `extern`.
fn promises(code: &[&str], number: usize) -> bool {
    let line = code[number];
    line.match_indices("unsafe").any(|(at, word)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + word.len()..];
        let alone = |c: char| !(c.is_alphanumeric() || c == '_');
        if !before.is_none_or(alone) || !after.chars().next().is_none_or(alone) {
            return false;
        }
        // What follows may stand on the next line.
        let after = after.trim_start();
        let after =
            if after.is_empty() { code.get(number + 1).map_or("", |next| next.trim_start()) } else { after };
        let is_function = after.starts_with("extern") && after.contains("fn ");
        after.starts_with('{') || after.starts_with("impl") || (after.starts_with("extern") && !is_function)
    })
}

/// Walks up over attributes and over earlier lines of the same statement to the comment above it.
fn explained(lines: &[&str], code: &[&str], number: usize) -> bool {
    let mut above = lines[..number].iter().zip(&code[..number]).rev();
    let mut in_comment = false;
    above
        .by_ref()
        .map_while(|(line, code)| {
            let comment = line.trim_start().starts_with("//");
            let code = code.trim();
            let attribute = code.starts_with("#[");
            let ends_statement = code.is_empty() || code.ends_with([';', '{', '}', ',']);
            if !comment && (in_comment || (ends_statement && !attribute)) {
                return None;
            }
            in_comment |= comment;
            Some(comment && line.contains("SAFETY:"))
        })
        .any(|found| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check(Path::new("a.rs"), text).into_iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn a_comment_above_the_statement_is_enough() {
        assert!(lines("// SAFETY: it is aligned.\nlet a = unsafe { b() };\n").is_empty());
        assert!(lines("// SAFETY: it is\n// aligned.\nlet a =\n    unsafe { b() };\n").is_empty());
        assert!(
            lines("// SAFETY: no shared state.\n#[rustfmt::skip]\nunsafe impl Send for A {}\n").is_empty()
        );
    }

    #[test]
    fn anything_between_breaks_it() {
        assert_eq!(lines("// SAFETY: aligned.\n\nlet a = unsafe { b() };\n"), [3]);
        assert_eq!(lines("// SAFETY: aligned.\nc();\nlet a = unsafe { b() };\n"), [3]);
        assert_eq!(lines("// Why not.\nunsafe impl Send for A {}\n"), [2]);
        assert_eq!(lines("unsafe\n{\n}\n"), [1]);
    }

    #[test]
    fn words_and_functions_are_left_alone() {
        assert!(lines("unsafe fn a() {}\nunsafe extern \"C\" fn b() {}\n").is_empty());
        assert!(lines("// unsafe { }\nlet a = \"unsafe {\"; not_unsafe { }\n").is_empty());
        assert!(lines("#![allow(unsafe_code)]\n").is_empty());
    }
}
