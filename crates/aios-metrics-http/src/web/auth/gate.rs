//! Lets in who can say who it is.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use ring::{hmac, rand};

use super::credentials::Credentials;
use super::keys::Keys;
use super::known::{Known, mark};
use super::passwords::{Busy, Passwords};
use crate::web::stats::WebStats;

/// bcrypt looks at no more of a password.
const PASSWORD_BYTES: usize = 72;

/// Checks credentials. It outlives the keys, so that who is known stays known when files change.
pub(in crate::web) struct Gate {
    /// Random, for each process anew.
    key: hmac::Key,
    known: Arc<Known>,
    passwords: Passwords,
}

/// Whether a client gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Verdict {
    Admitted,
    Unauthorized,
    /// It may be right, but too many others are being looked at.
    Busy,
}

impl Gate {
    /// `None` when the system gives no random bytes.
    pub(in crate::web) fn new() -> Option<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new()).ok()?;
        Some(Self { key, known: Arc::default(), passwords: Passwords::default() })
    }

    pub(in crate::web) fn key(&self) -> &hmac::Key {
        &self.key
    }

    /// Whether `keys` let the client in that sent these headers.
    pub(in crate::web) async fn check(
        &self,
        keys: &Keys,
        headers: &HeaderMap,
        client: Option<IpAddr>,
        stats: &WebStats,
    ) -> Verdict {
        match Credentials::of(headers) {
            Some(Credentials::Token(token)) if keys.has_token(&self.key, &token) => Verdict::Admitted,
            Some(Credentials::Password { user, password }) => {
                self.check_password(keys, &user, password, client, stats).await
            }
            _ => Verdict::Unauthorized,
        }
    }

    async fn check_password(
        &self,
        keys: &Keys,
        user: &[u8],
        mut password: Vec<u8>,
        client: Option<IpAddr>,
        stats: &WebStats,
    ) -> Verdict {
        let Some((hash, is_user)) = keys.hash_for(&self.key, user) else { return Verdict::Unauthorized };
        password.truncate(PASSWORD_BYTES);
        let mark = mark(&self.key, user, &hash, &password);
        if is_user && self.known.has(&mark) {
            return Verdict::Admitted;
        }
        let (known, stats) = (Arc::clone(&self.known), stats.clone());
        let check = move || {
            // The same may have been found right while this one waited.
            if is_user && known.has(&mark) {
                return true;
            }
            stats.password_checked();
            let fits = bcrypt::verify(&password, &hash).unwrap_or(false) && is_user;
            if fits {
                known.insert(mark);
            }
            fits
        };
        match self.passwords.check(client, check).await {
            Ok(true) => Verdict::Admitted,
            Ok(false) => Verdict::Unauthorized,
            Err(Busy) => Verdict::Busy,
        }
    }

    /// How to say who one is, for those who did not.
    pub(in crate::web) fn challenges(keys: &Keys) -> impl Iterator<Item = HeaderValue> {
        let basic = keys.has_users().then_some("Basic realm=\"metrics\", charset=\"UTF-8\"");
        let bearer = keys.has_tokens().then_some("Bearer realm=\"metrics\"");
        basic.into_iter().chain(bearer).map(HeaderValue::from_static)
    }
}
