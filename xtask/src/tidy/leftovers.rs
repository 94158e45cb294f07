//! Notes to oneself and paths of one's own machine, which nobody else can use.

use super::Problem;
use std::path::Path;

/// Words that say "later"; written in two halves so that this file passes.
const NOTES: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// First folders of paths that only one machine has.
const HOMES: [&str; 4] = ["work", "home", "root", "Users"];

/// At most one problem a line.
pub(super) fn check(path: &Path, text: &str) -> Vec<Problem> {
    let lines = text.lines().enumerate();
    let problems = lines.filter_map(|(number, line)| {
        let what = note(line).or_else(|| home(line))?;
        Some(Problem::new(path, number + 1, what))
    });
    problems.collect()
}

fn note(line: &str) -> Option<String> {
    let words = || line.split(|c: char| !c.is_alphanumeric() && c != '_');
    let note = NOTES.iter().find(|note| words().any(|word| word == **note))?;
    Some(format!("a `{note}` is left: do it, or open an issue"))
}

fn home(line: &str) -> Option<String> {
    let home = HOMES.iter().map(|home| format!("/{home}/")).find(|home| {
        line.match_indices(home.as_str()).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let goes_on = |c: char| c.is_alphanumeric() || "._-*}/$".contains(c);
            !before.is_some_and(goes_on)
        })
    })?;
    Some(format!("a path under `{home}` exists on one machine only"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complains(line: &str) -> bool {
        !check(Path::new("a.rs"), line).is_empty()
    }

    #[test]
    fn notes_are_whole_words() {
        assert!(complains(&format!("// {}: later", NOTES[0])));
        assert!(complains(&format!("# {}(me)", NOTES[1])));
        assert!(!complains(&format!("let {}S = 3;", NOTES[0])));
    }

    #[test]
    fn paths_are_absolute() {
        assert!(complains(&format!("cat /{}/me/notes", HOMES[1])));
        assert!(!complains(&format!("see docs/{}/queue.md", HOMES[0])));
        assert!(!complains("cat /proc/self/stat"));
    }
}
