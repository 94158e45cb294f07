//! What is wrong with a configuration, all of it at once.

use std::fmt;

/// Every setting that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<ConfigProblem>,
}

/// A setting that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigProblem {
    /// The environment variable, or the field when the value was set in code.
    pub setting: String,
    /// The value as given; `None` for one that must not be shown.
    pub value: Option<String>,
    /// The form that was expected.
    pub expected: String,
}

impl ConfigProblem {
    pub(crate) fn new(setting: &str, value: Option<String>, expected: &str) -> Self {
        Self { setting: setting.to_owned(), value, expected: expected.to_owned() }
    }
}

impl ConfigError {
    pub(crate) fn from_problems(problems: Vec<ConfigProblem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }

    pub(crate) fn single(problem: ConfigProblem) -> Self {
        Self { problems: vec![problem] }
    }

    /// The settings that can't be used, in the order of the configuration table; at least one.
    #[must_use]
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the metrics configuration can't be used")?;
        for (i, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if i == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value:?}: expected {}", self.setting, self.expected),
            None => write!(f, "{}: expected {}", self.setting, self.expected),
        }
    }
}

impl std::error::Error for ConfigError {}
