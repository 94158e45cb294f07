//! The parsers of others: Python's `prometheus_client`, and Prometheus' own `promtool`.

use std::collections::BTreeMap;
use std::env;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

use crate::model::{Key, Number};

/// A page as an independent parser understood it.
#[derive(Debug)]
pub(crate) struct Page {
    /// Help and type by family name.
    pub(crate) families: BTreeMap<String, (String, String)>,
    /// In the order of the page.
    pub(crate) samples: Vec<(Key, Number)>,
    /// Of samples that can have one, in the order of the page.
    pub(crate) exemplars: Vec<(Key, Option<Exemplar>)>,
}

/// An exemplar as an independent parser understood it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: Number,
    pub(crate) at: Option<Number>,
}

/// Parses pages, each with its format (`text` or `openmetrics`), in one run of Python.
pub(crate) fn parse_pages(pages: &[(&str, String)]) -> Vec<Result<Page, String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/parse_pages.py");
    let input = serde_json::to_vec(pages).unwrap();
    let python = python();
    let output = run(Command::new(&python).arg(script), &input).unwrap_or_else(|error| {
        panic!(
            "{}: {error}. The tests need a Python with prometheus-client: `cargo xtask setup` installs it, \
             or AIOS_METRICS_PYTHON names one",
            python.display()
        )
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{} failed: {errors}\nThe tests need prometheus-client: `cargo xtask setup` installs it, or \
         AIOS_METRICS_PYTHON names a Python that has it",
        python.display()
    );
    let results: Vec<Json> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results.len(), pages.len());
    results.iter().map(page).collect()
}

fn python() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/bin/python");
    env::var_os("AIOS_METRICS_PYTHON").map_or_else(default, PathBuf::from)
}

fn page(result: &Json) -> Result<Page, String> {
    if let Json::String(error) = result {
        return Err(error.clone());
    }
    let mut page = Page { families: BTreeMap::new(), samples: Vec::new(), exemplars: Vec::new() };
    type Labels = BTreeMap<String, String>;
    type Sample = (String, Labels, String, Option<(Labels, String, Option<String>)>);
    type Family = (String, String, String, Vec<Sample>);
    let families: Vec<Family> = serde_json::from_value(result.clone()).unwrap();
    for (name, help, kind, samples) in families {
        let earlier = page.families.insert(name.clone(), (help, kind));
        assert!(earlier.is_none(), "family {name:?} stands twice");
        for (name, labels, value, exemplar) in samples {
            let exemplar = exemplar.map(|(labels, value, at)| Exemplar {
                labels,
                value: number(&value),
                at: at.as_deref().map(number),
            });
            let key = (name, labels);
            if key.0.ends_with("_total") || key.0.ends_with("_bucket") {
                page.exemplars.push((key.clone(), exemplar));
            } else {
                assert_eq!(exemplar, None, "of {key:?}");
            }
            page.samples.push((key, number(&value)));
        }
    }
    Ok(page)
}

/// Python shows whole numbers without a point, `inf` and `nan` as Rust reads them.
fn number(text: &str) -> Number {
    text.parse().map(Number::Whole).unwrap_or_else(|_| Number::Float(text.parse().unwrap()))
}

/// What `promtool check metrics` makes of a page in text 0.0.4.
pub(crate) struct Verdict {
    /// Whether it could be parsed.
    pub(crate) parsed: bool,
    /// Its advice and errors.
    pub(crate) says: String,
}

pub(crate) fn promtool(page: &str) -> Verdict {
    let output = run(Command::new("promtool").args(["check", "metrics"]), page.as_bytes()).unwrap_or_else(|error| {
        panic!("promtool: {error}. The tests need it on the PATH: `cargo xtask setup` installs it (Debian: prometheus)")
    });
    let says = [output.stdout, output.stderr].concat();
    Verdict {
        // 0 without and 3 with advice.
        parsed: matches!(output.status.code(), Some(0 | 3)),
        says: String::from_utf8_lossy(&says).into_owned(),
    }
}

/// Runs a program with the given input; reads what it says while it is written to.
fn run(command: &mut Command, input: &[u8]) -> std::io::Result<Output> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    std::thread::scope(|scope| {
        // A program that ends early closes the pipe; what it said tells more than that.
        scope.spawn(move || drop(stdin.write_all(input)));
        let said = scope.spawn(move || {
            let mut said = Vec::new();
            err.read_to_end(&mut said).map(|_| said)
        });
        let mut stdout = Vec::new();
        out.read_to_end(&mut stdout)?;
        let stderr = said.join().unwrap()?;
        Ok(Output { status: child.wait()?, stdout, stderr })
    })
}
