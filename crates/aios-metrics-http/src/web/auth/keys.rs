//! What lets a client in, checked once.

use std::sync::Arc;

use bcrypt::HashParts;
use ring::hmac;

use super::Auth;
use crate::web::error::WebConfigError;
use crate::web::pem::Files;

/// The most that a password may cost. Each step doubles the time; 16 takes some seconds, and a scraper
/// has given up by then.
const MAX_COST: u32 = 16;

/// Users and tokens.
pub(in crate::web) struct Keys {
    /// Sorted by name.
    users: Vec<(String, Arc<str>)>,
    /// Of each token, so that the tokens themselves are not kept.
    tokens: Vec<hmac::Tag>,
}

impl Keys {
    /// Checks hashes and tokens; reads the files of tokens. `None` when nobody has to say who it is.
    pub(in crate::web) fn new(
        auth: &Auth,
        key: &hmac::Key,
        files: &mut Files,
    ) -> Result<Option<Self>, WebConfigError> {
        let users = auth.users.iter().map(|(name, hash)| user(name, hash)).collect::<Result<Vec<_>, _>>()?;
        let mut tokens = Vec::new();
        for text in &auth.bearer_tokens {
            tokens.push(hmac::sign(key, token("aios_metrics.bearer_tokens", text.as_bytes())?));
        }
        for (i, path) in auth.bearer_token_files.iter().enumerate() {
            let field = format!("aios_metrics.bearer_token_files[{i}]");
            let text = files.read(&field, path)?;
            tokens.push(hmac::sign(key, token(&field, text.trim_ascii())?));
        }
        let nobody = users.is_empty() && tokens.is_empty();
        Ok((!nobody).then_some(Self { users, tokens }))
    }

    pub(super) fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    pub(super) fn has_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Whether this is one of the tokens. Takes as long for one as for another.
    pub(super) fn has_token(&self, key: &hmac::Key, token: &[u8]) -> bool {
        // Not `any`, which ends at the first.
        self.tokens.iter().fold(false, |found, tag| found | hmac::verify(key, token, tag.as_ref()).is_ok())
    }

    /// The hash to check a user's password against, and whether there is such a user at all. One that
    /// there is not gets the hash of another, always the same, so that the time it takes tells nothing.
    pub(super) fn hash_for(&self, key: &hmac::Key, user: &[u8]) -> Option<(Arc<str>, bool)> {
        let found = self.users.binary_search_by(|(name, _)| name.as_bytes().cmp(user));
        let i = match found {
            Ok(i) => i,
            Err(_) => {
                let tag = hmac::sign(key, user);
                let number = tag.as_ref().iter().take(8).fold(0, |n: u64, byte| n << 8 | u64::from(*byte));
                usize::try_from(number.checked_rem(self.users.len() as u64)?).ok()?
            }
        };
        self.users.get(i).map(|(_, hash)| (Arc::clone(hash), found.is_ok()))
    }
}

fn user(name: &str, hash: &str) -> Result<(String, Arc<str>), WebConfigError> {
    let field = format!("basic_auth_users.{name}");
    if name.contains(':') {
        return Err(WebConfigError::hidden(field, "a name without a colon, which ends it in a request"));
    }
    // `$2x$` marks hashes of a faulty program, which other passwords fit too.
    let parts = hash.parse::<HashParts>().ok().filter(|_| !hash.starts_with("$2x$"));
    match parts {
        Some(parts) if (4..=MAX_COST).contains(&parts.get_cost()) => Ok((name.to_owned(), hash.into())),
        Some(parts) => {
            let expected =
                format!("a bcrypt hash with a cost of 4 to {MAX_COST}, this one has {}", parts.get_cost());
            Err(WebConfigError::hidden(field, expected))
        }
        None => Err(WebConfigError::hidden(
            field,
            "a bcrypt hash: 60 characters that begin with $2a$, $2b$ or $2y$, as `htpasswd -nBC 10 \"\"` makes them",
        )),
    }
}

fn token<'a>(field: &str, token: &'a [u8]) -> Result<&'a [u8], WebConfigError> {
    if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
        return Err(WebConfigError::hidden(field, "one token of visible ASCII characters without spaces"));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_exist_has_the_hash_of_somebody_and_always_the_same() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        let users = ["alice", "bob", "carol"].map(|name| (name.to_owned(), Arc::from(format!("of {name}"))));
        let keys = Keys { users: users.to_vec(), tokens: Vec::new() };
        let hash_for = |user: &str| keys.hash_for(&key, user.as_bytes()).unwrap();
        assert_eq!(hash_for("bob"), ("of bob".into(), true));
        let mut seen = [0; 3];
        for i in 0..300 {
            let stranger = format!("stranger {i}");
            let (hash, is_user) = hash_for(&stranger);
            assert_eq!(hash_for(&stranger).0, hash);
            assert!(!is_user);
            seen[keys.users.iter().position(|(_, known)| *known == hash).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
        assert!(Keys { users: Vec::new(), tokens: Vec::new() }.hash_for(&key, b"alice").is_none());
    }
}
