//! The sink itself; the one file that names the client library.

use std::fmt;

use aios_metrics_core::{Payload, RegisterError, Registry, Sink, SinkError};
use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, ListInterface, TransactionInterface};
use fred::types::config::{
    ClusterDiscoveryPolicy, Config, ConnectionConfig, PerformanceConfig, Server, ServerConfig, TcpConfig,
};
use fred::types::{ClusterHash, ConnectHandle, CustomCommand, Value};
use tokio::time::timeout;

use super::failure::Failure;
use super::list::ListMetrics;
use super::words::{inner, is_answer, plain};
use super::{RedisOptions, RedisServer};

/// Pushes documents into a Redis list.
///
/// A batch is one `LPUSH key oldest .. newest`, so a reader that pops with `BRPOP` gets the oldest
/// first. With a [bound on the list](RedisOptions::max_list_len) it is `MULTI`, `LPUSH`, `LTRIM`,
/// `EXEC`: all of it or nothing. Connecting is part of a delivery: nothing is opened before the first one, and a Redis that
/// is absent, or whose password is wrong, is the error of that delivery. A connection is kept while
/// it works and thrown away at the first failure of any kind; when the next try is made is for the
/// publisher to say.
///
/// Kinds of failure. Transient: `connection`, `timeout`, `loading`, `readonly`, `oom`, `misconf`,
/// `cluster_down`, `sentinel`, `no_replicas`, `busy`, `max_clients`, `other`. Permanent: `auth`, `permission`,
/// `wrong_type`, `unknown_command`, `database`, `moved`, `not_a_cluster`, `protocol`, `tls`.
///
/// # Examples
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// use std::sync::Arc;
/// use std::time::Duration;
/// use aios_metrics_core::{Documents, Identity, Registry};
/// use aios_metrics_redis::{Publisher, PublisherOptions, RedisOptions, RedisSink};
///
/// let sink = RedisSink::new(RedisOptions::default().with_host("redis"));
/// let documents = Documents::new(Arc::new(Registry::new()), Identity::new("block-1", "i-1", "node-1"));
/// let (publisher, handle) = Publisher::new(Arc::new(documents), PublisherOptions::default());
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// let thread = std::thread::spawn(move || {
///     runtime.block_on(publisher.run(sink));
///     // A name lookup that hangs must not hold up the end.
///     runtime.shutdown_background();
/// });
/// // ...
/// let report = handle.stop(Duration::from_secs(5));
/// assert_eq!(report.left, 0);
/// # Ok(())
/// # }
/// ```
pub struct RedisSink {
    options: RedisOptions,
    connection: Option<Connection>,
    metrics: Option<ListMetrics>,
}

impl RedisSink {
    /// A sink that connects when it has something to deliver.
    #[must_use]
    pub fn new(options: RedisOptions) -> Self {
        Self { options, connection: None, metrics: None }
    }

    /// Shows in `registry` how long the list was after the last push, and what was trimmed off it:
    /// `aios_metrics_push_list_length` and `aios_metrics_push_list_trimmed_total`.
    ///
    /// A length that only grows says that nobody reads the list.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] when one of the names is registered as something else.
    pub fn with_self_metrics(mut self, registry: &Registry) -> Result<Self, RegisterError> {
        self.metrics = Some(ListMetrics::register(registry)?);
        Ok(self)
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let limit = self.options.connect_timeout;
        let client = client(&self.options)?;
        match timeout(limit, Connection::open(client, self.options.db)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) if *error.kind() == ErrorKind::Timeout => Err(Failure::ConnectTimeout(limit)),
            Ok(Err(error)) => Err(failure(&error, Failure::Connect)),
            Err(_elapsed) => Err(Failure::ConnectTimeout(limit)),
        }
    }

    async fn push(&self, connection: &Connection, batch: &[Payload]) -> Result<(), Failure> {
        let limit = self.options.command_timeout;
        let values: Vec<Value> = batch.iter().map(|payload| Value::from(payload.json())).collect();
        let most = i64::try_from(self.options.max_list_len).unwrap_or(i64::MAX);
        match timeout(limit, connection.push(&self.options.queue_key, values, most)).await {
            Ok(Ok(length)) => {
                if let Some(metrics) = &self.metrics {
                    metrics.pushed(length, most.unsigned_abs());
                }
                Ok(())
            }
            Ok(Err(error)) if *error.kind() == ErrorKind::Timeout => Err(Failure::CommandTimeout(limit)),
            Ok(Err(error)) => Err(failure(&error, Failure::Lost)),
            Err(_elapsed) => Err(Failure::CommandTimeout(limit)),
        }
    }
}

impl Sink for RedisSink {
    async fn deliver(&mut self, batch: &[Payload]) -> Result<(), SinkError> {
        if batch.is_empty() {
            // Redis takes an LPUSH without values for a mistake.
            return Ok(());
        }
        // While it is used the connection belongs to this future: when the publisher drops it, the
        // connection goes too, and with it an answer that would come too late.
        let connection = match self.connection.take().filter(Connection::is_open) {
            Some(connection) => connection,
            None => self.connect().await.map_err(|failure| failure.explain(&self.options))?,
        };
        self.push(&connection, batch).await.map_err(|failure| failure.explain(&self.options))?;
        self.connection = Some(connection);
        Ok(())
    }

    async fn close(&mut self) {
        // Every push has been answered, so there is nothing to say goodbye for.
        self.connection = None;
    }
}

impl fmt::Debug for RedisSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSink")
            .field("options", &self.options)
            .field("connected", &self.connection.as_ref().is_some_and(Connection::is_open))
            .finish()
    }
}

/// One connection and the task that drives it; both end when it is dropped.
struct Connection {
    client: Client,
    task: Option<ConnectHandle>,
}

impl Connection {
    async fn open(client: Client, db: u32) -> Result<Self, Error> {
        let mut connection = Self { client: client.clone(), task: None };
        let task = &mut connection.task;
        tokio::select! {
            // Polled first, so that it listens before the task can report.
            biased;
            connected = client.wait_for_connect() => connected,
            ended = async { task.insert(client.connect()).await } => {
                Err(ended.map_or_else(Error::from, |result| result.err().unwrap_or_else(Error::new_canceled)))
            }
        }?;
        if db != 0 {
            // The library's own setting for this ends at database 255.
            let select = CustomCommand::new_static("SELECT", ClusterHash::FirstKey, false);
            connection.client.custom::<(), _>(select, vec![i64::from(db)]).await?;
        }
        Ok(connection)
    }

    /// Pushes at the left and, unless `most` is 0, cuts the list at the right. Gives the length that
    /// the list had between the two.
    async fn push(&self, key: &str, values: Vec<Value>, most: i64) -> Result<u64, Error> {
        if most == 0 {
            return self.client.lpush(key, values).await;
        }
        let transaction = self.client.multi();
        // These two only queue on our side.
        transaction.lpush::<(), _, _>(key, values).await?;
        transaction.ltrim::<(), _>(key, 0, most - 1).await?;
        let (length, _trimmed): (u64, Value) = transaction.exec(true).await?;
        Ok(length)
    }

    fn is_open(&self) -> bool {
        self.task.as_ref().is_some_and(|task| !task.is_finished())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// A client without a reconnect policy: the publisher decides when to try again, so the client
/// fails at once, never sends a command twice, and its task ends with the connection.
fn client(options: &RedisOptions) -> Result<Client, Failure> {
    let config = Config {
        fail_fast: true,
        server: server(options),
        #[cfg(feature = "tls")]
        tls: match &options.tls {
            Some(tls) => Some(
                fred::types::config::TlsConnector::from(
                    super::tls::client(tls).map_err(|error| Failure::Tls(error.to_string()))?,
                )
                .into(),
            ),
            None => None,
        },
        username: options.username.clone(),
        password: options.password.clone(),
        ..Config::default()
    };
    #[cfg(not(feature = "tls"))]
    options.check().map_err(|error| Failure::Tls(error.to_string()))?;
    let performance = PerformanceConfig {
        default_command_timeout: options.command_timeout,
        ..PerformanceConfig::default()
    };
    let connection = ConnectionConfig {
        connection_timeout: options.connect_timeout,
        internal_command_timeout: options.connect_timeout,
        max_command_attempts: 1,
        tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
        ..ConnectionConfig::default()
    };
    Ok(Client::new(config, Some(performance), Some(connection), None))
}

fn server(options: &RedisOptions) -> ServerConfig {
    let places = |places: &[(String, u16)]| places.iter().cloned().map(Server::from).collect();
    match &options.server {
        RedisServer::Single { host, port } => ServerConfig::new_centralized(host, *port),
        RedisServer::UnixSocket { path } => ServerConfig::new_unix_socket(path),
        RedisServer::Sentinel { sentinels, service } => ServerConfig::Sentinel {
            hosts: places(sentinels),
            service_name: service.clone(),
            username: options.sentinel_username.clone(),
            password: options.sentinel_password.clone(),
        },
        RedisServer::Cluster { nodes } => {
            ServerConfig::Clustered { hosts: places(nodes), policy: ClusterDiscoveryPolicy::ConfigEndpoint }
        }
    }
}

/// What the library's error means; `broken` says in which words a broken connection is told.
fn failure(error: &Error, broken: fn(String) -> Failure) -> Failure {
    let details = error.details();
    match error.kind() {
        // The TLS library's errors come as invalid data.
        #[cfg(feature = "tls")]
        ErrorKind::Tls => Failure::Tls(details.to_owned()),
        _ if details.contains("kind: InvalidData") => Failure::Tls(inner(details).to_owned()),
        // Whatever it is filed under, an answer of the server says best what is wrong.
        _ if is_answer(details) => Failure::Server(details.to_owned()),
        ErrorKind::Sentinel | ErrorKind::Cluster => Failure::Topology(plain(details)),
        ErrorKind::Protocol if details.to_ascii_lowercase().contains("cluster") => {
            Failure::Topology(plain(details))
        }
        ErrorKind::IO | ErrorKind::Canceled | ErrorKind::Routing | ErrorKind::Backpressure => {
            broken(plain(details))
        }
        ErrorKind::Protocol | ErrorKind::Parse | ErrorKind::Config | ErrorKind::Url => {
            Failure::Protocol(details.to_owned())
        }
        _ => Failure::Server(details.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sorted_by_what_they_say() {
        let sorted = |kind, details: &'static str| failure(&Error::new(kind, details), Failure::Lost);
        let tls = "Custom { kind: InvalidData, error: InvalidCertificate(UnknownIssuer) }";
        assert!(
            matches!(sorted(ErrorKind::IO, tls), Failure::Tls(reason) if reason == "InvalidCertificate(UnknownIssuer)")
        );
        let answer = "WRONGPASS invalid username-password pair or user is disabled.";
        assert!(matches!(sorted(ErrorKind::Sentinel, answer), Failure::Server(_)));
        assert!(matches!(sorted(ErrorKind::Cluster, "CLUSTERDOWN The cluster is down"), Failure::Server(_)));
        assert!(matches!(sorted(ErrorKind::Sentinel, "Invalid role."), Failure::Topology(_)));
        assert!(matches!(
            sorted(ErrorKind::Protocol, "Invalid or missing cluster state."),
            Failure::Topology(_)
        ));
        assert!(matches!(sorted(ErrorKind::Protocol, "Invalid frame."), Failure::Protocol(_)));
        assert!(matches!(sorted(ErrorKind::IO, "Os { }"), Failure::Lost(_)));
    }
}
