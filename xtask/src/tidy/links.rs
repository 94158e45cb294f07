//! Links between the Markdown files point at files and headings that exist.

use super::Problem;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Follows every relative link of every Markdown file of `texts`. Links to the web are not tried.
pub(super) fn check(root: &Path, texts: &BTreeMap<PathBuf, String>) -> Vec<Problem> {
    let markdown = texts.iter().filter(|(path, _)| is_markdown(path));
    let mut problems = Vec::new();
    for (path, text) in markdown {
        for (line, target) in targets(text) {
            if let Err(what) = follow(root, texts, path, &target) {
                problems.push(Problem::new(path, line, format!("the link `{target}` {what}")));
            }
        }
    }
    problems
}

fn follow(
    root: &Path,
    texts: &BTreeMap<PathBuf, String>,
    from: &Path,
    target: &str,
) -> Result<(), &'static str> {
    let is_web = target.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
    });
    if is_web {
        return Ok(());
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path =
        if file.is_empty() { from.to_owned() } else { resolve(from, file).ok_or("leaves the checkout")? };
    if !root.join(&path).exists() && !texts.contains_key(&path) {
        return Err("points at nothing");
    }
    match (anchor, texts.get(&path)) {
        (Some(anchor), Some(text)) if is_markdown(&path) && !anchors(text).contains(&anchor.to_owned()) => {
            Err("points at a heading that is not there")
        }
        _ => Ok(()),
    }
}

/// `link` as it stands in `from`, as a path from the root.
fn resolve(from: &Path, link: &str) -> Option<PathBuf> {
    let mut path = from.parent()?.to_owned();
    for component in Path::new(link).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => path.pop().then_some(())?,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// The targets of `[text](target)` and `[label]: target`, with their lines; code is not looked into.
fn targets(markdown: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(markdown) {
        let line = without_code_spans(line);
        for (at, opening) in line.match_indices("](") {
            let target = &line[at + opening.len()..];
            if let Some((target, _)) = target.split_once(')') {
                found.push((number, first_word(target)));
            }
        }
        let reference = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]: "));
        if let Some((label, target)) = reference
            && !label.contains(']')
        {
            found.push((number, first_word(target)));
        }
    }
    found
}

/// A title may follow the target.
fn first_word(target: &str) -> String {
    let word = target.split_whitespace().next().unwrap_or_default();
    word.trim_start_matches('<').trim_end_matches('>').to_owned()
}

/// The lines outside code fences, numbered from one.
fn prose(markdown: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    markdown.lines().enumerate().filter_map(move |(number, line)| {
        let text = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| text.starts_with(mark));
        match (fence, mark) {
            (None, None) => Some((number + 1, line)),
            (None, Some(_)) => {
                fence = mark;
                None
            }
            (Some(open), _) => {
                if mark == Some(open) {
                    fence = None;
                }
                None
            }
        }
    })
}

fn without_code_spans(line: &str) -> String {
    line.split('`').enumerate().filter(|(number, _)| number % 2 == 0).map(|(_, piece)| piece).collect()
}

/// The anchors that GitHub gives to the headings.
fn anchors(markdown: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, line) in prose(markdown) {
        let text = line.trim_start_matches('#');
        let level = line.len() - text.len();
        if !(1..=6).contains(&level) || !text.starts_with(' ') {
            continue;
        }
        let kept = text.trim().chars().filter(|&c| c.is_alphanumeric() || " -_".contains(c));
        let name: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase();
        let mut unique = name.clone();
        for again in 1.. {
            if !found.contains(&unique) {
                break;
            }
            unique = format!("{name}-{again}");
        }
        found.push(unique);
    }
    found
}

fn is_markdown(path: &Path) -> bool {
    super::has_extension(path, "md")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(text: &str) -> Vec<(usize, String)> {
        let other = "# Page\n## How it works, in `code`\n## Twice\n## Twice\n```\n# Not one\n```\n";
        let texts = BTreeMap::from([
            (PathBuf::from("docs/a.md"), text.to_owned()),
            (PathBuf::from("docs/b.md"), other.to_owned()),
            (PathBuf::from("README.md"), String::new()),
        ]);
        let problems = check(Path::new("there-is-no-such-folder"), &texts);
        problems.into_iter().map(|problem| (problem.line, problem.what)).collect()
    }

    #[test]
    fn living_links_pass() {
        assert_eq!(dead("[b](b.md) and [up](../README.md \"title\"), [web](https://example.org/x)"), []);
        assert_eq!(dead("[b](b.md#how-it-works-in-code) [c](b.md#twice-1)\n# Here\n[d](#here)"), []);
        assert_eq!(dead("`[x](gone.md)`\n```text\n[x](gone.md)\n```\n"), []);
    }

    #[test]
    fn dead_links_are_named() {
        assert_eq!(dead("one\n[x](gone.md)"), [(2, "the link `gone.md` points at nothing".into())]);
        assert_eq!(dead("[x]: gone.md"), [(1, "the link `gone.md` points at nothing".into())]);
        assert_eq!(dead("[x](../../b.md)"), [(1, "the link `../../b.md` leaves the checkout".into())]);
        let heading = "the link `b.md#not-one` points at a heading that is not there";
        assert_eq!(dead("[x](b.md#not-one)"), [(1, heading.into())]);
    }
}
