//! The contests that the comparison (`main.rs`) and the criterion benches run: the same work done by us, by the
//! rivals, each in the way that its own documentation recommends, and by floors that no library can beat.

pub mod alloc;
pub mod by_name;
pub mod contest;
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
pub mod scrapes;
pub mod table;

use contest::Contest;

/// Every timed contest, in the order of the page. Each is built when it is about to run.
pub const CONTESTS: &[fn() -> Contest] = &[
    handles::counter_u64,
    handles::counter_f64,
    handles::gauge_set,
    || histograms::observe::<8>("histogram with 8 bounds"),
    || histograms::observe::<20>("histogram with 20 bounds"),
    histograms::observe_native,
    || families::inc("family, 3 label values, 18 series", 18),
    || families::inc("family, 3 label values, 18,000 series", 18_000),
    by_name::inc,
    scrapes::scrape,
    rolling::add,
    rolling::average,
    documents::write,
];
