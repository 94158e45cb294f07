//! What is wrong with a web configuration, and where.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// A web configuration that can't be used: in which file, on which line, which field, and what is
/// wrong with it.
///
/// Fields are called as in the file, also where the configuration was made in code. Neither this
/// nor its `Debug` shows a password's hash, a token or a key.
#[derive(Debug)]
pub struct WebConfigError {
    file: Option<PathBuf>,
    line: Option<usize>,
    field: String,
    problem: Box<WebConfigProblem>,
}

/// What is wrong with a field, or with the file as a whole.
#[derive(Debug)]
#[non_exhaustive]
pub enum WebConfigProblem {
    /// A file can't be read.
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not what YAML allows, or uses a part of YAML that is not taken here.
    Syntax(String),
    /// There is no such field.
    UnknownField {
        /// Those that there are.
        expected: &'static [&'static str],
    },
    /// The field stands there twice.
    Repeated,
    /// The field has to be there and is not.
    Missing,
    /// The value is none that the field can take.
    Value {
        /// The value as given; `None` for one that must not be shown, or that is no text.
        value: Option<String>,
        /// What was expected.
        expected: String,
    },
    /// A certificate or a key can't be used.
    Pem {
        /// The file that it stands in, unless it stands in the configuration.
        path: Option<PathBuf>,
        /// What is wrong with it.
        problem: String,
    },
    /// What was asked for goes beyond what is supported.
    Unsupported(String),
    /// The files were read again, and would let in whom those before keep out.
    Opened(&'static str),
}

impl WebConfigError {
    #[cold]
    pub(super) fn new(field: impl Into<String>, problem: WebConfigProblem) -> Self {
        Self { file: None, line: None, field: field.into(), problem: Box::new(problem) }
    }

    /// A value that may be shown.
    #[cold]
    pub(super) fn value(field: impl Into<String>, value: &str, expected: impl Into<String>) -> Self {
        let value = Some(value.to_owned());
        Self::new(field, WebConfigProblem::Value { value, expected: expected.into() })
    }

    /// A value that is a secret, or no text.
    #[cold]
    pub(super) fn hidden(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::new(field, WebConfigProblem::Value { value: None, expected: expected.into() })
    }

    #[cold]
    pub(super) fn pem(field: impl Into<String>, path: Option<&Path>, problem: impl Into<String>) -> Self {
        let path = path.map(Path::to_owned);
        Self::new(field, WebConfigProblem::Pem { path, problem: problem.into() })
    }

    /// The same with the file, and with the line of its field or of the nearest field above it.
    pub(super) fn within(mut self, file: &Path, lines: &Lines) -> Self {
        self.file = Some(file.to_owned());
        self.line = self.line.or_else(|| lines.of(&self.field));
        self
    }

    pub(super) fn on_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// The file that the configuration stands in; `None` when it was made in code.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The line, counted from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// The field with its way from the top, such as `tls_server_config.key_file`; empty when it is
    /// none in particular.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &WebConfigProblem {
        &self.problem
    }
}

impl fmt::Display for WebConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        if !self.field.is_empty() {
            f.write_str(&self.field)?;
            if let WebConfigProblem::Value { value: Some(value), .. } = &*self.problem {
                write!(f, "={value:?}")?;
            }
            f.write_str(": ")?;
        }
        write!(f, "{}", self.problem)
    }
}

impl fmt::Display for WebConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => write!(f, "can't read {}: {source}", path.display()),
            Self::Syntax(problem) => write!(f, "this is not YAML as expected: {problem}"),
            Self::UnknownField { expected } => {
                write!(f, "there is no such field, expected one of {}", expected.join(", "))
            }
            Self::Repeated => f.write_str("this field stands here twice"),
            Self::Missing => f.write_str("this field is needed and is not there"),
            Self::Value { expected, .. } => write!(f, "expected {expected}"),
            Self::Pem { path: Some(path), problem } => write!(f, "{}: {problem}", path.display()),
            Self::Pem { path: None, problem } | Self::Unsupported(problem) => f.write_str(problem),
            Self::Opened(what) => {
                write!(f, "{what} would end by this; it takes a new start to do without")
            }
        }
    }
}

impl std::error::Error for WebConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.problem {
            WebConfigProblem::Unreadable { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// On which line each field of a file stands.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<String, usize>);

impl Lines {
    pub(super) fn insert(&mut self, field: String, line: usize) {
        self.0.insert(field, line);
    }

    fn of(&self, field: &str) -> Option<usize> {
        let mut field = field;
        loop {
            if let Some(line) = self.0.get(field) {
                return Some(*line);
            }
            field = &field[..field.rfind(['.', '['])?];
        }
    }
}
