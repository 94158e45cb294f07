//! The updates: made up front, laid down in the order in which they are done.

use crate::input::{self, LABELS, LabelSet, Random};
use std::sync::Arc;

/// In which order the pairs of an update come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// That of the registration.
    Registered,
    /// Any.
    Shuffled,
}

/// An update as code makes it: the names stand in the source, the values come with a request.
pub(super) struct Update {
    pub(super) name: &'static str,
    labels: [&'static str; 3],
    values: LabelSet,
}

impl Update {
    pub(super) fn pairs(&self) -> [(&'static str, &str); 3] {
        std::array::from_fn(|at| (self.labels[at], self.values[at].as_str()))
    }

    /// In the order of the pairs.
    pub(super) fn values(&self) -> [&str; 3] {
        self.values.each_ref().map(String::as_str)
    }

    /// In the order of [`LABELS`], found by the names as the field of a struct is.
    pub(super) fn values_by_label(&self) -> [&str; 3] {
        let mut values = [""; 3];
        for (label, value) in self.pairs() {
            match label {
                "method" => values[0] = value,
                "status" => values[1] = value,
                _ => values[2] = value,
            }
        }
        values
    }
}

/// `series` updates of each name in random order, so that the work is measured and not its input.
pub(super) fn updates(names: &[&'static str], series: usize, order: Order) -> Arc<Vec<Update>> {
    let sets = input::label_sets(series);
    let mut targets: Vec<(&'static str, &LabelSet)> =
        names.iter().flat_map(|&name| sets.iter().map(move |set| (name, set))).collect();
    input::shuffle(&mut targets);
    let mut random = Random::new();
    let update = |(name, set): (&'static str, &LabelSet)| {
        let mut order_of_pairs = [0, 1, 2];
        if order == Order::Shuffled {
            for last in [2, 1] {
                order_of_pairs.swap(last, random.below(last + 1));
            }
        }
        let labels = order_of_pairs.map(|at| LABELS[at]);
        Update { name, labels, values: order_of_pairs.map(|at| set[at].clone()) }
    };
    Arc::new(targets.into_iter().map(update).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn shuffled_updates_name_the_same_series() {
        let names = ["a", "b"];
        let registered = updates(&names, 50, Order::Registered);
        let shuffled = updates(&names, 50, Order::Shuffled);
        let series = |updates: &[Update]| -> HashSet<(&str, [String; 3])> {
            updates.iter().map(|update| (update.name, update.values_by_label().map(str::to_owned))).collect()
        };
        assert_eq!(series(&registered), series(&shuffled));
        assert_eq!(series(&shuffled).len(), 100);
        let orders: HashSet<_> = shuffled.iter().map(|update| update.labels).collect();
        assert_eq!(orders.len(), 6);
        assert!(registered.iter().all(|update| update.labels == LABELS));
    }
}
