//! Where Redis is: one server, a Unix socket, Sentinels that know it, or a cluster.

use std::fmt;
use std::path::PathBuf;

/// Where Redis is found.
///
/// `Display` is the place as the log and errors name it. It holds no secrets: user names and
/// passwords stand in [`RedisOptions`](crate::RedisOptions).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisServer {
    /// One server.
    Single {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A server of this machine that listens on a Unix socket.
    UnixSocket {
        /// The socket.
        path: PathBuf,
    },
    /// The primary that Sentinels know by a name; asked for at each connecting, so that a fail-over
    /// is followed.
    Sentinel {
        /// Host and port of some Sentinels; the first that answers is believed.
        sentinels: Vec<(String, u16)>,
        /// The name under which they watch the primary.
        service: String,
    },
    /// A cluster; the list lives on the node that holds its key's slot, wherever that moves.
    Cluster {
        /// Host and port of some of its nodes; the others are learned from them.
        nodes: Vec<(String, u16)>,
    },
}

impl RedisServer {
    /// What may be wrong when nothing is found there.
    pub(super) fn what_to_check(&self) -> &'static str {
        match self {
            Self::Single { .. } => "its host and port",
            Self::UnixSocket { .. } => "the path of its socket and who may open it",
            Self::Sentinel { .. } => "the Sentinels, their credentials and the name of the service",
            Self::Cluster { .. } => "the nodes of the cluster",
        }
    }
}

impl Default for RedisServer {
    /// `localhost:6379`.
    fn default() -> Self {
        Self::Single { host: "localhost".to_owned(), port: 6379 }
    }
}

impl fmt::Display for RedisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single { host, port } => write!(f, "{}", Place(host, *port)),
            Self::UnixSocket { path } => write!(f, "{}", path.display()),
            Self::Sentinel { sentinels, service } => {
                write!(f, "service {service} of the Sentinels {}", Places(sentinels))
            }
            Self::Cluster { nodes } => write!(f, "the cluster of {}", Places(nodes)),
        }
    }
}

struct Place<'a>(&'a str, u16);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(host, port) = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

struct Places<'a>(&'a [(String, u16)]);

impl fmt::Display for Places<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (host, port)) in self.0.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { ", " }, Place(host, *port))?;
        }
        Ok(())
    }
}
