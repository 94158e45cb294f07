//! Reading files, and remembering the first thing that was not found in them.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::probe::ProbeError;

/// No file that is read here is longer, where it is what it should be.
const LONGEST: u64 = 1 << 20;

/// A file that is read again and again, into one buffer.
pub(super) struct File {
    path: PathBuf,
    limit: u64,
    /// Whether the file must end by then.
    is_whole: bool,
    text: Vec<u8>,
}

impl File {
    pub(super) fn new(path: PathBuf) -> Self {
        Self::up_to(path, LONGEST)
    }

    /// One that may be longer than others; up to `limit` bytes.
    pub(super) fn up_to(path: PathBuf, limit: u64) -> Self {
        Self { path, limit, is_whole: true, text: Vec::new() }
    }

    /// Only the first `limit` bytes.
    pub(super) fn beginning_of(path: PathBuf, limit: u64) -> Self {
        Self { path, limit, is_whole: false, text: Vec::new() }
    }

    #[cfg(test)]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn read(&mut self) -> io::Result<()> {
        self.text.clear();
        // Enough for one read of most files; with less spare room, std probes with small reads.
        self.text.reserve(2_048);
        fs::File::open(&self.path)?.take(self.limit).read_to_end(&mut self.text)?;
        if self.is_whole && self.text.len() as u64 == self.limit {
            self.text = Vec::new();
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(())
    }
}

/// Something is there and could not be read; the search has noted it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unknown;

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

    /// The same for a file that a machine need not have: there is no problem when it hasn't.
    pub(super) fn open_if_there(&mut self, file: &'a mut File) -> Option<&'a [u8]> {
        self.look(file).ok().flatten()
    }

    /// The same, and tells a file that is not there from one that can't be read.
    pub(super) fn look(&mut self, file: &'a mut File) -> Result<Option<&'a [u8]>, Unknown> {
        let mut is_absent = false;
        let text = self.open_unless(file, |error| {
            is_absent = is_absence(error);
            is_absent
        });
        if text.is_none() && !is_absent { Err(Unknown) } else { Ok(text) }
    }

    /// The same for a file of a device that may answer with an error: there is no problem then.
    pub(super) fn open_if_willing(&mut self, file: &'a mut File) -> Option<&'a [u8]> {
        self.open_unless(file, |_| true)
    }

    fn open_unless(
        &mut self,
        file: &'a mut File,
        mut excuses: impl FnMut(&io::Error) -> bool,
    ) -> Option<&'a [u8]> {
        match file.read() {
            Err(error) if excuses(&error) => None,
            read => {
                let file = &*file;
                self.path = &file.path;
                self.answer(&file.path, read)?;
                Some(&file.text)
            }
        }
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

/// Whether this is how a kernel says that it does not have a file or what stands in it: pressure
/// that is turned off can be opened and not read, and a device that went away neither.
pub(super) fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, Unsupported};
    matches!(error.kind(), NotFound | NotADirectory | Unsupported) || error.raw_os_error() == Some(ENODEV)
}

const ENODEV: i32 = 19;

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

        let mut search = Search::new();
        assert_eq!(search.open_if_there(&mut missing), None);
        assert_eq!(search.into_problem(), None);
    }

    #[test]
    fn a_kernel_says_in_several_ways_that_it_does_not_have_something() {
        // The numbers of ENOENT, ENODEV, ENOTDIR and EOPNOTSUPP: pressure that is turned off is the last.
        for number in [2, 19, 20, 95] {
            assert!(is_absence(&io::Error::from_raw_os_error(number)), "{number}");
        }
        // EIO, EACCES, EMFILE.
        for number in [5, 13, 24] {
            assert!(!is_absence(&io::Error::from_raw_os_error(number)), "{number}");
        }
    }

    #[test]
    fn no_more_is_read_than_the_limit() {
        let mut zeros = File::beginning_of(PathBuf::from("/dev/zero"), 512);
        zeros.read().unwrap();
        zeros.read().unwrap();
        assert_eq!(zeros.text, [0; 512]);

        let mut zeros = File::new(PathBuf::from("/dev/zero"));
        assert_eq!(zeros.read().unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
