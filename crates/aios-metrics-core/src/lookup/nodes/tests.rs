//! Tests of blocks and their nodes.

use super::*;
use proptest::prelude::*;

fn run(cell: u32) -> Run {
    Run { cell, control: cell + 1 }
}

fn push(nodes: &Nodes, cell: u32, text: &str) -> u64 {
    let spelling = [Spelling::Plain, Spelling::Verbatim, Spelling::Escaped][cell as usize % 3];
    nodes.push(u64::from(cell) << 32 | 7, run(cell), text.as_bytes(), spelling, &mut |_| ()).0
}

fn texts(nodes: &Nodes) -> Vec<&[u8]> {
    nodes.places().map(|(_, node)| node.text()).collect()
}

#[test]
fn nodes_keep_what_they_were_given_in_order() {
    let nodes = Nodes::new();
    let texts: Vec<String> = (0..3_000)
        .map(|i| match i {
            700 => "x".repeat(1 << 20),
            i => format!("{{a=\"{i}\"}}"),
        })
        .collect();
    let places: Vec<u64> = (0..).zip(&texts).map(|(i, text)| push(&nodes, i, text)).collect();
    for (i, (&place, text)) in (0..).zip(places.iter().zip(&texts)) {
        let node = nodes.node(place).unwrap();
        assert_eq!((node.run(), node.hash(), node.is_shown()), (run(i), 7, true));
        assert_eq!(node.text_and_escaped(), (text.as_bytes(), i % 3 == 2));
        assert_eq!(node.is_plain(), i % 3 == 0);
    }
    assert!(nodes.places().map(|(place, _)| place).eq(places));
}

#[test]
fn a_block_outlives_its_nodes() {
    let nodes = Nodes::new();
    push(&nodes, 2, "{a=\"kept\"}");
    let filled = nodes.blocks().next().unwrap();
    drop(nodes);
    let (node, offset) = filled.nodes().next().unwrap();
    assert_eq!(filled.block.text(offset, 10), node.text());
}

#[test]
fn a_walk_shows_what_was_there_when_it_began() {
    let nodes = Nodes::new();
    // It leaves no room in the first block.
    let long = "x".repeat(SMALLEST - 60);
    let places = [push(&nodes, 1, "{a=\"1\"}"), push(&nodes, 2, &long), push(&nodes, 3, "{a=\"3\"}")];
    let mut walk = nodes.blocks();
    let cells = |filled: &Filled| -> Vec<u32> { filled.nodes().map(|(node, _)| node.run().cell).collect() };
    assert_eq!(cells(&walk.next().unwrap()), [1, 2]);
    // Another one with the labels that were just seen, in the block to which the walk comes next.
    nodes.kill(places[0]);
    push(&nodes, 4, "{a=\"1\"}");
    assert_eq!(cells(&walk.next().unwrap()), [3]);
    assert!(walk.next().is_none());
    assert_eq!(nodes.blocks().map(|filled| cells(&filled)).collect::<Vec<_>>(), [vec![1, 2], vec![3, 4]]);
}

#[test]
fn a_block_that_was_not_the_last_grows_no_more() {
    let nodes = Nodes::new();
    // Each has a block of its own. The second has room for more, and is too large to be copied along.
    let [.., last] = [20_000, 10_000, 30_000].map(|len| push(&nodes, 1, &"x".repeat(len)));
    nodes.kill(last);
    let mut retired = Vec::new();
    nodes.rewrite(|_, _, _| (), &mut |old| retired.push(old));
    let counts = || nodes.blocks().map(|filled| filled.nodes().count()).collect::<Vec<_>>();
    assert_eq!(counts(), [1, 1]);
    push(&nodes, 2, "{a=\"2\"}");
    assert_eq!(counts(), [1, 1, 1]);
}

#[test]
fn what_is_said_of_a_series_is_said_after_a_rewriting_too() {
    let nodes = Nodes::new();
    let text = b"{a=\"some text\"}";
    let places: Vec<u64> = (0..100).map(|i| push(&nodes, i, "{a=\"some text\"}")).collect();
    nodes.node(places[99]).unwrap().set_hidden(true);
    places[..97].iter().for_each(|&place| nodes.kill(place));
    let mut moves = Vec::new();
    nodes.rewrite(|_, from, to| moves.push((from, to)), &mut |_| ());
    assert!(moves.iter().map(|(from, _)| from).eq(&places[97..]));
    let [verbatim, escaped, node] = [0, 1, 2].map(|i| nodes.node(moves[i].1).unwrap());
    assert_eq!((verbatim.text_and_escaped(), verbatim.is_plain()), ((&text[..], false), false));
    assert_eq!((escaped.text_and_escaped(), escaped.is_plain()), ((&text[..], true), false));
    assert_eq!((node.text_and_escaped(), node.is_plain()), ((&text[..], false), true));
    assert!(!node.is_shown() && !node.is_dead());
    node.set_hidden(false);
    assert!(node.is_shown());
}

#[test]
fn much_is_rewritten_in_parts() {
    let nodes = Nodes::new();
    let mut places: Vec<u64> = (0..100_000).map(|i| push(&nodes, i, &format!("{i:040}"))).collect();
    let mut at = 0;
    places.retain(|&place| {
        at += 1;
        let stays = at % 5 < 2;
        if !stays {
            nodes.kill(place);
        }
        stays
    });
    let mut parts = 1;
    let mut moves = Vec::new();
    while nodes.rewrite(|_, from, to| moves.push((from, to)), &mut |_| ()) {
        parts += 1;
    }
    assert!((2..20).contains(&parts), "{parts} parts");
    let moves: std::collections::HashMap<_, _> = moves.into_iter().collect();
    assert!(nodes.blocks().all(|filled| filled.block.dead() * 2 <= filled.block.used().max(2 * SLACK)));
    let now = places.iter().map(|place| moves.get(place).unwrap_or(place));
    assert!(nodes.places().map(|(place, _)| place).eq(now.copied()));
}

proptest! {
    /// Whatever is removed, the rest stands in the order of creation, under the places that were
    /// told, in blocks of which no large part is dead.
    #[test]
    fn rewriting_keeps_the_living_in_order(
        steps in prop::collection::vec((any::<prop::sample::Index>(), 0..4, 0_usize..300), 1..600),
    ) {
        let nodes = Nodes::new();
        let mut living: Vec<(u64, String)> = Vec::new();
        for (i, (at, what, len)) in (0..).zip(steps) {
            let waiting = std::cell::RefCell::new(Vec::new());
            let retire = &mut |retired| waiting.borrow_mut().push(retired);
            if what == 0 && !living.is_empty() {
                // A stretch of them, so that whole blocks die.
                let at = at.index(living.len());
                let end = (at + len).min(living.len());
                living.drain(at..end).for_each(|(place, _)| nodes.kill(place));
                nodes.rewrite(
                    |hash, from, to| {
                        assert_eq!(hash, 7);
                        living.iter_mut().find(|(place, _)| *place == from).unwrap().0 = to;
                    },
                    retire,
                );
            } else {
                let text = format!("{i}{}", "x".repeat(len));
                living.push((push(&nodes, i, &text), text));
            }
            let blocks = waiting.borrow().iter().filter_map(|retired| match retired {
                Retired::Block(number) => Some(*number),
                _ => None,
            }).collect::<Vec<_>>();
            nodes.release(&blocks, retire);
            prop_assert!(texts(&nodes).into_iter().eq(living.iter().map(|(_, text)| text.as_bytes())));
            prop_assert!(nodes.places().map(|(place, _)| place).eq(living.iter().map(|(place, _)| *place)));
            let dead: usize = nodes.blocks().map(|filled| filled.block.dead()).sum();
            let live: usize = nodes.blocks().map(|filled| filled.block.live()).sum();
            prop_assert!(dead <= live + SLACK, "{dead} bytes dead, {live} live");
            let numbers = nodes.directory().map_or(0, |directory| directory.blocks.len());
            prop_assert!(numbers <= nodes.blocks().count() + 8, "{numbers} numbers");
        }
    }
}
