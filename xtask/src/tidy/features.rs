//! Feature names: explained where they are declared, declared where they are used, and used at all.

use super::{Problem, lexer};
use std::collections::BTreeMap;
use std::path::Path;

/// A package's manifest: its text for comments and line numbers, its features as cargo reads them.
pub(super) struct Manifest<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    pub(super) features: BTreeMap<String, Vec<String>>,
}

/// Checks the features of one package against the Rust files beside its manifest.
pub(super) fn check(manifest: &Manifest<'_>, rust: &BTreeMap<&Path, &str>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let folder = manifest.path.parent().unwrap_or(Path::new(""));
    let mut used = Vec::new();
    for (path, text) in rust.iter().filter(|(path, _)| path.starts_with(folder)) {
        for (line, name) in uses(text) {
            if !manifest.features.contains_key(&name) {
                let what = format!("`{}` declares no feature `{name}`", manifest.path.display());
                problems.push(Problem::new(path, line, what));
            }
            used.push(name);
        }
    }
    for Declaration { name, line, explained } in declarations(manifest.text) {
        if !explained && name != "default" {
            let what = format!("the feature `{name}` has no comment above it");
            problems.push(Problem::new(manifest.path, line, what));
        }
        let forwards = manifest.features.get(&name).is_some_and(|enables| !enables.is_empty());
        if !forwards && !used.contains(&name) {
            let what =
                format!("the feature `{name}` changes nothing: no code asks for it and it enables nothing");
            problems.push(Problem::new(manifest.path, line, what));
        }
    }
    problems
}

/// Each `feature = "name"` in the code, with its line. Names inside strings are not meant.
fn uses(text: &str) -> Vec<(usize, String)> {
    let code = lexer::code(text);
    let with_literals = lexer::code_and_literals(text);
    let mut found = Vec::new();
    for (number, (code, line)) in code.lines().zip(with_literals.lines()).enumerate() {
        // Both have the same characters at the same places, but not the same bytes: walk in the second.
        let code: Vec<char> = code.chars().collect();
        for (at, word) in line.match_indices("feature") {
            let place = line[..at].chars().count();
            let is_code = code.get(place) == Some(&'f');
            let name = line[at + word.len()..].trim_start().strip_prefix('=').map(str::trim_start);
            let name = name.and_then(|rest| rest.strip_prefix('"')?.split_once('"'));
            if let (true, Some((name, _))) = (is_code, name) {
                found.push((number + 1, name.to_owned()));
            }
        }
    }
    found
}

struct Declaration {
    name: String,
    line: usize,
    explained: bool,
}

/// The entries of `[features]`, which may each run over several lines.
fn declarations(manifest: &str) -> Vec<Declaration> {
    let mut found = Vec::new();
    let mut in_features = false;
    let mut open_brackets = 0_i32;
    let mut above = "";
    for (number, line) in manifest.lines().enumerate() {
        let text = line.trim();
        if open_brackets == 0 && text.starts_with('[') {
            in_features = text == "[features]";
        } else if in_features && !text.starts_with('#') {
            if open_brackets == 0
                && let Some((name, _)) = text.split_once('=')
            {
                let name = name.trim().trim_matches('"').to_owned();
                found.push(Declaration { name, line: number + 1, explained: above.starts_with('#') });
            }
            for c in text.chars() {
                open_brackets += i32::from(c == '[') - i32::from(c == ']');
            }
        }
        above = text;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "\
[package]
name = \"a\"
[features]
default = [
    \"tls\",
]
# Encrypted connections.
tls = [\"dep:rustls\"]
bare = []

[dependencies]
b = { features = [\"c\"] }
";

    fn what(code: &str) -> Vec<(usize, String)> {
        let enables = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let manifest = Manifest {
            path: Path::new("a/Cargo.toml"),
            text: MANIFEST,
            features: BTreeMap::from([
                ("default".to_owned(), enables(&["tls"])),
                ("tls".to_owned(), enables(&["dep:rustls"])),
                ("bare".to_owned(), enables(&[])),
            ]),
        };
        let rust = BTreeMap::from([(Path::new("a/src/lib.rs"), code)]);
        check(&manifest, &rust).into_iter().map(|problem| (problem.line, problem.what)).collect()
    }

    #[test]
    fn a_feature_needs_a_comment_and_a_use() {
        let problems = what("");
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert_eq!(problems[0], (9, "the feature `bare` has no comment above it".into()));
        assert!(problems[1].1.contains("`bare` changes nothing"));
        assert_eq!(what("#[cfg(feature = \"bare\")] mod b;").len(), 1);
    }

    #[test]
    fn a_use_needs_a_declaration() {
        let problems = what("#[cfg(any(test, feature=\"bare\", feature = \"gone\"))]\nmod b;\n");
        assert_eq!(problems[0], (1, "`a/Cargo.toml` declares no feature `gone`".into()));
        assert_eq!(what("// feature = \"gone\"\nlet a = \"feature = \\\"gone\\\"\";\n").len(), 2);
    }
}
