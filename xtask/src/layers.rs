//! `cargo xtask layers`: who may depend on whom, and that every feature builds without the others.

use crate::process::{self, Outcome, cargo};
use crate::workspace::Workspace;
use cargo_metadata::{DependencyKind, Metadata, Node, Package, PackageId};
use std::collections::{BTreeMap, BTreeSet};

/// A package, and what it must not reach through normal dependencies with all its features on.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "aios-metrics-core",
        &[
            "aios-metrics",
            "aios-metrics-http",
            "aios-metrics-hw",
            "aios-metrics-redis",
            "axum",
            "fred",
            "hyper",
            "rustls",
            "tokio",
        ],
    ),
    ("aios-metrics-hw", &["aios-metrics-http", "aios-metrics-redis", "rustls"]),
    ("aios-metrics-http", &["aios-metrics-hw", "aios-metrics-redis"]),
    ("aios-metrics-redis", &["aios-metrics-http", "aios-metrics-hw"]),
];

/// Crypto providers other than ring: with two of them in one build, rustls panics at run time.
const OTHER_PROVIDERS: &[&str] = &["aws-lc-rs", "aws-lc-fips-sys", "aws-lc-sys", "openssl-sys"];

/// Checks the graph, then builds every crate with no feature, each feature alone, and all.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let graph = Graph::new(&workspace.metadata)?;
    let mut problems = Vec::new();
    for (from, forbidden) in FORBIDDEN {
        let start = workspace.metadata.workspace_packages().into_iter().find(|package| package.name == from);
        let Some(start) = start else {
            problems.push(format!("there is no crate {from}, which xtask/src/layers.rs has rules for"));
            continue;
        };
        problems.extend(graph.forbidden_paths(&start.id, forbidden));
    }
    for start in workspace.crates() {
        problems.extend(graph.forbidden_paths(&start.id, OTHER_PROVIDERS));
    }
    if !problems.is_empty() {
        return Err(format!("dependencies that must not be:\n  {}", problems.join("\n  ")));
    }
    println!("layers: every crate reaches only what it may");
    build_feature_sets(workspace)
}

/// Tries all sets, also after one has failed: they tend to fail together, for one reason.
fn build_feature_sets(workspace: &Workspace) -> Outcome {
    let mut failed = Vec::new();
    for package in workspace.crates() {
        for features in feature_sets(package) {
            // As `check`, and turns down what is left unused; clippy's own lints have a step of their own.
            let lints = "-A clippy::all -D unused";
            let arguments = format!("clippy --quiet --package {} {features} -- {lints}", package.name);
            if process::run(&mut cargo(workspace, &arguments)).is_err() {
                failed.push(format!("{} {features}", package.name));
            }
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("these don't build alone:\n  {}", failed.join("\n  ")))
    }
}

/// None, each alone, all: as arguments for cargo.
fn feature_sets(package: &Package) -> Vec<String> {
    let names: Vec<&String> = package.features.keys().filter(|name| *name != "default").collect();
    let mut sets = vec!["--no-default-features".to_owned()];
    sets.extend(names.iter().map(|name| format!("--no-default-features --features {name}")));
    if names.len() > 1 {
        sets.push("--all-features".to_owned());
    }
    sets
}

/// Normal dependencies, resolved with all features.
struct Graph<'a> {
    names: BTreeMap<&'a PackageId, &'a str>,
    edges: BTreeMap<&'a PackageId, Vec<&'a PackageId>>,
}

impl<'a> Graph<'a> {
    fn new(metadata: &'a Metadata) -> Outcome<Self> {
        let resolve = metadata.resolve.as_ref().ok_or("cargo resolved no dependencies.")?;
        let names = metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
        let edges = resolve.nodes.iter().map(|node| (&node.id, normal_dependencies(node))).collect();
        Ok(Self { names, edges })
    }

    /// One sentence for each of `forbidden` that `start` reaches, with a shortest way to it.
    fn forbidden_paths(&self, start: &'a PackageId, forbidden: &[&str]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut seen = BTreeSet::from([start]);
        let mut paths = std::collections::VecDeque::from([vec![start]]);
        while let Some(path) = paths.pop_front() {
            let Some(next) = path.last().and_then(|last| self.edges.get(last)) else { continue };
            for dependency in next.iter().copied() {
                if !seen.insert(dependency) {
                    continue;
                }
                let mut longer = path.clone();
                longer.push(dependency);
                if forbidden.contains(&self.name(dependency)) {
                    let names: Vec<&str> = longer.iter().map(|id| self.name(id)).collect();
                    problems.push(names.join(" -> "));
                }
                paths.push_back(longer);
            }
        }
        problems
    }

    fn name(&self, id: &PackageId) -> &str {
        self.names.get(id).copied().unwrap_or("?")
    }
}

fn normal_dependencies(node: &Node) -> Vec<&PackageId> {
    let normal = |dependency: &&cargo_metadata::NodeDep| {
        dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
    };
    node.deps.iter().filter(normal).map(|dependency| &dependency.pkg).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> PackageId {
        PackageId { repr: name.to_owned() }
    }

    #[test]
    fn a_forbidden_crate_is_named_with_the_way_to_it() {
        let [core, middle, tokio, other] = ["core", "middle", "tokio", "other"].map(id);
        let graph = Graph {
            names: [&core, &middle, &tokio, &other].map(|id| (id, id.repr.as_str())).into(),
            edges: [(&core, vec![&other, &middle]), (&middle, vec![&tokio, &core])].into(),
        };
        assert_eq!(graph.forbidden_paths(&core, &["tokio"]), ["core -> middle -> tokio"]);
        assert!(graph.forbidden_paths(&other, &["tokio"]).is_empty());
    }
}
