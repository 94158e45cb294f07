//! The Rust code in `docs/`, compiled and run as doc tests.

#[doc = include_str!("../../../docs/configuration.md")]
mod configuration {}

#[doc = include_str!("../../../docs/document.md")]
mod document {}

#[doc = include_str!("../../../docs/hardware.md")]
mod hardware {}

#[doc = include_str!("../../../docs/recipes.md")]
mod recipes {}

#[doc = include_str!("../../../docs/redis.md")]
mod redis {}

#[doc = include_str!("../../../docs/troubleshooting.md")]
mod troubleshooting {}

#[doc = include_str!("../../../docs/web-config.md")]
mod web_config {}
