//! `cargo xtask bench`: measures us and the rivals and writes the tables into `docs/performance.md`.

use crate::process::{self, Outcome, cargo};
use crate::workspace::Workspace;
use std::fs;

/// The page that the tables stand in, between the two markers.
const PAGE: &str = "docs/performance.md";
const BEGIN: &str = "<!-- measured -->";
const END: &str = "<!-- /measured -->";

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// Nine rounds and more: figures to publish.
    Full,
    /// Five short rounds: figures to work with.
    Quick,
}

/// Runs the comparison, writes its tables, then runs the criterion benches.
pub(crate) fn run(workspace: &Workspace, length: Length) -> Outcome {
    let quick = length == Length::Quick;
    let path = workspace.root.join(PAGE);
    let page = fs::read_to_string(&path).map_err(|error| format!("{PAGE} can't be read: {error}."))?;
    insert(&page, "")?;

    let mut compare = cargo(workspace, "run --release --manifest-path benches/Cargo.toml --");
    if quick {
        compare.arg("--quick");
    }
    let tables = process::output(&mut compare)?;
    fs::write(&path, insert(&page, &tables)?)
        .map_err(|error| format!("{PAGE} can't be written: {error}."))?;
    println!("{tables}\nbench: the tables stand in {PAGE}");

    let mut criterion = cargo(workspace, "bench --manifest-path benches/Cargo.toml --bench metrics --");
    if quick {
        criterion.arg("--quick");
    }
    process::run(&mut criterion)
}

/// The page with `tables` between its markers.
fn insert(page: &str, tables: &str) -> Outcome<String> {
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or(format!("{PAGE} has no `{BEGIN}` followed by `{END}`."))?;
    Ok(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", tables.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_markers_changes() {
        let page = format!("# Speed\n\n{BEGIN}\nold\n{END}\n\nend\n");
        let new = insert(&page, "| a |\n").unwrap();
        assert_eq!(new, format!("# Speed\n\n{BEGIN}\n\n| a |\n\n{END}\n\nend\n"));
        assert_eq!(insert(&new, "| a |").unwrap(), new);
        assert!(insert("# Speed\n", "").is_err());
    }
}
