//! How many bytes of heap a series takes.

use crate::alloc;
use crate::alone;
use crate::contest::Role;
use crate::counters::{Counters, LIBRARIES};
use crate::input;
use crate::table::{self, Row};
use std::thread;

/// The title of the table.
pub const TITLE: &str = "memory, 100,000 counters with 3 labels";

/// The figures of [`at_100_000`] and [`worst`], for [`alone`].
pub(crate) const AT_100_000: &str = "memory";
pub(crate) const WORST: &str = "memory-at-worst";

const SERIES: usize = 100_000;

/// Between these counts every table that doubles has grown once.
const COUNTS: [usize; 2] = [65_536, 110_000];

/// Bytes a series.
struct Bytes {
    name: &'static str,
    role: Role,
    /// Once one thread has updated all, and once a second one has too.
    one: f64,
    two: f64,
    /// With one thread, at that of the [`COUNTS`] where it is most; and that count.
    worst: f64,
    count: f64,
}

impl Row for Bytes {
    fn role(&self) -> Role {
        self.role
    }
}

/// Measures everybody, each in a process of its own.
///
/// # Errors
///
/// When such a process fails.
pub fn table() -> Result<String, String> {
    let mut rows = Vec::new();
    for library in LIBRARIES {
        let (name, role) = (library.name, library.role);
        let at = |figures: &[f64], index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        let (threads, worst) = (alone::ask(AT_100_000, name)?, alone::ask(WORST, name)?);
        let (one, two) = (at(&threads, 0), at(&threads, 1));
        rows.push(Bytes { name, role, one, two, worst: at(&worst, 0), count: at(&worst, 1) });
    }
    let about = "Heap bytes a series, requested from the allocator, everything that belongs to it included; after one \
                 thread has updated all series, and after a second one has too. \"At worst\" is the most that a series \
                 takes at any count from 65,536 to 110,000, looked at after each new series, with one thread: a table \
                 that has just grown is half empty. `opentelemetry` is told the count beforehand, as its limit, and takes \
                 the room for its table at once; its attributes come sorted here, in any other order a series takes two \
                 places in that table.\n\n\
                 | | 1 thread, bytes | to best rival | 2 threads, bytes | to best rival | at worst, bytes | to best rival \
                 | series then |\n|---|--:|--:|--:|--:|--:|--:|--:|\n";
    let mut text = table::heading(TITLE);
    text.push_str(about);
    let (one, two) = (table::best(&rows, |row| row.one), table::best(&rows, |row| row.two));
    let worst = table::best(&rows, |row| row.worst);
    for row in &rows {
        table::line(
            &mut text,
            [
                table::name(row.name, row.role),
                format!("{:.0}", row.one),
                format!("{:.2}", row.one / one),
                format!("{:.0}", row.two),
                format!("{:.2}", row.two / two),
                format!("{:.0}", row.worst),
                format!("{:.2}", row.worst / worst),
                format!("{:.0}", row.count),
            ],
        );
    }
    Ok(text)
}

/// Bytes a series after one thread, and after two.
pub(crate) fn at_100_000(library: &str) -> Option<Vec<f64>> {
    let library = LIBRARIES.into_iter().find(|known| known.name == library)?;
    let sets = input::label_sets(SERIES);
    let update = |counters: &dyn Counters| {
        counters.within(&mut || sets.iter().for_each(|set| counters.inc(set)));
    };
    alloc::begin();
    let counters = (library.make)(SERIES);
    update(&*counters);
    let one = alloc::so_far();
    thread::scope(|scope| {
        scope.spawn(|| update(&*counters));
    });
    let two = alloc::end();
    Some([one, two].map(|counted| counted.bytes as f64 / SERIES as f64).to_vec())
}

/// The most bytes a series, and with how many series.
pub(crate) fn worst(library: &str) -> Option<Vec<f64>> {
    let library = LIBRARIES.into_iter().find(|known| known.name == library)?;
    let [from, to] = COUNTS;
    let sets = input::label_sets(to);
    let mut worst = (0.0, 0);
    alloc::begin();
    let counters = (library.make)(to);
    for (set, count) in sets.iter().zip(1..) {
        counters.within(&mut || counters.inc(set));
        let bytes = alloc::so_far().bytes as f64 / count as f64;
        if count >= from && bytes > worst.0 {
            worst = (bytes, count);
        }
    }
    alloc::end();
    Some(vec![worst.0, worst.1 as f64])
}
