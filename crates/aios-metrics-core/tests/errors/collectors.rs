//! Collectors that describe what is taken, or add what doesn't fit.

use aios_metrics_core::{Collect, Descriptor, Registry, Snapshot};

use crate::{page, says};

#[test]
fn a_collector_may_not_describe_a_family_twice() {
    let twice = Descriptor::gauge("twice", "", &[]).unwrap();
    let registry = Registry::new();
    says(
        registry.register(Two(twice.clone(), twice)),
        "metric \"twice\" is already registered as gauge \"twice\" with labels []; it can't be registered again as \
         gauge \"twice\" with labels []",
    );
    // Nothing of it stays behind.
    registry.register_gauge("twice", "", &[]).unwrap();
}

#[test]
fn a_collector_cannot_spoil_the_page() {
    let registry = Registry::new();
    registry.register(Careless).unwrap();
    assert_eq!(
        page(&registry),
        "# HELP pool_total Connections made\n# TYPE pool_total counter\npool_total 3\n\
         # HELP pool_size Connections\n# TYPE pool_size gauge\npool_size{state=\"idle\"} 1\npool_size{state=\"busy\"} 2\n"
    );
}

/// A collector that only describes.
pub(crate) struct Fixed(pub(crate) Descriptor);

impl Collect for Fixed {
    fn describe(&self) -> Vec<Descriptor> {
        vec![self.0.clone()]
    }

    fn collect(&self, _: &mut Snapshot) {}
}

struct Two(Descriptor, Descriptor);

impl Collect for Two {
    fn describe(&self) -> Vec<Descriptor> {
        vec![self.0.clone(), self.1.clone()]
    }

    fn collect(&self, _: &mut Snapshot) {}
}

/// Does what a collector shouldn't: makes descriptors anew, mixes families, adds what doesn't fit.
struct Careless;

impl Careless {
    fn size() -> Descriptor {
        Descriptor::gauge("pool_size", "Connections", &["state"]).unwrap()
    }

    fn made() -> Descriptor {
        Descriptor::counter("pool", "Connections made", &[]).unwrap()
    }
}

impl Collect for Careless {
    fn describe(&self) -> Vec<Descriptor> {
        vec![Self::size(), Self::made()]
    }

    fn collect(&self, snapshot: &mut Snapshot) {
        snapshot.family(&Self::size()).gauge(&["idle"], 1.0).gauge(&[], 9.0).gauge(&["a", "b"], 9.0);
        snapshot.family(&Self::size()).gauge(&["busy"], 2.0).counter(&["made"], 9_u64).histogram(
            &["h"],
            &[9],
            9.0,
        );
        snapshot.family(&Self::made()).counter(&[], 3_u64).counter(&["x"], 9_u64);
        snapshot.family(&Self::size()).gauge(&["late"], 9.0);
        snapshot.family(&Descriptor::gauge("undescribed", "", &[]).unwrap()).gauge(&[], 9.0);
        snapshot.family(&Descriptor::gauge("pool_size", "", &["other"]).unwrap()).gauge(&["x"], 9.0);
    }
}
