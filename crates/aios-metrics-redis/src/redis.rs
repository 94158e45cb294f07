//! The sink that pushes into a Redis list: its options here, its errors and its use of the client
//! library in files of their own.

mod failure;
mod list;
mod sink;

pub use sink::RedisSink;

use std::fmt;
use std::time::Duration;

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
    /// The host's name or address; `localhost`.
    pub host: String,
    /// The port; 6379.
    pub port: u16,
    /// The number of the database; 0.
    pub db: u32,
    /// The name of an ACL user; none, which is the user `default`. Used only with a password.
    pub username: Option<String>,
    /// The password; none.
    pub password: Option<String>,
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
            host: "localhost".to_owned(),
            port: 6379,
            db: 0,
            username: None,
            password: None,
            queue_key: "NODE_METRICS".to_owned(),
            max_list_len: 0,
            connect_timeout: Duration::from_secs(5),
            command_timeout: Duration::from_secs(3),
        }
    }
}

impl RedisOptions {
    /// Sets [`host`](Self::host).
    #[must_use]
    pub fn with_host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// Sets [`port`](Self::port).
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
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

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            db,
            username,
            password,
            queue_key,
            max_list_len,
            connect_timeout,
            command_timeout,
        } = self;
        f.debug_struct("RedisOptions")
            .field("host", host)
            .field("port", port)
            .field("db", db)
            .field("username", username)
            .field("password", &password.as_ref().map(|_| "***"))
            .field("queue_key", queue_key)
            .field("max_list_len", max_list_len)
            .field("connect_timeout", connect_timeout)
            .field("command_timeout", command_timeout)
            .finish()
    }
}
