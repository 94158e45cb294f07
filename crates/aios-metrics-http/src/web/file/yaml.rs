//! YAML as a tree whose nodes know their lines.

use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::fields::join;
use crate::web::error::Lines;

/// Deeper than anything that a web configuration has.
const MAX_DEPTH: usize = 16;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing, `~` or `null`, without quotes.
    Null,
    Scalar(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) node: Node,
}

/// What is wrong, and on which line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct YamlError {
    pub(super) line: usize,
    pub(super) problem: String,
}

impl YamlError {
    #[cold]
    fn new(line: usize, problem: impl fmt::Display) -> Self {
        Self { line, problem: problem.to_string() }
    }
}

/// The one document in `text`; an empty text is [`Value::Null`].
///
/// Anchors, aliases and tags are refused: what stands there is what is meant.
pub(super) fn parse(text: &str) -> Result<Node, YamlError> {
    let mut reader = Reader { events: Parser::new_from_str(text), line: 1 };
    let mut root = Node { line: 1, value: Value::Null };
    let mut documents = 0;
    loop {
        let (event, line) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(root),
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(YamlError::new(line, "a second document begins here, expected one"));
                }
                let (event, line) = reader.next()?;
                root = reader.node(event, line, 0)?;
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    /// Where the last event was.
    line: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), YamlError> {
        match self.events.next() {
            None => Ok((Event::StreamEnd, self.line)),
            Some(Ok((event, span))) => {
                let span: Span = span;
                self.line = span.start.line();
                Ok((event, self.line))
            }
            Some(Err(error)) => {
                let error: ScanError = error;
                Err(YamlError::new(error.marker().line(), error.info()))
            }
        }
    }

    fn node(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result<Node, YamlError> {
        if depth > MAX_DEPTH {
            return Err(YamlError::new(line, "it is nested too deeply"));
        }
        if has_anchor_or_tag(&event) {
            return Err(YamlError::new(line, "anchors, aliases and tags are not taken here"));
        }
        let value = match event {
            Event::Scalar(text, style, ..) => {
                let is_null =
                    style == ScalarStyle::Plain && ["", "~", "null", "Null", "NULL"].contains(&&*text);
                if is_null { Value::Null } else { Value::Scalar(text.into_owned()) }
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break Value::Sequence(items),
                        (event, line) => items.push(self.node(event, line, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                loop {
                    let (event, line) = self.next()?;
                    if event == Event::MappingEnd {
                        break Value::Mapping(entries);
                    }
                    let key = match self.node(event, line, depth + 1)?.value {
                        Value::Scalar(key) => key,
                        _ => return Err(YamlError::new(line, "a field's name is expected here")),
                    };
                    let (event, value_line) = self.next()?;
                    let node = self.node(event, value_line, depth + 1)?;
                    entries.push(Entry { key, line, node });
                }
            }
            _ => return Err(YamlError::new(line, "a value is expected here")),
        };
        Ok(Node { line, value })
    }
}

fn has_anchor_or_tag(event: &Event<'_>) -> bool {
    match event {
        Event::Alias(_) => true,
        Event::Scalar(_, _, anchor, tag) => *anchor > 0 || tag.is_some(),
        Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => *anchor > 0 || tag.is_some(),
        _ => false,
    }
}

impl Node {
    /// Notes for each field under this one, which is called `path`, where it stands.
    pub(super) fn note_lines(&self, path: &str, lines: &mut Lines) {
        match &self.value {
            Value::Mapping(entries) => {
                for entry in entries {
                    let path = join(path, &entry.key);
                    entry.node.note_lines(&path, lines);
                    lines.insert(path, entry.line);
                }
            }
            Value::Sequence(items) => {
                for (i, item) in items.iter().enumerate() {
                    let path = format!("{path}[{i}]");
                    item.note_lines(&path, lines);
                    lines.insert(path, item.line);
                }
            }
            Value::Null | Value::Scalar(_) => {}
        }
    }
}
