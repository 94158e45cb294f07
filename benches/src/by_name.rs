//! Updates by the metric's name with label pairs, all of it known only at run time.

mod update;

use self::update::Update;
use crate::contest::{Contender, Contest, Role, Unit, repeat_over};
use crate::floor;
use crate::input::LABELS;
use crate::ours;
use crate::rival::{self, OwnedLabels, Recorder, Telemetry};
use metrics::Label;
use prometheus::IntCounterVec;
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, PoisonError, RwLock};

pub use self::update::Order;

const NAMES: usize = 18;

/// What people put in front of a library that can't look up by name.
type Map<F> = Arc<RwLock<HashMap<&'static str, F>>>;

fn map<F>(names: &[&'static str], family: impl Fn(&'static str) -> F) -> Map<F> {
    Arc::new(RwLock::new(names.iter().map(|&name| (name, family(name))).collect()))
}

fn find<F>(map: &Map<F>, name: &str, found: impl FnOnce(&F)) {
    let map = map.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(family) = map.get(name) {
        found(family);
    }
}

/// 18 metrics with `series` series each, updated in random order.
#[must_use]
pub fn inc(title: &'static str, series: usize, order: Order) -> Contest {
    let name = |number| format!("requests_of_kind_{number:02}_total").leak() as &'static str;
    let names: Vec<&'static str> = (0..NAMES).map(name).collect();
    let registry = ours::registry(series);
    for &name in &names {
        registry.register_counter(name, "Requests.", &LABELS).expect("registers");
    }
    let vectors = map(&names, |name| {
        IntCounterVec::new(prometheus::Opts::new(name, "Requests."), &LABELS).expect("good labels")
    });
    let families = map(&names, |_| Family::<Vec<(String, String)>, Counter>::default());
    let fast = map(&names, |_| {
        fastmetrics::metrics::family::Family::<OwnedLabels, fastmetrics::metrics::counter::Counter>::default()
    });
    let recorder = Recorder::default();
    let plain = Arc::new(metrics_lib::Registry::with_cardinality_cap(NAMES * series));
    let telemetry = Telemetry::new(series);
    let meter = telemetry.meter();
    let instruments = (map(&names, |name| meter.u64_counter(name).build()), telemetry);
    let updates = update::updates(&names, series, order);
    let [u1, u2, u3, u4, u5, u6, u7, u8] = std::array::from_fn(|_| Arc::clone(&updates));
    Contest {
        title,
        about: match order {
            Order::Registered => {
                "18 metrics; names stand in the source, values are `&str` known at run time. `prometheus`, \
                 `prometheus-client`, `fastmetrics` and `opentelemetry` have no lookup by name: theirs is a \
                 `RwLock<HashMap>` in front, as people write it; `prometheus` is given the values in the order of its \
                 labels, and `fastmetrics` a struct of them. `measured` knows its label names at compile time only."
            }
            Order::Shuffled => {
                "As above, but the pairs come in any order: each of the six is as frequent. `metrics`, `metrics-lib` and \
                 `opentelemetry` sort or compare by themselves. `prometheus` is given a map of the pairs, as its \
                 documentation shows; for `prometheus-client` the caller sorts, for `fastmetrics` it fills a struct."
            }
        },
        unit: Unit::Nanoseconds,
        threads: &[1, 2],
        first: updates.len() as u64,
        contenders: vec![
            Contender::new(Role::Ours, "aios-metrics", move |thread| {
                repeat_over(thread, &u1, registry.clone(), |registry, update: &Update| {
                    let recorded = registry.increment_counter(update.name, &update.pairs(), 1_u64);
                    debug_assert!(recorded.is_ok());
                })
            }),
            Contender::new(Role::Rival, "prometheus in a map", move |thread| match order {
                Order::Registered => repeat_over(thread, &u2, vectors.clone(), |vectors, update: &Update| {
                    find(vectors, update.name, |vector| vector.with_label_values(&update.values()).inc());
                }),
                Order::Shuffled => repeat_over(thread, &u2, vectors.clone(), |vectors, update: &Update| {
                    find(vectors, update.name, |vector| vector.with(&HashMap::from(update.pairs())).inc());
                }),
            }),
            Contender::new(Role::Rival, "prometheus-client in a map", move |thread| {
                repeat_over(thread, &u3, families.clone(), move |families, update: &Update| {
                    find(families, update.name, |family| {
                        let owned = |(label, value): (&str, &str)| (label.to_owned(), value.to_owned());
                        let mut pairs = update.pairs();
                        if order == Order::Shuffled {
                            pairs.sort_unstable();
                        }
                        family.get_or_create(&pairs.map(owned).to_vec()).inc();
                    });
                })
            }),
            Contender::new(Role::Rival, "metrics", move |thread| {
                recorder.scoped(repeat_over(thread, &u4, (), |(), update: &Update| {
                    let labels =
                        update.pairs().map(|(label, value)| Label::new(label, value.to_owned())).to_vec();
                    metrics::counter!(update.name, labels).increment(1);
                }))
            }),
            Contender::new(Role::Rival, "fastmetrics in a map", move |thread| {
                repeat_over(thread, &u5, fast.clone(), move |families, update: &Update| {
                    let values = match order {
                        Order::Registered => update.values(),
                        Order::Shuffled => update.values_by_label(),
                    };
                    find(families, update.name, |family| {
                        family.with_or_new(&OwnedLabels::new(values), |counter| counter.inc());
                    });
                })
            }),
            Contender::new(Role::Rival, "metrics-lib", move |thread| {
                repeat_over(thread, &u6, plain.clone(), |registry, update: &Update| {
                    registry.counter_with(update.name, &rival::sorted_labels(update.pairs())).inc();
                })
            }),
            Contender::new(Role::Rival, "opentelemetry in a map", move |thread| {
                repeat_over(thread, &u7, instruments.clone(), |(instruments, _), update: &Update| {
                    find(instruments, update.name, |counter| {
                        counter.add(1, &rival::attributes(update.pairs()));
                    });
                })
            }),
            Contender::new(Role::Floor, "*floor: hash alone*", move |thread| {
                let state = foldhash::fast::RandomState::default();
                repeat_over(thread, &u8, state, |state, update: &Update| {
                    let [a, b, c] = update.values();
                    black_box(floor::hash(state, [update.name, a, b, c]));
                })
            }),
        ],
    }
}
