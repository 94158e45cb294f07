//! The network interfaces: `/proc/net/dev`, and `/sys/class/net` for which of them are hardware.

use std::path::PathBuf;
use std::sync::Arc;

use super::file::{File, Search};
use super::parse::devices::{Counts, interfaces};
use crate::options::Roots;
use crate::probe::{Figures, Outcome, Probe};
use crate::reading::{NetworkReading, Traffic};

/// Interfaces that no packet enters or leaves a machine or container by, by the kernel's and
/// common tools' names of them.
const INNER: [&[u8]; 17] = [
    b"lo", b"ifb", b"dummy", b"tunl", b"sit", b"gre", b"ip6tnl", b"ip6gre", b"ip_vti", b"ip6_vti", b"veth",
    b"docker", b"br-", b"virbr", b"cni", b"cali", b"flannel",
];

/// Reads figures of the interfaces that stand for hardware. Where none does, as in a container,
/// those are read that the container speaks to the outside by.
pub(crate) struct NetworkProbe {
    dev: File,
    class: PathBuf,
    /// The interfaces that were there, and whether each stands for hardware: that is looked up
    /// when one comes or goes.
    known: Vec<(Arc<str>, bool)>,
}

impl NetworkProbe {
    pub(crate) fn new(roots: &Roots) -> Self {
        Self {
            dev: File::new(roots.proc.join("self/net/dev")),
            class: roots.sys.join("class/net"),
            known: Vec::new(),
        }
    }
}

impl Probe for NetworkProbe {
    fn read(&mut self) -> Outcome {
        let mut search = Search::new();
        let mut readings = Vec::new();
        if let Some(text) = search.open(&mut self.dev) {
            let outer = || {
                interfaces(text).filter_map(|(name, receive, transmit)| {
                    (!is_inner(name)).then_some((std::str::from_utf8(name).ok()?, receive, transmit))
                })
            };
            let is_known = outer().map(|(name, ..)| name).eq(self.known.iter().map(|(name, _)| &**name));
            if !is_known {
                let is_hardware = |name: &str| self.class.join(name).join("device").exists();
                self.known = outer().map(|(name, ..)| (Arc::from(name), is_hardware(name))).collect();
            }
            let has_hardware = self.known.iter().any(|(_, is_hardware)| *is_hardware);
            readings.extend(
                outer().zip(&self.known).filter(|(_, (_, is_hardware))| *is_hardware || !has_hardware).map(
                    |((_, receive, transmit), (name, _))| NetworkReading {
                        device: Arc::clone(name),
                        receive: traffic(receive),
                        transmit: traffic(transmit),
                    },
                ),
            );
            // There is always one, if only to speak to itself.
            search.figure("interfaces", interfaces(text).next());
        }
        Outcome { figures: Figures::Networks(readings), problem: search.into_problem() }
    }
}

/// Such a name alone, or with a number or more behind it.
fn is_inner(name: &[u8]) -> bool {
    INNER.iter().any(|inner| match name.strip_prefix(*inner) {
        Some(rest) => {
            rest.first().is_none_or(|byte| !byte.is_ascii_lowercase())
                || matches!(*inner, b"veth" | b"cali" | b"br-")
        }
        None => false,
    })
}

fn traffic([bytes, packets, errors, dropped]: Counts) -> Traffic {
    Traffic { bytes, packets, errors, dropped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_inner_interfaces_are_known() {
        for name in
            ["lo", "ifb0", "dummy0", "sit0", "veth12ab", "vethabc", "docker0", "br-1a2b", "br-abcd", "cali9f"]
        {
            assert!(is_inner(name.as_bytes()), "{name}");
        }
        for name in ["eth0", "ens5", "enp3s0f1", "wlan0", "bond0", "br0", "lowpan0", "wg0", "ib0"] {
            assert!(!is_inner(name.as_bytes()), "{name}");
        }
    }
}
