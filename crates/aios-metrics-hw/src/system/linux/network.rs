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
const INNER: &[&[u8]] = &[
    // The kernel's own.
    b"lo",
    b"ifb",
    b"dummy",
    b"tunl",
    b"sit",
    b"gre",
    b"gretap",
    b"erspan",
    b"ip6tnl",
    b"ip6gre",
    b"ip6gretap",
    b"ip_vti",
    b"ip6_vti",
    b"vxlan",
    b"geneve",
    b"veth",
    // Bridges, switches and the machine's ends of containers and virtual machines.
    b"docker",
    b"podman",
    b"br-",
    b"virbr",
    b"vnet",
    b"lxc",
    b"lxdbr",
    b"cni",
    b"cali",
    b"cilium_",
    b"flannel",
    b"weave",
    b"ovs-system",
    b"genev_sys_",
    b"kube-ipvs",
    b"nodelocaldns",
];

/// Those of them that any letters follow.
const WITH_LETTERS: &[&[u8]] = &[b"br-", b"veth", b"lxc", b"cali", b"cilium_"];

/// Tunnels that programs make: what goes through them goes through another interface too, unless
/// that is another container's.
const TUNNELS: &[&[u8]] = &[b"tun", b"tap", b"wg", b"ppp", b"tailscale"];

/// Reads figures of the interfaces by which packets enter and leave, so that none is counted twice.
pub(crate) struct NetworkProbe {
    dev: File,
    class: PathBuf,
    /// The interfaces that were there and what each is: that is looked up when one comes or goes.
    known: Vec<(Arc<str>, Way)>,
}

/// What an interface stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Hardware,
    /// The end inside of a container, of a pair that leads out of it.
    End,
    /// Such as a bridge or a bond. Where there is hardware they stand on it.
    Other,
    /// Shown where there is nothing else.
    Tunnel,
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
                interfaces(text).flatten().filter_map(|(name, receive, transmit)| {
                    (!is_inner(name)).then_some((std::str::from_utf8(name).ok()?, receive, transmit))
                })
            };
            let is_known = outer().map(|(name, ..)| name).eq(self.known.iter().map(|(name, _)| &**name));
            if !is_known {
                let way = |name: &str| Way::of(name, self.class.join(name).join("device").exists());
                self.known = outer().map(|(name, ..)| (Arc::from(name), way(name))).collect();
            }
            let has_hardware = self.known.iter().any(|(_, way)| *way == Way::Hardware);
            let has_tunnels_only = self.known.iter().all(|(_, way)| *way == Way::Tunnel);
            let is_shown = |way: Way| match way {
                Way::Hardware | Way::End => true,
                Way::Other => !has_hardware,
                Way::Tunnel => has_tunnels_only,
            };
            let shown = outer().zip(&self.known).filter(|(_, (_, way))| is_shown(*way));
            readings.extend(shown.map(|((_, receive, transmit), (name, _))| NetworkReading {
                device: Arc::clone(name),
                receive: traffic(receive),
                transmit: traffic(transmit),
            }));
            // There is always one, if only to speak to itself.
            let is_whole = interfaces(text).next().is_some() && interfaces(text).all(|line| line.is_some());
            search.figure("interfaces", is_whole.then_some(()));
        }
        Outcome { figures: Figures::Networks(readings), problem: search.into_problem() }
    }
}

impl Way {
    fn of(name: &str, is_hardware: bool) -> Self {
        // As container runtimes name them; where a machine's are named so, they are hardware.
        let is_end = ["eth", "net"]
            .iter()
            .any(|word| name.strip_prefix(word).is_some_and(|number| number.parse::<u32>().is_ok()));
        if is_hardware {
            Self::Hardware
        } else if is_end {
            Self::End
        } else if TUNNELS.iter().any(|tunnel| is_numbered(name.as_bytes(), tunnel)) {
            Self::Tunnel
        } else {
            Self::Other
        }
    }
}

pub(super) fn is_inner(name: &[u8]) -> bool {
    INNER.iter().any(|inner| is_numbered(name, inner))
        || WITH_LETTERS.iter().any(|inner| name.starts_with(inner))
}

/// Whether it is this word alone, or with a number or more behind it.
fn is_numbered(name: &[u8], word: &[u8]) -> bool {
    let rest = name.strip_prefix(word);
    rest.is_some_and(|rest| rest.first().is_none_or(|byte| !byte.is_ascii_lowercase()))
}

fn traffic([bytes, packets, errors, dropped]: Counts) -> Traffic {
    Traffic { bytes, packets, errors, dropped: Some(dropped) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_of_inner_interfaces_are_known() {
        let names = "lo ifb0 dummy0 tunl0 sit0 gre0 gretap0 erspan0 ip6tnl0 ip6gre0 ip6gretap0 ip6_vti0 \
             vxlan.calico vxlan100 geneve1 genev_sys_6081 veth12ab vethabc docker0 podman1 br-1a2b br-abcd \
             virbr0 vnet3 lxc12ab lxc_health lxdbr0 cni0 cali9f cilium_host cilium_net flannel.1 weave \
             ovs-system kube-ipvs0 nodelocaldns";
        for name in names.split_whitespace() {
            assert!(is_inner(name.as_bytes()), "{name}");
        }
        let names = "eth0 ens5 enp3s0f1 wlan0 bond0 br0 lowpan0 wg0 tun0 tap0 ib0 net1 greta0";
        for name in names.split_whitespace() {
            assert!(!is_inner(name.as_bytes()), "{name}");
        }
    }

    /// The interfaces that are shown, of those that are there; `hardware` has a device.
    fn shown(test: &str, names: &[&str], hardware: &[&str]) -> Vec<String> {
        let folder = std::env::temp_dir().join(format!("aios-network-{test}-{}", std::process::id()));
        for name in hardware {
            fs::create_dir_all(folder.join("sys/class/net").join(name).join("device")).unwrap();
        }
        fs::create_dir_all(folder.join("proc/self/net")).unwrap();
        let lines: String = names.iter().map(|name| format!("{name}: {}\n", "1 ".repeat(16))).collect();
        fs::write(folder.join("proc/self/net/dev"), lines).unwrap();
        let outcome = NetworkProbe::new(&Roots::under(&folder)).read();
        fs::remove_dir_all(folder).unwrap();
        let Figures::Networks(networks) = outcome.figures else { panic!("of another probe") };
        networks.iter().map(|network| network.device.to_string()).collect()
    }

    #[test]
    fn packets_are_counted_where_they_enter_and_leave() {
        // A machine: its bridge, its VPN and its containers' ends carry what its card carries.
        let machine = ["lo", "ens5", "br0", "wg0", "tap0", "veth12", "gretap0"];
        assert_eq!(shown("machine", &machine, &["ens5"]), ["ens5"]);
        // A container that was given a part of a card beside its usual end.
        assert_eq!(shown("vf", &["lo", "eth0", "net1", "tun0"], &["net1"]), ["eth0", "net1"]);
        assert_eq!(shown("other", &["lo", "eth0", "bond0", "wg0"], &[]), ["eth0", "bond0"]);
        assert_eq!(shown("tunnel", &["lo", "erspan0", "tun0", "wg0"], &[]), ["tun0", "wg0"]);
        assert_eq!(shown("none", &["lo", "dummy0"], &[]), [""; 0]);
    }
}
