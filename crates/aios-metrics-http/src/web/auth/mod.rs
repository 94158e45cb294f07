//! Who may read the pages.

mod credentials;
mod gate;
mod keys;
mod known;
mod passwords;

pub(super) use gate::{Gate, Verdict};
pub(super) use keys::Keys;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Users with their passwords' hashes, and tokens. Whoever has one of them gets everything.
///
/// Without any, everybody does. `Debug` shows the names of users and files only.
///
/// # Examples
///
/// ```
/// use aios_metrics_http::Auth;
///
/// let auth = Auth::default()
///     .with_user("prometheus", "$2y$10$pG0I7da8kabZVC2foqAI1e7aiAu2VQ8KyCUe9U6F5JZLCS8sIzP5G")
///     .with_bearer_token_file("/run/secrets/scrape-token")
///     .with_open_probes(true);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Auth {
    pub(super) users: BTreeMap<String, String>,
    pub(super) bearer_tokens: Vec<String>,
    pub(super) bearer_token_files: Vec<PathBuf>,
    pub(super) open_probes: bool,
}

impl Auth {
    /// Lets a user in by HTTP basic authentication. `hash` is the password's, by bcrypt, with a cost of
    /// 4 to 16, such as `htpasswd -nBC 10 ""` makes it.
    ///
    /// What is right is remembered, so that each password costs its hash once. All others wait in one
    /// short queue for one thread; who finds it full is answered with 429.
    pub fn with_user(mut self, name: impl Into<String>, hash: impl Into<String>) -> Self {
        self.users.insert(name.into(), hash.into());
        self
    }

    /// Lets in whoever has this token: visible ASCII characters, best 32 random bytes in hexadecimal.
    /// It may be called again for further tokens.
    pub fn with_bearer_token(mut self, token: impl Into<String>) -> Self {
        self.bearer_tokens.push(token.into());
        self
    }

    /// The same with a file that holds nothing but the token, and perhaps a line's end. It is read
    /// again when it has changed.
    pub fn with_bearer_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.bearer_token_files.push(path.into());
        self
    }

    /// Whether `/healthz` and `/readyz` are open to everybody, as a kubelet needs them; the default is
    /// false. The rate limit does not hold for them then.
    pub fn with_open_probes(mut self, open: bool) -> Self {
        self.open_probes = open;
        self
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("users", &self.users.keys().collect::<Vec<_>>())
            .field("bearer_tokens", &self.bearer_tokens.len())
            .field("bearer_token_files", &self.bearer_token_files)
            .field("open_probes", &self.open_probes)
            .finish()
    }
}
