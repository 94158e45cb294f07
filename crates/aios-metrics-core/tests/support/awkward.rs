//! Texts made of what confuses parsers: quotes, backslashes, line ends, separators, other scripts.

use proptest::prelude::*;

const PARTS: &[&str] = &[
    "a",
    "b",
    "n",
    "\"",
    "\\",
    "\n",
    "\\n",
    "\\\"",
    ",",
    "=",
    "{",
    "}",
    " ",
    "#",
    "'",
    "/",
    "\t",
    "\r",
    "\u{0}",
    "\u{1b}",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "é",
    "日本",
    "🦀",
    "# EOF",
    "le=\"1.0\"",
    "\",b=\"",
    "} 1",
    "NaN",
    "__overflow__",
    "custom",
];

/// A text of up to eight such parts, or any text at all.
pub(crate) fn awkward() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::collection::vec(prop::sample::select(PARTS), 0..8).prop_map(|parts| parts.concat()),
        1 => ".{0,12}",
    ]
}
