//! Keys of samples: `name{label=value,...}`.

use std::borrow::Cow;
use std::fmt;

use crate::error::KeyError;
use crate::format::labels::asks_for_quotes;

/// The key of a sample in the document: a name and its labels.
///
/// Labels stand as `label=value`. A value in which one of `,` `=` `{` `}` `"` `\` or a newline
/// occurs is written in quotes, with `\"`, `\\` and `\n` for quote, backslash and newline.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::SampleKey;
///
/// let key: SampleKey = r#"requests_total{method=GET,route="/a,b"}"#.parse()?;
/// assert_eq!(key.name, "requests_total");
/// assert_eq!(key.labels[1], ("route".to_owned(), "/a,b".to_owned()));
/// assert_eq!(key.to_string(), r#"requests_total{method=GET,route="/a,b"}"#);
/// # Ok::<(), aios_metrics_core::KeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SampleKey {
    /// The exposed name.
    pub name: String,
    /// Names and values of the labels, in the order in which they stand.
    pub labels: Vec<(String, String)>,
}

impl fmt::Display for SampleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (i, (label, value)) in self.labels.iter().enumerate() {
            write!(f, "{}{label}={}", if i == 0 { '{' } else { ',' }, quoted(value))?;
        }
        if self.labels.is_empty() { Ok(()) } else { f.write_str("}") }
    }
}

impl std::str::FromStr for SampleKey {
    type Err = KeyError;

    fn from_str(key: &str) -> Result<Self, KeyError> {
        parse(key).ok_or_else(|| KeyError { key: key.to_owned() })
    }
}

fn parse(key: &str) -> Option<SampleKey> {
    let Some((name, rest)) = key.split_once('{') else {
        return Some(SampleKey { name: key.to_owned(), labels: Vec::new() });
    };
    let mut rest = rest.strip_suffix('}')?;
    let mut labels = Vec::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once('=')?;
        let (value, tail) = match after.strip_prefix('"') {
            Some(inside) => unquote(inside)?,
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            }
        };
        labels.push((label.to_owned(), value));
        rest = match tail.strip_prefix(',') {
            Some("") => return None,
            Some(more) => more,
            None if tail.is_empty() => tail,
            None => return None,
        };
    }
    Some(SampleKey { name: name.to_owned(), labels })
}

/// The text up to the closing quote, unescaped, and what follows it.
fn unquote(inside: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &inside[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            c => value.push(c),
        }
    }
    None
}

fn quoted(value: &str) -> Cow<'_, str> {
    if !value.bytes().any(asks_for_quotes) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    Cow::Owned(out)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_parses_back(
            name in "[a-z_:][a-z0-9_:]{0,8}",
            labels in prop::collection::vec(("[a-z_][a-z0-9_]{0,4}", "[a,={}\"\\\\\né]{0,6}"), 0..4),
        ) {
            let key = SampleKey { name, labels };
            prop_assert_eq!(key.to_string().parse::<SampleKey>().unwrap(), key);
        }

        #[test]
        fn any_text_parses_or_is_refused(text in "[a{}=,\"\\\\\n]{0,12}") {
            let _ = text.parse::<SampleKey>();
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for key in ["a{", "a{b", "a{b}", "a{b=\"c}", "a{b=c,}", "a{b=\"c\"d}"] {
            let error = key.parse::<SampleKey>().unwrap_err().to_string();
            assert!(error.contains(&format!("{key:?}")), "{error}");
        }
    }
}
