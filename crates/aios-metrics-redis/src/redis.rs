//! The sink that pushes into a Redis list: where Redis is and how to get there, what goes wrong,
//! and the use of the client library, each in a file of its own.

mod failure;
mod list;
mod options;
mod server;
mod sink;
mod tls;
mod url;
mod words;

pub use options::RedisOptions;
pub use server::RedisServer;
pub use sink::RedisSink;
pub use tls::{RedisTls, RedisTlsError};
pub use url::RedisUrlError;
