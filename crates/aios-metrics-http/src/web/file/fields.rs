//! The fields of a mapping, each of the kind that is asked for.

use super::yaml::{Entry, Node, Value};
use crate::web::error::{WebConfigError, WebConfigProblem};

/// A mapping, or one that is not there.
pub(super) struct Fields<'a> {
    path: String,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// The mapping at `path`, whose fields must be among `expected`.
    pub(super) fn of(
        node: Option<&'a Node>,
        path: &str,
        expected: &'static [&'static str],
    ) -> Result<Self, WebConfigError> {
        let fields = Self::any(node, path)?;
        match fields.entries.iter().find(|entry| !expected.contains(&entry.key.as_str())) {
            None => Ok(fields),
            Some(entry) => {
                let problem = WebConfigProblem::UnknownField { expected };
                Err(WebConfigError::new(join(path, &entry.key), problem).on_line(entry.line))
            }
        }
    }

    /// The mapping at `path`, whatever its fields are called.
    pub(super) fn any(node: Option<&'a Node>, path: &str) -> Result<Self, WebConfigError> {
        let entries = match node.map(|node| &node.value) {
            None | Some(Value::Null) => &[],
            Some(Value::Mapping(entries)) => entries.as_slice(),
            Some(_) => return Err(WebConfigError::hidden(path, "fields, each with a name and a colon")),
        };
        for (i, entry) in entries.iter().enumerate() {
            if entries[..i].iter().any(|before| before.key == entry.key) {
                let field = join(path, &entry.key);
                return Err(WebConfigError::new(field, WebConfigProblem::Repeated).on_line(entry.line));
            }
        }
        Ok(Self { path: path.to_owned(), entries })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A field, unless it is not there or holds nothing.
    pub(super) fn get(&self, name: &str) -> Option<&'a Node> {
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        (!matches!(entry.node.value, Value::Null)).then_some(&entry.node)
    }

    /// A text, after its field.
    pub(super) fn text(&self, name: &str) -> Result<Option<(String, String)>, WebConfigError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        let field = join(&self.path, name);
        let text = scalar(node, &field)?.to_owned();
        Ok(Some((field, text)))
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, WebConfigError> {
        let Some((field, text)) = self.text(name)? else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Ok(Some(true)),
            "false" | "no" | "off" => Ok(Some(false)),
            _ => Err(WebConfigError::value(field, &text, "true or false")),
        }
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<String>>, WebConfigError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        let field = join(&self.path, name);
        let Value::Sequence(items) = &node.value else {
            return Err(WebConfigError::hidden(field, "a list"));
        };
        let items = items.iter().enumerate();
        items
            .map(|(i, item)| scalar(item, &format!("{field}[{i}]")).map(str::to_owned))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// All fields with their texts, in their order.
    pub(super) fn texts(&self) -> Result<Vec<(String, String)>, WebConfigError> {
        let entries = self.entries.iter();
        let text = |entry: &Entry| {
            let text = match &entry.node.value {
                Value::Null => "",
                _ => scalar(&entry.node, &join(&self.path, &entry.key))?,
            };
            Ok((entry.key.clone(), text.to_owned()))
        };
        entries.map(text).collect()
    }
}

fn scalar<'a>(node: &'a Node, field: &str) -> Result<&'a str, WebConfigError> {
    match &node.value {
        Value::Scalar(text) => Ok(text),
        _ => Err(WebConfigError::hidden(field, "one value")),
    }
}

/// The name of a field with its way from the top.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
