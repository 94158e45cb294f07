//! Reading files, and remembering the first thing that was not found in them.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::probe::ProbeError;

/// No file that is read here is longer; what comes after is not looked at.
const LONGEST: u64 = 1 << 20;

/// A file that is read again and again, into one buffer.
pub(super) struct File {
    path: PathBuf,
    limit: u64,
    text: Vec<u8>,
}

impl File {
    pub(super) fn new(path: PathBuf) -> Self {
        Self::beginning_of(path, LONGEST)
    }

    /// Only the first `limit` bytes.
    pub(super) fn beginning_of(path: PathBuf, limit: u64) -> Self {
        Self { path, limit, text: Vec::new() }
    }

    fn read(&mut self) -> io::Result<()> {
        self.text.clear();
        // Enough for one read of most files; with less spare room, std probes with small reads.
        self.text.reserve(2_048);
        fs::File::open(&self.path)?.take(self.limit).read_to_end(&mut self.text)?;
        Ok(())
    }
}

/// One reading of a probe: where it looked last, and the first thing that it did not find.
pub(super) struct Search<'a> {
    path: &'a Path,
    problem: Option<ProbeError>,
}

impl<'a> Search<'a> {
    pub(super) fn new() -> Self {
        Self { path: Path::new(""), problem: None }
    }

    /// Reads the file; the figures that are asked for next are looked for in it.
    pub(super) fn open(&mut self, file: &'a mut File) -> Option<&'a [u8]> {
        let read = file.read();
        let file = &*file;
        self.path = &file.path;
        self.answer(&file.path, read)?;
        Some(&file.text)
    }

    /// Passes on what was found in the file that was opened last.
    pub(super) fn figure<T>(&mut self, name: &'static str, found: Option<T>) -> Option<T> {
        if found.is_none() {
            self.note(|path| ProbeError::Malformed { path, figure: name }, self.path);
        }
        found
    }

    /// Passes on what the system said of `path`.
    pub(super) fn answer<T>(&mut self, path: &Path, answer: io::Result<T>) -> Option<T> {
        answer
            .inspect_err(|error| {
                self.note(|path| ProbeError::Unreadable { path, kind: error.kind() }, path);
            })
            .ok()
    }

    #[cold]
    fn note(&mut self, problem: impl FnOnce(PathBuf) -> ProbeError, path: &Path) {
        self.problem.get_or_insert_with(|| problem(path.to_owned()));
    }

    pub(super) fn into_problem(self) -> Option<ProbeError> {
        self.problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_problem_is_the_one_that_is_told() {
        let mut missing = File::new(PathBuf::from("/nowhere/stat"));
        let mut null = File::new(PathBuf::from("/dev/null"));
        let mut search = Search::new();
        assert_eq!(search.open(&mut null), Some(&b""[..]));
        assert_eq!(search.figure("threads", Some(3)), Some(3));
        assert_eq!(search.figure("CPU time", None::<u64>), None);
        assert_eq!(search.open(&mut missing), None);
        let problem = search.into_problem().unwrap();
        assert_eq!(problem.to_string(), "no CPU time in /dev/null");

        let mut search = Search::new();
        assert_eq!(search.open(&mut missing), None);
        let problem = search.into_problem().unwrap();
        assert_eq!(problem.to_string(), "can't read /nowhere/stat: entity not found");
    }

    #[test]
    fn no_more_is_read_than_the_limit() {
        let mut zeros = File::beginning_of(PathBuf::from("/dev/zero"), 512);
        zeros.read().unwrap();
        zeros.read().unwrap();
        assert_eq!(zeros.text, [0; 512]);
    }
}
