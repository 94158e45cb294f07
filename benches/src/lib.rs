//! The contests that the comparison (`main.rs`) and the criterion benches run: the same work done by us, by the
//! rivals, each in the way that its own documentation recommends, and by floors that no library can beat.

pub mod alloc;
pub mod alone;
pub mod by_name;
pub mod contest;
pub mod counters;
pub mod documents;
pub mod families;
pub mod floor;
pub mod handles;
pub mod histograms;
pub mod input;
pub mod machine;
pub mod memory;
pub mod ours;
pub mod rival;
pub mod rolling;
pub mod rounds;
pub mod scaling;
pub mod scrapes;
pub mod stalls;
pub mod table;

use by_name::Order;
use contest::Contest;

/// A contest by its title, and how it is built; that happens when it is about to run.
pub type Entry = (&'static str, fn(&'static str) -> Contest);

/// Every timed contest, in the order of the page.
pub const CONTESTS: &[Entry] = &[
    ("counter, whole amount", handles::counter_u64),
    ("counter, fractional amount", handles::counter_f64),
    ("gauge, set", handles::gauge_set),
    ("histogram with 8 bounds", histograms::observe::<8>),
    ("histogram with 20 bounds", histograms::observe::<20>),
    ("histogram, native buckets", histograms::observe_native),
    ("family, 3 label values, 18 series", |title| families::inc(title, 18)),
    ("family, 3 label values, 18,000 series", |title| families::inc(title, 18_000)),
    ("by name, 3 label pairs, 900 series", |title| by_name::inc(title, 50, Order::Registered)),
    ("by name, 3 label pairs, 18,000 series", |title| by_name::inc(title, 1000, Order::Registered)),
    ("by name, pairs in any order, 900 series", |title| by_name::inc(title, 50, Order::Shuffled)),
    ("by name, pairs in any order, 18,000 series", |title| by_name::inc(title, 1000, Order::Shuffled)),
    ("scrape, 10,000 series", |title| scrapes::scrape(title, scrapes::SMALL)),
    ("scrape, 100,000 series", |title| scrapes::scrape(title, scrapes::LARGE)),
    ("rolling window, add", rolling::add),
    ("rolling window, average", rolling::average),
    ("JSON document, 10,000 series", documents::write),
];
