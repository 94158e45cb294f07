//! Where the documents go: to Redis when one answers, else into a file.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use aios_metrics::{AiosMetrics, JsonLinesSink, MetricsConfig};

/// How long a Redis may take to show that it is there.
const PATIENCE: Duration = Duration::from_millis(500);

pub(crate) enum Publication {
    Redis,
    /// The file, and why it isn't Redis.
    File(PathBuf, String),
}

impl Publication {
    /// Looks whether Redis answers, and disables it in `config` if not.
    pub(crate) fn choose(config: &mut MetricsConfig) -> Result<Self, Box<dyn Error>> {
        let reason = if !config.redis_enabled {
            "Redis is disabled".to_owned()
        } else if config.redis_url.is_some() || redis_answers(config) {
            return Ok(Self::Redis);
        } else {
            format!("no Redis answers at {}:{}", config.redis_host, config.redis_port)
        };
        config.redis_enabled = false;
        // Beside the program, where a build may write.
        Ok(Self::File(std::env::current_exe()?.with_extension("jsonl"), reason))
    }

    /// Starts what `start_http_server` has not started, and says where documents go.
    pub(crate) fn start(&self, metrics: &AiosMetrics) -> Result<String, Box<dyn Error>> {
        match self {
            Self::Redis => {
                let MetricsConfig { redis_host, redis_port, redis_queue_key, .. } = metrics.config();
                Ok(format!("Documents go to Redis at {redis_host}:{redis_port}, list {redis_queue_key}."))
            }
            Self::File(path, reason) => {
                File::create(path)?;
                metrics.start_publisher_to(JsonLinesSink::open(path)?)?;
                Ok(format!("Documents go into {} ({reason}).", shorten(path).display()))
            }
        }
    }
}

/// Whether a Redis answers, be it only that it wants a password.
fn redis_answers(config: &MetricsConfig) -> bool {
    let ping = || -> io::Result<bool> {
        let mut addresses = (config.redis_host.as_str(), config.redis_port).to_socket_addrs()?;
        let answer = addresses.find_map(|address| TcpStream::connect_timeout(&address, PATIENCE).ok());
        let Some(mut stream) = answer else { return Ok(false) };
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"PING\r\n")?;
        let mut first = [0];
        stream.read_exact(&mut first)?;
        Ok(matches!(first, [b'+' | b'-']))
    };
    ping().unwrap_or(false)
}

/// The path from here, if it lies below.
fn shorten(path: &std::path::Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).to_owned()
}
