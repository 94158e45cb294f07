//! Redis's place and credentials in one URL.

use std::fmt;
use std::path::PathBuf;

use ::url::{Host, Url};

use super::{RedisOptions, RedisServer, RedisTls};

/// Why a URL can't be used. It holds nothing of the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisUrlError {
    /// It is no URL.
    Syntax,
    /// It begins with a scheme that stands for nothing here.
    Scheme,
    /// It names no host, or no path of a socket.
    Place,
    /// What should be a database's number is none, or a cluster is asked for another than 0.
    Database,
    /// A `node` is not a host and a port.
    Node,
    /// Sentinels are given without the name of the service that they watch.
    Service,
    /// It has a parameter that means nothing for its scheme, or a `#fragment`.
    Parameter,
    /// Percent-encoded text in it is not UTF-8.
    Encoding,
}

impl fmt::Display for RedisUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => {
                "a URL such as redis://user:password@host:6379/0, special characters in the password percent-encoded"
            }
            Self::Scheme => {
                "a URL with one of the schemes redis, rediss, redis-sentinel, rediss-sentinel, redis-cluster, \
                 rediss-cluster, redis+unix"
            }
            Self::Place => "a URL with a host, or with the path of a socket for redis+unix",
            Self::Database => "a database's number as path, such as redis://host:6379/2; a cluster has only 0",
            Self::Node => "node=host:port for each further Sentinel or cluster node",
            Self::Service => "the parameter sentinelServiceName beside the Sentinels",
            Self::Parameter => {
                "no parameters but node (cluster, Sentinel), sentinelServiceName, sentinelUsername, \
                 sentinelPassword (Sentinel) and db (socket), and no fragment"
            }
            Self::Encoding => "percent-encoded text in UTF-8",
        })
    }
}

impl std::error::Error for RedisUrlError {}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Single,
    Sentinel,
    Cluster,
    UnixSocket,
}

/// What `scheme` stands for, and whether it speaks TLS.
fn kind(scheme: &str) -> Option<(Kind, bool)> {
    Some(match scheme {
        "redis" | "valkey" => (Kind::Single, false),
        "rediss" | "valkeys" => (Kind::Single, true),
        "redis-sentinel" | "valkey-sentinel" => (Kind::Sentinel, false),
        "rediss-sentinel" | "valkeys-sentinel" => (Kind::Sentinel, true),
        "redis-cluster" | "valkey-cluster" => (Kind::Cluster, false),
        "rediss-cluster" | "valkeys-cluster" => (Kind::Cluster, true),
        "redis+unix" | "valkey+unix" | "unix" => (Kind::UnixSocket, false),
        _ => return None,
    })
}

/// Puts what the URL says over the options, and leaves the rest.
pub(super) fn apply(mut options: RedisOptions, text: &str) -> Result<RedisOptions, RedisUrlError> {
    let url = Url::parse(text).map_err(|_| RedisUrlError::Syntax)?;
    let (kind, tls) = kind(url.scheme()).ok_or(RedisUrlError::Scheme)?;
    if url.fragment().is_some() {
        return Err(RedisUrlError::Parameter);
    }
    let parameters = Parameters::read(&url, kind)?;
    let database = match kind {
        Kind::UnixSocket => parameters.database,
        _ => Some(url.path().trim_start_matches('/').to_owned()).filter(|path| !path.is_empty()),
    };
    if let Some(database) = database {
        options.db = database.parse().map_err(|_| RedisUrlError::Database)?;
    }
    if kind == Kind::Cluster && options.db != 0 {
        return Err(RedisUrlError::Database);
    }
    options.server = match kind {
        Kind::Single => {
            let (host, port) = place(&url, 6379)?;
            RedisServer::Single { host, port }
        }
        Kind::UnixSocket => RedisServer::UnixSocket { path: socket(&url)? },
        Kind::Sentinel => {
            let service = parameters.service.ok_or(RedisUrlError::Service)?;
            options.sentinel_username = parameters.username;
            options.sentinel_password = parameters.password;
            RedisServer::Sentinel { sentinels: with_first(place(&url, 26379)?, parameters.nodes), service }
        }
        Kind::Cluster => RedisServer::Cluster { nodes: with_first(place(&url, 6379)?, parameters.nodes) },
    };
    let credential = |text: &str| (!text.is_empty()).then(|| decoded(text)).transpose();
    options.username = credential(url.username())?.or(options.username);
    options.password = credential(url.password().unwrap_or_default())?.or(options.password);
    options.tls = if tls { options.tls.or_else(|| Some(RedisTls::default())) } else { None };
    Ok(options)
}

#[derive(Default)]
struct Parameters {
    nodes: Vec<(String, u16)>,
    service: Option<String>,
    username: Option<String>,
    password: Option<String>,
    database: Option<String>,
}

impl Parameters {
    fn read(url: &Url, kind: Kind) -> Result<Self, RedisUrlError> {
        let mut found = Self::default();
        for (name, value) in url.query_pairs() {
            let value = value.into_owned();
            match (name.as_ref(), kind) {
                ("node", Kind::Sentinel | Kind::Cluster) => {
                    // The last colon, as an address of IPv6 has more of them.
                    let (host, port) = value.rsplit_once(':').ok_or(RedisUrlError::Node)?;
                    let host = host.trim_start_matches('[').trim_end_matches(']');
                    let port = port.parse().map_err(|_| RedisUrlError::Node)?;
                    if host.is_empty() {
                        return Err(RedisUrlError::Node);
                    }
                    found.nodes.push((host.to_owned(), port));
                }
                ("sentinelServiceName", Kind::Sentinel) if !value.is_empty() => found.service = Some(value),
                ("sentinelServiceName", Kind::Sentinel) => return Err(RedisUrlError::Service),
                ("sentinelUsername", Kind::Sentinel) => found.username = Some(value),
                ("sentinelPassword", Kind::Sentinel) => found.password = Some(value),
                ("db", Kind::UnixSocket) => found.database = Some(value),
                _ => return Err(RedisUrlError::Parameter),
            }
        }
        Ok(found)
    }
}

fn place(url: &Url, default_port: u16) -> Result<(String, u16), RedisUrlError> {
    let host = match url.host().ok_or(RedisUrlError::Place)? {
        Host::Domain(name) => decoded(name)?,
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    if host.is_empty() {
        return Err(RedisUrlError::Place);
    }
    Ok((host, url.port().unwrap_or(default_port)))
}

fn socket(url: &Url) -> Result<PathBuf, RedisUrlError> {
    let path = decoded(url.path())?;
    if path.len() < 2 { Err(RedisUrlError::Place) } else { Ok(path.into()) }
}

fn with_first(first: (String, u16), others: Vec<(String, u16)>) -> Vec<(String, u16)> {
    let mut all = vec![first];
    all.extend(others);
    all
}

fn decoded(text: &str) -> Result<String, RedisUrlError> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map(String::from).map_err(|_| RedisUrlError::Encoding)
}

#[cfg(test)]
mod tests;
