//! `cargo xtask bench`: measures us and the rivals and writes the tables into `docs/performance.md`; with
//! `--http` those of scrapes over HTTP.

use crate::process::{self, Outcome, cargo};
use crate::workspace::Workspace;
use std::fs;

/// The page that the tables stand in.
const PAGE: &str = "docs/performance.md";

/// The markers between which the tables of the comparison stand, and those of the scrapes over HTTP.
const COMPARISON: [&str; 2] = ["<!-- measured -->", "<!-- /measured -->"];
const HTTP: [&str; 2] = ["<!-- measured: http -->", "<!-- /measured: http -->"];

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// Nine rounds and more: figures to publish.
    Full,
    /// Five short rounds, without criterion: figures to work with, within minutes.
    Quick,
}

/// Runs the comparison and writes its tables; when there is time, runs the criterion benches.
pub(crate) fn run(workspace: &Workspace, length: Length) -> Outcome {
    measure(workspace, "aios-metrics-bench", length, COMPARISON)?;
    match length {
        Length::Full => {
            process::run(&mut cargo(workspace, "bench --manifest-path benches/Cargo.toml --bench metrics"))
        }
        Length::Quick => Ok(()),
    }
}

/// Scrapes us and the rivals over HTTP, and writes the tables.
pub(crate) fn http(workspace: &Workspace, length: Length) -> Outcome {
    measure(workspace, "http", length, HTTP)
}

/// Runs a program of the benchmarks and puts what it prints between the markers.
fn measure(workspace: &Workspace, program: &str, length: Length, markers: [&str; 2]) -> Outcome {
    let path = workspace.root.join(PAGE);
    let page = fs::read_to_string(&path).map_err(|error| format!("{PAGE} can't be read: {error}."))?;
    insert(&page, markers, "")?;

    let line = format!("run --release --manifest-path benches/Cargo.toml --bin {program} --");
    let mut program = cargo(workspace, &line);
    if length == Length::Quick {
        program.arg("--quick");
    }
    let tables = process::output(&mut program)?;
    fs::write(&path, insert(&page, markers, &tables)?)
        .map_err(|error| format!("{PAGE} can't be written: {error}."))?;
    println!("{tables}\nbench: the tables stand in {PAGE}");
    Ok(())
}

/// The page with `tables` between the markers.
fn insert(page: &str, [begin, end]: [&str; 2], tables: &str) -> Outcome<String> {
    let parts = page.split_once(begin).and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let (before, after) = parts.ok_or(format!("{PAGE} has no `{begin}` followed by `{end}`."))?;
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", tables.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_markers_changes() {
        let [begin, end] = COMPARISON;
        let [begin_http, end_http] = HTTP;
        let rest = format!("{begin_http}\nkept\n{end_http}\n");
        let page = format!("# Speed\n\n{begin}\nold\n{end}\n\n{rest}");
        let new = insert(&page, COMPARISON, "| a |\n").unwrap();
        assert_eq!(new, format!("# Speed\n\n{begin}\n\n| a |\n\n{end}\n\n{rest}"));
        assert_eq!(insert(&new, COMPARISON, "| a |").unwrap(), new);
        assert!(insert(&new, HTTP, "").unwrap().starts_with(new.split(begin_http).next().unwrap()));
        assert!(insert("# Speed\n", COMPARISON, "").is_err());
        assert!(insert(&rest, COMPARISON, "").is_err());
    }
}
