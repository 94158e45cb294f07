//! JSON objects that take only what is known.

use serde_json::{Map, Value};

/// The fleet's MB: a limit of 4 GiB reads `4096.0`.
const MB: f64 = 1_048_576.0;

/// A JSON object that takes only what is known.
#[derive(Default)]
pub(super) struct Object(pub(super) Map<String, Value>);

impl Object {
    pub(super) fn rounded(&mut self, key: &str, figure: Option<f64>) {
        if let Some(figure) = figure.and_then(round) {
            self.0.insert(key.to_owned(), figure.into());
        }
    }

    pub(super) fn size(&mut self, key: &str, bytes: Option<u64>) {
        self.rounded(key, bytes.map(|bytes| bytes as f64 / MB));
    }

    pub(super) fn whole(&mut self, key: &str, figure: Option<u64>) {
        if let Some(figure) = figure {
            self.0.insert(key.to_owned(), figure.into());
        }
    }

    pub(super) fn text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.0.insert(key.to_owned(), text.into());
        }
    }

    pub(super) fn object(&mut self, key: &str, object: Self) {
        if !object.0.is_empty() {
            self.0.insert(key.to_owned(), Value::Object(object.0));
        }
    }

    pub(super) fn list(&mut self, key: &str, objects: impl Iterator<Item = Self>) {
        let list: Vec<Value> = objects.map(|object| Value::Object(object.0)).collect();
        if !list.is_empty() {
            self.0.insert(key.to_owned(), Value::Array(list));
        }
    }
}

/// To two places, halves away from zero; none for what JSON can't hold.
fn round(figure: f64) -> Option<f64> {
    let rounded = (figure * 100.0).round() / 100.0;
    rounded.is_finite().then_some(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_rounded_to_two_places() {
        for (figure, rounded) in [
            (0.0, Some(0.0)),
            (0.004, Some(0.0)),
            (0.125, Some(0.13)),
            (812.299_9, Some(812.3)),
            (19.832, Some(19.83)),
            (1_700_000_000.129, Some(1_700_000_000.13)),
            (f64::MAX, None),
            (f64::INFINITY, None),
            (f64::NAN, None),
        ] {
            assert_eq!(round(figure), rounded, "{figure}");
        }
    }
}
