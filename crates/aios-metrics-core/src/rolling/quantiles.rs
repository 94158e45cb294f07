//! The quantiles of a summary, as fields among its others.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::quantile::{MAX_QUANTILES, Quantile};
use super::summary::QuantileSummary;

/// The quantiles of a summary, ascending, in place: a summary is copied and made without allocating.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) struct Quantiles {
    len: usize,
    all: [QuantileSummary; MAX_QUANTILES],
}

impl Quantiles {
    pub(crate) fn as_slice(&self) -> &[QuantileSummary] {
        &self.all[..self.len]
    }

    /// Adds one that is greater than those before; past the bound it is left out.
    pub(crate) fn push(&mut self, quantile: QuantileSummary) {
        if let Some(place) = self.all.get_mut(self.len) {
            (*place, self.len) = (quantile, self.len + 1);
        }
    }

    /// The quantile, added in its place if it is not there; `None` past the bound.
    fn entry(&mut self, quantile: f64) -> Option<&mut QuantileSummary> {
        let at = self.as_slice().partition_point(|known| known.quantile < quantile);
        if self.as_slice().get(at).is_none_or(|known| known.quantile != quantile) {
            if self.len == MAX_QUANTILES {
                return None;
            }
            self.push(QuantileSummary { quantile, ..QuantileSummary::default() });
            self.all[at..self.len].rotate_right(1);
        }
        self.all.get_mut(at)
    }
}

impl fmt::Debug for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// `p99_1m`, written without a string in between.
struct Key(Quantile, &'static str);

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}_{}", self.0, self.1))
    }
}

impl Serialize for Quantiles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3 * self.len))?;
        for shown in self.as_slice() {
            let Some(quantile) = Quantile::new(shown.quantile) else { continue };
            map.serialize_entry(&Key(quantile, "1m"), &shown.value_1m)?;
            map.serialize_entry(&Key(quantile, "5m"), &shown.value_5m)?;
            map.serialize_entry(&Key(quantile, "15m"), &shown.value_15m)?;
        }
        map.end()
    }
}

/// Takes the fields that are quantiles and leaves the others.
impl<'de> Deserialize<'de> for Quantiles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Quantiles;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the fields of a summary")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Quantiles, A::Error> {
                let mut quantiles = Quantiles::default();
                while let Some(key) = map.next_key::<String>()? {
                    let field = key.rsplit_once('_').and_then(|(quantile, window)| {
                        let entry = quantiles.entry(Quantile::parse(quantile)?.as_f64())?;
                        match window {
                            "1m" => Some(&mut entry.value_1m),
                            "5m" => Some(&mut entry.value_5m),
                            "15m" => Some(&mut entry.value_15m),
                            _ => None,
                        }
                    });
                    match field {
                        Some(field) => *field = map.next_value()?,
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(quantiles)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::summary::Summary;
    use super::*;

    #[test]
    fn fields_parse_back_in_any_order() {
        let json = r#"{"current":1.0,"average_1m":1.0,"average_5m":1.0,"average_15m":1.0,
            "p99_9_5m":9.5,"p50_15m":null,"p50_1m":-0.5,"p99_9_1m":9.25,"p50_5m":2,"p99_9_15m":9.75,
            "p50_2h":7.0,"p101_1m":7.0,"x_1m":7.0,"p":{"p":1}}"#;
        let summary: Summary = serde_json::from_str(json).unwrap();
        let values: Vec<_> =
            summary.quantiles().iter().map(|q| (q.quantile, q.value_1m, q.value_5m, q.value_15m)).collect();
        assert_eq!(values, [(0.5, Some(-0.5), Some(2.0), None), (0.999, Some(9.25), Some(9.5), Some(9.75))]);
        let again: Summary = serde_json::from_str(&serde_json::to_string(&summary).unwrap()).unwrap();
        assert_eq!(again, summary);
    }

    #[test]
    fn more_than_there_is_room_for_is_left_out() {
        let fields: Vec<String> = (1..=10).map(|percent| format!(r#""p{percent}_1m":{percent}"#)).collect();
        let quantiles: Quantiles = serde_json::from_str(&format!("{{{}}}", fields.join(","))).unwrap();
        assert_eq!(quantiles.as_slice().len(), MAX_QUANTILES);
    }
}
