//! What went wrong with Redis, in words for an operator, and whether it may pass by itself.

use std::time::Duration;

use aios_metrics_core::SinkError;

use super::{RedisOptions, RedisServer};

/// A failure as the client library tells it.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// No connection could be made; the reason.
    Connect(String),
    /// The connection broke; the reason.
    Lost(String),
    /// No connection within this time.
    ConnectTimeout(Duration),
    /// No answer to a command within this time.
    CommandTimeout(Duration),
    /// The Sentinels or the nodes of a cluster lead to no server that takes documents; the reason.
    Topology(String),
    /// TLS could not be agreed on; the reason.
    Tls(String),
    /// What answers there does not speak Redis's protocol.
    Protocol(String),
    /// Redis answered with an error.
    Server(String),
}

impl Failure {
    /// The failure for the publisher: its kind, a message without secrets, transient or not.
    pub(super) fn explain(self, options: &RedisOptions) -> SinkError {
        let redis = format!("Redis at {}", options.server);
        let check = options.server.what_to_check();
        match self {
            Self::Connect(reason) => SinkError::transient(
                "connection",
                format!(
                    "can't connect to {redis} ({}): check that it runs, and {check}",
                    safe(&reason, options)
                ),
            ),
            Self::Lost(reason) => SinkError::transient(
                "connection",
                format!(
                    "the connection to {redis} broke ({}): check whether it was restarted",
                    safe(&reason, options)
                ),
            ),
            Self::ConnectTimeout(limit) => SinkError::transient(
                "timeout",
                format!(
                    "no connection to {redis} within {} s: check {check}, the network, and whether it hangs",
                    limit.as_secs_f64()
                ),
            ),
            Self::CommandTimeout(limit) => SinkError::transient(
                "timeout",
                format!(
                    "{redis} did not answer within {} s: check whether it hangs or is overloaded",
                    limit.as_secs_f64()
                ),
            ),
            Self::Topology(reason) => SinkError::transient(
                if matches!(options.server, RedisServer::Cluster { .. }) {
                    "cluster_down"
                } else {
                    "sentinel"
                },
                format!(
                    "can't find the server for the list in {redis} ({}): check {check}",
                    safe(&reason, options)
                ),
            ),
            Self::Tls(reason) => SinkError::permanent(
                "tls",
                format!(
                    "can't speak TLS with {redis} ({}): check that it speaks TLS there, who signed its \
                     certificate and for which host, and whether it asks for one of ours",
                    safe(&reason, options)
                ),
            ),
            Self::Protocol(reason) => SinkError::permanent(
                "protocol",
                format!(
                    "what answers as {redis} does not speak Redis's protocol ({}): check the port, and whether it expects TLS",
                    safe(&reason, options)
                ),
            ),
            Self::Server(answer) => server_error(&redis, &answer, options),
        }
    }
}

/// Sorts Redis's error answers. They begin with a code word; `ERR` is followed by prose.
fn server_error(redis: &str, answer: &str, options: &RedisOptions) -> SinkError {
    let code = answer.split_whitespace().next().unwrap_or_default();
    let lower = answer.to_ascii_lowercase();
    let key = &options.queue_key;
    let (transient, kind, advice) = match code {
        "WRONGPASS" | "NOAUTH" => (false, "auth", "check the username and the password".to_owned()),
        "ERR" if says_credentials(&lower) => {
            (false, "auth", "check the username and the password".to_owned())
        }
        "NOPERM" => {
            let commands = if options.max_list_len == 0 { "LPUSH" } else { "MULTI, LPUSH, LTRIM and EXEC" };
            (false, "permission", format!("allow the user {commands} with the key {key:?}"))
        }
        "DENIED" => (
            false,
            "permission",
            "it is in protected mode: give it a password, or turn that mode off".to_owned(),
        ),
        "WRONGTYPE" => (
            false,
            "wrong_type",
            format!("the key {key:?} holds something that is no list: choose another key, or delete it"),
        ),
        "MOVED" | "ASK" => (
            false,
            "moved",
            format!(
                "the key {key:?} lives on another node of a cluster: give a URL that begins with redis-cluster://"
            ),
        ),
        "ERR" if lower.contains("unknown command") => {
            (false, "unknown_command", "check that it is Redis, and that LPUSH is not disabled".to_owned())
        }
        "ERR" if lower.contains("db index") || lower.contains("select is not allowed") => {
            (false, "database", format!("check the number of the database, now {}", options.db))
        }
        "ERR" if lower.contains("cluster support disabled") => {
            (false, "not_a_cluster", "it is a single server: give a URL that begins with redis://".to_owned())
        }
        "ERR" if lower.contains("max number of clients") => {
            (true, "max_clients", "raise its `maxclients`, or connect fewer clients".to_owned())
        }
        "LOADING" => {
            (true, "loading", "it is reading its data from disk: wait until that is done".to_owned())
        }
        "READONLY" => (true, "readonly", "it is a replica: connect to the primary".to_owned()),
        "OOM" => {
            (true, "oom", format!("raise its `maxmemory`, or check that somebody reads the list {key:?}"))
        }
        "MISCONF" => {
            (true, "misconf", "it can't save to disk and refuses writes: check its disk and log".to_owned())
        }
        "CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN" => {
            (true, "cluster_down", "check the state of the cluster".to_owned())
        }
        "NOREPLICAS" => (true, "no_replicas", "too few of its replicas are connected".to_owned()),
        "BUSY" => (true, "busy", "a script keeps it busy".to_owned()),
        _ => (true, "other", "see its log".to_owned()),
    };
    let message = format!("{redis} answers {:?}: {advice}", safe(answer, options));
    if transient { SinkError::transient(kind, message) } else { SinkError::permanent(kind, message) }
}

/// Older servers refuse credentials with plain `ERR`.
fn says_credentials(lower: &str) -> bool {
    ["called without any password", "no password is set", "invalid password"]
        .iter()
        .any(|phrase| lower.contains(phrase))
}

/// The text without what may hold secrets: an unknown command's arguments, and the password.
fn safe(text: &str, options: &RedisOptions) -> String {
    // A server that doesn't know AUTH repeats its arguments.
    let text = text.split(", with args").next().unwrap_or_default();
    let secrets = [&options.password, &options.sentinel_password].into_iter().flatten();
    secrets
        .filter(|secret| !secret.is_empty())
        .fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_sorted_by_what_helps() {
        let table = [
            ("WRONGPASS invalid username-password pair or user is disabled.", "auth", false),
            ("NOAUTH Authentication required.", "auth", false),
            ("ERR Client sent AUTH, but no password is set", "auth", false),
            (
                "ERR AUTH <password> called without any password configured for the default user.",
                "auth",
                false,
            ),
            ("ERR invalid password", "auth", false),
            ("NOPERM User x has no permissions to run the 'lpush' command", "permission", false),
            ("DENIED Redis is running in protected mode", "permission", false),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", "wrong_type", false),
            (
                "ERR unknown command 'LPUSH', with args beginning with: 'NODE_METRICS'",
                "unknown_command",
                false,
            ),
            ("ERR DB index is out of range", "database", false),
            ("MOVED 3999 127.0.0.1:6381", "moved", false),
            ("ERR This instance has cluster support disabled", "not_a_cluster", false),
            ("LOADING Redis is loading the dataset in memory", "loading", true),
            ("READONLY You can't write against a read only replica.", "readonly", true),
            ("OOM command not allowed when used memory > 'maxmemory'.", "oom", true),
            ("MISCONF Redis is configured to save RDB snapshots", "misconf", true),
            ("CLUSTERDOWN Hash slot not served", "cluster_down", true),
            ("MASTERDOWN Link with MASTER is down", "cluster_down", true),
            ("NOREPLICAS Not enough good replicas to write.", "no_replicas", true),
            ("BUSY Redis is busy running a script.", "busy", true),
            ("ERR max number of clients reached", "max_clients", true),
            ("ERR something new", "other", true),
            ("", "other", true),
        ];
        let options = RedisOptions::default();
        for (answer, kind, transient) in table {
            let error = Failure::Server(answer.to_owned()).explain(&options);
            assert_eq!((error.kind(), error.is_transient()), (kind, transient), "{answer}");
            assert!(error.to_string().contains("localhost:6379"), "{error}");
        }
    }

    #[test]
    fn no_message_holds_the_password() {
        let options = RedisOptions::default()
            .with_password("hunter2")
            .with_sentinel_credentials(None, Some("hunter3".to_owned()));
        let leaks = [
            Failure::Server("ERR unknown command 'AUTH', with args beginning with: 'hunter2' ".to_owned()),
            Failure::Server("ERR what about hunter2".to_owned()),
            Failure::Connect("no route to hunter2".to_owned()),
            Failure::Lost("hunter2".to_owned()),
            Failure::Protocol("hunter2".to_owned()),
            Failure::Tls("hunter2".to_owned()),
            Failure::Topology("hunter3".to_owned()),
        ];
        for failure in leaks {
            let message = failure.explain(&options).to_string();
            assert!(!message.contains("hunter"), "{message}");
        }
    }
}
