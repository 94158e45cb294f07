//! Which Redis and which list: the options of the sink.

use std::fmt;
use std::time::Duration;

use super::RedisServer;
use super::tls::{RedisTls, RedisTlsError};
use super::url::{self, RedisUrlError};

/// Which Redis, and which list in it.
///
/// `Debug` shows whether there is a password, never the password.
///
/// # Examples
///
/// ```
/// use aios_metrics_redis::RedisOptions;
///
/// let options = RedisOptions::default().with_host("redis.cluster.local").with_password("hunter2");
/// assert!(!format!("{options:?}").contains("hunter2"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisOptions {
    /// Where Redis is; `localhost:6379`.
    pub server: RedisServer,
    /// The number of the database; 0.
    pub db: u32,
    /// The name of an ACL user; none, which is the user `default`. Used only with a password.
    pub username: Option<String>,
    /// The password; none.
    pub password: Option<String>,
    /// The name of an ACL user of the Sentinels; none.
    pub sentinel_username: Option<String>,
    /// The password of the Sentinels; none.
    pub sentinel_password: Option<String>,
    /// TLS; none, which is plain text.
    pub tls: Option<RedisTls>,
    /// The key of the list; `NODE_METRICS`.
    pub queue_key: String,
    /// The length to which the list is trimmed with each push, the oldest elements going first;
    /// 0, which never trims.
    ///
    /// Push and trim are one transaction, so no reader sees the list longer than this. It bounds the
    /// list for everybody who pushes into it: where several instances share a list, give them the
    /// same bound.
    pub max_list_len: usize,
    /// How long connecting may take, name lookup and authentication included; 5 s.
    pub connect_timeout: Duration,
    /// How long Redis may take to answer a push; 3 s.
    ///
    /// Both together should stay below the publisher's
    /// [`delivery_timeout`](crate::PublisherOptions::delivery_timeout), so that the log says which
    /// of them it was.
    pub command_timeout: Duration,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            server: RedisServer::default(),
            db: 0,
            username: None,
            password: None,
            sentinel_username: None,
            sentinel_password: None,
            tls: None,
            queue_key: "NODE_METRICS".to_owned(),
            max_list_len: 0,
            connect_timeout: Duration::from_secs(5),
            command_timeout: Duration::from_secs(3),
        }
    }
}

impl RedisOptions {
    /// Makes [`server`](Self::server) one with this name or address, and the port that it had.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<String>) -> Self {
        let port = if let RedisServer::Single { port, .. } = self.server { port } else { 6379 };
        self.server = RedisServer::Single { host: host.into(), port };
        self
    }

    /// Makes [`server`](Self::server) one with this port, and the host that it had.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        let host =
            if let RedisServer::Single { host, .. } = self.server { host } else { "localhost".to_owned() };
        self.server = RedisServer::Single { host, port };
        self
    }

    /// Sets [`server`](Self::server).
    #[must_use]
    pub fn with_server(mut self, server: RedisServer) -> Self {
        self.server = server;
        self
    }

    /// Sets what the URL says: the server, whether to speak TLS, and the user, password and
    /// database if it has them; those that it has not stay as they are.
    ///
    /// - `redis://[user[:password]@]host[:port][/db]`; `rediss://` with TLS
    /// - `redis-sentinel://[user[:password]@]host[:port][/db]?sentinelServiceName=name`, with
    ///   `&node=host:port` for each further Sentinel, and `&sentinelUsername=` and
    ///   `&sentinelPassword=` where the Sentinels ask for them; `rediss-sentinel://` with TLS
    /// - `redis-cluster://[user[:password]@]host[:port]`, with `?node=host:port` for further nodes;
    ///   `rediss-cluster://` with TLS
    /// - `redis+unix:///path/of/socket[?db=0]`; with a user or password a host must stand there
    ///   too, and means nothing: `redis+unix://user:password@localhost/path/of/socket`
    ///
    /// `valkey` may stand for `redis`, and `unix` for `redis+unix`. Ports are 6379, for Sentinels
    /// 26379, when there is none. Special characters of users, passwords and paths are
    /// percent-encoded.
    ///
    /// # Errors
    ///
    /// [`RedisUrlError`] says what was expected, and nothing of what stands in the URL.
    ///
    /// # Examples
    ///
    /// ```
    /// use aios_metrics_redis::{RedisOptions, RedisUrlError};
    ///
    /// let options = RedisOptions::default().with_url("redis://pusher:hunter2@redis:6380/2")?;
    /// assert_eq!((options.server.to_string().as_str(), options.db), ("redis:6380", 2));
    /// # Ok::<(), RedisUrlError>(())
    /// ```
    pub fn with_url(self, url: &str) -> Result<Self, RedisUrlError> {
        url::apply(self, url)
    }

    /// Sets [`db`](Self::db).
    #[must_use]
    pub fn with_db(mut self, db: u32) -> Self {
        self.db = db;
        self
    }

    /// Sets [`username`](Self::username).
    #[must_use]
    pub fn with_username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// Sets [`password`](Self::password).
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Sets [`sentinel_username`](Self::sentinel_username) and
    /// [`sentinel_password`](Self::sentinel_password).
    #[must_use]
    pub fn with_sentinel_credentials(mut self, username: Option<String>, password: Option<String>) -> Self {
        self.sentinel_username = username;
        self.sentinel_password = password;
        self
    }

    /// Sets [`tls`](Self::tls).
    #[must_use]
    pub fn with_tls(mut self, tls: RedisTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets [`queue_key`](Self::queue_key).
    #[must_use]
    pub fn with_queue_key(mut self, key: impl Into<String>) -> Self {
        self.queue_key = key.into();
        self
    }

    /// Sets [`max_list_len`](Self::max_list_len).
    #[must_use]
    pub fn with_max_list_len(mut self, elements: usize) -> Self {
        self.max_list_len = elements;
        self
    }

    /// Sets [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets [`command_timeout`](Self::command_timeout).
    #[must_use]
    pub fn with_command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = timeout;
        self
    }
}

impl RedisOptions {
    /// Checks what would fail at each delivery and can be known before: the files of
    /// [`tls`](Self::tls), and whether this build has TLS at all. Connects to nothing.
    ///
    /// # Errors
    ///
    /// [`RedisTlsError`] names the file or the feature.
    pub fn check(&self) -> Result<(), RedisTlsError> {
        match &self.tls {
            None => Ok(()),
            #[cfg(feature = "tls")]
            Some(tls) => super::tls::client(tls).map(drop),
            #[cfg(not(feature = "tls"))]
            Some(_) => Err(RedisTlsError::NotBuilt),
        }
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "***");
        f.debug_struct("RedisOptions")
            .field("server", &self.server)
            .field("db", &self.db)
            .field("username", &self.username)
            .field("password", &hidden(&self.password))
            .field("sentinel_username", &self.sentinel_username)
            .field("sentinel_password", &hidden(&self.sentinel_password))
            .field("tls", &self.tls)
            .field("queue_key", &self.queue_key)
            .field("max_list_len", &self.max_list_len)
            .field("connect_timeout", &self.connect_timeout)
            .field("command_timeout", &self.command_timeout)
            .finish()
    }
}
