//! Models of walks over the nodes while these change.

use std::sync::Arc;

use super::*;
use crate::sync::model::{check, race};

#[test]
fn a_walk_over_the_nodes_sees_whole_nodes_while_more_are_laid_down() {
    check(|| {
        let nodes = Arc::new(Nodes::new());
        let (pushing, walking) = (Arc::clone(&nodes), Arc::clone(&nodes));
        let retired = Arc::new(std::sync::Mutex::new(Vec::<Retired>::new()));
        let keep = Arc::clone(&retired);
        let push = move || {
            // The second does not fit the first block.
            let long = [b'x'; 600];
            for (cell, text) in [(5, b"{a=\"1\"}".as_slice()), (6, &long), (7, b"{a=\"3\"}")] {
                let run = Run { cell, control: 0 };
                let retire = &mut |old| keep.lock().unwrap().push(old);
                pushing.push(u64::from(cell), run, text, Spelling::Plain, retire);
            }
        };
        race([Box::new(push)], move || {
            let cells = walking.places().map(|(place, node)| {
                // The length is the part of a node that loom watches: read before it was made, this fails.
                assert_eq!(node.text().len(), if node.run().cell == 6 { 600 } else { 7 });
                assert_eq!(walking.node(place).unwrap().run(), node.run());
                node.run().cell
            });
            let seen: Vec<u32> = cells.collect();
            assert!([5, 6, 7].starts_with(&seen), "{seen:?}");
        });
        assert_eq!(nodes.places().count(), 3);
    });
}

/// Nodes with these texts, and their places; what is retired is kept, since nobody is in a section.
struct Laid {
    nodes: Nodes,
    places: Vec<u64>,
    retired: std::sync::Mutex<Vec<Retired>>,
}

impl Laid {
    fn new(texts: &[&[u8]]) -> Arc<Self> {
        let mut laid = Self { nodes: Nodes::new(), places: Vec::new(), retired: std::sync::Mutex::default() };
        laid.places = texts.iter().map(|text| laid.push(text)).collect();
        Arc::new(laid)
    }

    fn push(&self, text: &[u8]) -> u64 {
        let run = Run { cell: 0, control: 0 };
        self.nodes.push(0, run, text, Spelling::Plain, &mut |old| self.retired.lock().unwrap().push(old)).0
    }

    /// How often there is a living node with this text.
    fn times(&self, text: &[u8]) -> usize {
        self.nodes.places().filter(|(_, node)| node.text() == text).count()
    }
}

#[test]
fn a_walk_shows_a_series_once_that_is_removed_and_created_anew() {
    check(|| {
        // The third has a block of its own, so that the new one comes into another than the old one was in.
        let laid = Laid::new(&[b"a", b"b", &[b'x'; 600], b"c"]);
        let (changing, walking) = (Arc::clone(&laid), Arc::clone(&laid));
        let change = move || {
            changing.nodes.kill(changing.places[0]);
            changing.push(b"a");
        };
        race([Box::new(change)], move || assert!(walking.times(b"a") <= 1));
        assert_eq!(laid.times(b"a"), 1);
    });
}

#[test]
fn so_it_does_if_the_series_is_copied_in_between() {
    check(|| {
        // The last block is too large to be copied along, and has room for what is created anew.
        let laid = Laid::new(&[&[b'x'; 100], b"a", &[b'y'; 20_000], &[b'z'; 10_000]]);
        let (changing, walking) = (Arc::clone(&laid), Arc::clone(&laid));
        let change = move || {
            let Laid { nodes, places, retired } = &*changing;
            let mut copied = places[1];
            nodes.kill(places[0]);
            nodes.rewrite(|_, _, to| copied = to, &mut |old| retired.lock().unwrap().push(old));
            assert_ne!(copied, places[1]);
            nodes.kill(copied);
            let again = changing.push(b"a");
            assert_eq!(again >> 24, places[3] >> 24, "in the last block");
        };
        race([Box::new(change)], move || assert!(walking.times(b"a") <= 1));
        assert_eq!(laid.times(b"a"), 1);
    });
}
