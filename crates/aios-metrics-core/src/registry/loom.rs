//! Models of a registry: families that come and go while others are updated by name and shown.

use std::sync::Arc;

use super::Registry;
use crate::error::UpdateError;
use crate::snapshot::Snapshot;
use crate::source::Source;
use crate::sync::model::{check, race};

#[test]
fn an_update_by_name_is_in_its_family_or_is_told_that_there_is_none() {
    check(|| {
        let registry = Registry::new();
        registry.register_gauge("x", "X", &[]).unwrap();
        let (updating, changing) = (registry.clone(), registry.clone());
        let update = move || match updating.set_gauge("x", 5.0, &[]) {
            Ok(()) => {}
            Err(error) => assert_eq!(error, UpdateError::UnknownMetric { name: "x".to_owned() }),
        };
        race([Box::new(update)], move || {
            assert!(changing.unregister("x"));
            // In the place of the other.
            changing.register_gauge("y", "Y", &[]).unwrap();
        });
        assert_eq!((registry.value("x", &[]), registry.value("y", &[])), (None, Some(0.0)));
        assert_eq!((registry.0.families.end(), registry.0.aliases.end()), (1, 1));
    });
}

#[test]
fn a_snapshot_shows_a_family_once_that_goes_and_comes_back() {
    check(|| {
        let registry = Registry::new();
        for name in ["x", "z"] {
            registry.register_gauge(name, "", &[]).unwrap();
        }
        registry.unregister("z");
        let (reading, changing) = (registry.clone(), registry.clone());
        let read = move || {
            let mut snapshot = Snapshot::samples_only();
            reading.snapshot_into(&mut snapshot);
            let names: Vec<_> =
                snapshot.families().map(|family| family.descriptor().name().to_owned()).collect();
            assert!(names.iter().filter(|name| **name == "x").count() <= 1, "{names:?}");
        };
        race([Box::new(read)], move || {
            changing.unregister("x");
            changing.register_gauge("y", "", &[]).unwrap();
            changing.register_gauge("x", "", &[]).unwrap();
        });
        assert_eq!(Arc::strong_count(&registry.0), 1);
    });
}
