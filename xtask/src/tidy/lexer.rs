//! Just enough of Rust's lexical grammar to tell code from comments and literals.

/// What a character of a source file belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Code,
    Comment,
    Literal,
}

/// The source with everything in comments and in string and character literals blanked out.
///
/// Lines keep their numbers.
pub(super) fn code(source: &str) -> String {
    keep(source, |part| part == Part::Code)
}

/// The source with everything in comments blanked out.
pub(super) fn code_and_literals(source: &str) -> String {
    keep(source, |part| part != Part::Comment)
}

fn keep(source: &str, wanted: impl Fn(Part) -> bool) -> String {
    let mut kept = String::with_capacity(source.len());
    let mut rest = source;
    while !rest.is_empty() {
        let (part, length) = next(rest, kept.chars().next_back());
        let (piece, after) = rest.split_at(length);
        if wanted(part) {
            kept.push_str(piece);
        } else {
            kept.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        rest = after;
    }
    kept
}

/// The part that `rest` begins with and its length in bytes; `before` is the character before it.
fn next(rest: &str, before: Option<char>) -> (Part, usize) {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return (Part::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Part::Comment, block_comment(rest));
    }
    if !in_word {
        // br"..", cr#".."# and the like: the prefix is part of the literal.
        let raw = rest.trim_start_matches(['b', 'c']);
        let prefix = rest.len() - raw.len();
        if prefix <= 1
            && let Some(length) = raw_string(raw)
        {
            return (Part::Literal, prefix + length);
        }
    }
    if rest.starts_with('"') {
        return (Part::Literal, string(rest));
    }
    if rest.starts_with('\'')
        && let Some(length) = character(rest)
    {
        return (Part::Literal, length);
    }
    (Part::Code, rest.chars().next().map_or(0, char::len_utf8))
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

fn raw_string(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('r')?;
    let opened = body.trim_start_matches('#');
    let hashes = body.len() - opened.len();
    let content = opened.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let opening = rest.len() - content.len();
    Some(content.find(&end).map_or(rest.len(), |at| opening + at + end.len()))
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `'x'` and `'\n'`, but not the lifetime `'x`.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        let mut chars = chars.skip(1);
        return chars.find(|&(_, c)| c == '\'').map(|(at, _)| at + 1);
    }
    chars.next().filter(|&(_, c)| c == '\'').map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        let of = |source: &str| code(source).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(of("a /* b /* c */ d */ e // f\ng"), "a e g");
        assert_eq!(of(r#"a("b \" unsafe {", 'c', '\'', '"') d"#), "a( , , , ) d");
        assert_eq!(of("a r#\"b \" c\"# br\"d\" e"), "a e");
        assert_eq!(of("fn a<'b>(c: &'b str) { d }"), "fn a<'b>(c: &'b str) { d }");
        assert_eq!(of("for_\"a\" b"), "for_ b");
    }

    #[test]
    fn lines_keep_their_numbers() {
        let source = "a\n/* b\nc */ d\n\"e\nf\" g\n";
        assert_eq!(code(source).lines().count(), source.lines().count());
        assert_eq!(code_and_literals("x(\"y\") // z").trim_end(), "x(\"y\")");
    }
}
