//! `cargo xtask tidy`: what a reviewer would otherwise have to remember.
//!
//! Each check is a pure function over texts; this file reads the files and prints what they say. Generated
//! folders are not looked at.

mod features;
mod leftovers;
mod lexer;
mod links;
mod module_docs;
mod safety;

use crate::process::Outcome;
use crate::workspace::Workspace;
use features::Manifest;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Files longer than this are named; that alone fails nothing.
const LONG: usize = 450;

/// Folders that hold Rust of ours.
const RUST_FOLDERS: [&str; 4] = ["crates", "xtask", "benches", "fuzz"];

/// Something to mend, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    file: PathBuf,
    line: usize,
    what: String,
}

impl Problem {
    fn new(file: &Path, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }
}

/// Runs all checks and lists every problem.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let texts = read_texts(&workspace.root)?;
    let rust: BTreeMap<&Path, &str> = texts
        .iter()
        .filter(|(path, _)| {
            has_extension(path, "rs") && RUST_FOLDERS.iter().any(|folder| path.starts_with(folder))
        })
        .map(|(path, text)| (path.as_path(), text.as_str()))
        .collect();

    let mut problems = Vec::new();
    for (path, text) in &rust {
        problems.extend(module_docs::check(path, text));
        problems.extend(safety::check(path, text));
        let lines = text.lines().count();
        if lines > LONG {
            println!("note: {} has {lines} lines; more than {LONG} are seldom one idea", path.display());
        }
    }
    for (path, text) in &texts {
        problems.extend(leftovers::check(path, text));
    }
    problems.extend(links::check(&workspace.root, &texts));
    for manifest in manifests(workspace, &texts) {
        problems.extend(features::check(&manifest, &rust));
    }

    for Problem { file, line, what } in &problems {
        println!("{}:{line}: {what}", file.display());
    }
    match problems.len() {
        0 => {
            println!("tidy: {} files, nothing to mend", texts.len());
            Ok(())
        }
        1 => Err("tidy found one thing to mend.".into()),
        count => Err(format!("tidy found {count} things to mend.")),
    }
}

/// Every text of the checkout, by its path from the root.
fn read_texts(root: &Path) -> Outcome<BTreeMap<PathBuf, String>> {
    let mut texts = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let fail = |error| format!("{} can't be read: {error}.", root.join(&folder).display());
        for entry in fs::read_dir(root.join(&folder)).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().map_err(fail)?;
            if kind.is_dir() {
                let name = entry.file_name();
                if !["target", ".git", ".venv"].iter().any(|ignored| name == *ignored) {
                    folders.push(path);
                }
            } else if kind.is_file() && is_text(&path) {
                let text = fs::read_to_string(root.join(&path))
                    .map_err(|error| format!("{} can't be read: {error}.", path.display()))?;
                texts.insert(path, text);
            }
        }
    }
    Ok(texts)
}

/// What people write: not fixtures, golden files and lock files.
fn is_text(path: &Path) -> bool {
    let known = ["rs", "md", "toml", "sh", "supp", "yml", "yaml", "py"];
    known.iter().any(|extension| has_extension(path, extension)) || path.starts_with(".ci")
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|its| its == extension)
}

fn manifests<'a>(workspace: &Workspace, texts: &'a BTreeMap<PathBuf, String>) -> Vec<Manifest<'a>> {
    let packages = workspace.metadata.workspace_packages().into_iter();
    let manifests = packages.filter_map(|package| {
        let path = package.manifest_path.strip_prefix(&workspace.metadata.workspace_root).ok()?;
        let (path, text) = texts.get_key_value(path.as_std_path())?;
        Some(Manifest { path, text, features: package.features.clone() })
    });
    manifests.collect()
}
