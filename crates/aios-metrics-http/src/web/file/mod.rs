//! Prometheus' web configuration file.

mod duration;
mod fields;
mod yaml;

use std::path::Path;

use self::fields::Fields;
use self::yaml::Node;
use super::auth::Auth;
use super::config::WebConfig;
use super::error::{Lines, WebConfigError, WebConfigProblem};
use super::headers;
use super::pem::{Files, Pem};
use super::rate::RateLimit;
use super::tls::{self, ClientAuth, ServerTls};

/// Reads a configuration. Files that it names are relative to the folder that it lies in.
pub(super) fn read(path: &Path, files: &mut Files) -> Result<(WebConfig, Lines), WebConfigError> {
    let text = files.read("", path).map_err(|error| error.within(path, &Lines::default()))?;
    parse(path, &text)
}

/// Reads a text as the file at `path`.
#[cfg(fuzzing)]
pub(crate) fn parse_config(path: &Path, text: &[u8]) -> Result<WebConfig, WebConfigError> {
    parse(path, text).map(|(config, _)| config)
}

fn parse(path: &Path, text: &[u8]) -> Result<(WebConfig, Lines), WebConfigError> {
    let syntax = |line, problem| {
        let error = WebConfigError::new("", WebConfigProblem::Syntax(problem)).on_line(line);
        error.within(path, &Lines::default())
    };
    let text = std::str::from_utf8(text).map_err(|error| {
        let before = text[..error.valid_up_to()].iter();
        syntax(1 + before.filter(|byte| **byte == b'\n').count(), "it is not in UTF-8".to_owned())
    })?;
    // What is missing at the end of a text without a last line break, the parser misses on the line behind.
    let last = 1 + text.matches(['\n', '\r']).count();
    let root = yaml::parse(text).map_err(|error| syntax(error.line.min(last), error.problem))?;
    let mut lines = Lines::default();
    root.note_lines("", &mut lines);
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let config = config(&root, folder).map_err(|error| error.within(path, &lines))?;
    Ok((config, lines))
}

const FIELDS: &[&str] =
    &["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit", "aios_metrics"];

fn config(root: &Node, folder: &Path) -> Result<WebConfig, WebConfigError> {
    let root = Fields::of(Some(root), "", FIELDS)?;
    let mut auth = extensions(root.get("aios_metrics"), folder)?;
    auth.users =
        Fields::any(root.get("basic_auth_users"), "basic_auth_users")?.texts()?.into_iter().collect();
    Ok(WebConfig {
        tls: server_tls(root.get("tls_server_config"), folder)?,
        auth,
        headers: http(root.get("http_server_config"))?,
        rate_limit: rate_limit(root.get("rate_limit"))?,
    })
}

const TLS_FIELDS: &[&str] = &[
    "cert",
    "cert_file",
    "key",
    "key_file",
    "client_auth_type",
    "client_ca",
    "client_ca_file",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
];

fn server_tls(node: Option<&Node>, folder: &Path) -> Result<Option<ServerTls>, WebConfigError> {
    let fields = Fields::of(node, "tls_server_config", TLS_FIELDS)?;
    if fields.is_empty() {
        return Ok(None);
    }
    let needed = |name: &str| {
        let missing =
            || WebConfigError::new(format!("tls_server_config.{name}_file"), WebConfigProblem::Missing);
        pem(&fields, name, folder)?.ok_or_else(missing)
    };
    let mut tls = ServerTls::new(needed("cert")?, needed("key")?);
    tls.client_ca = pem(&fields, "client_ca", folder)?;
    if let Some((field, name)) = fields.text("client_auth_type")? {
        // Nothing in quotes is nothing.
        tls.client_auth =
            if name.is_empty() { ClientAuth::NoClientCert } else { tls::parse_client_auth(&field, &name)? };
    }
    tls.client_allowed_sans = fields.list("client_allowed_sans")?;
    if let Some((field, name)) = fields.text("min_version")? {
        tls.min_version = tls::parse_version(&field, &name)?;
    }
    if let Some((field, name)) = fields.text("max_version")? {
        tls.max_version = tls::parse_version(&field, &name)?;
    }
    tls.cipher_suites = fields.list("cipher_suites")?.unwrap_or_default();
    tls.curve_preferences = fields.list("curve_preferences")?.unwrap_or_default();
    if let Some(prefer) = fields.boolean("prefer_server_cipher_suites")? {
        tls.prefer_server_cipher_suites = prefer;
    }
    Ok(Some(tls))
}

/// A text that stands in the field `name`, or in the file that `name_file` names.
fn pem(fields: &Fields<'_>, name: &str, folder: &Path) -> Result<Option<Pem>, WebConfigError> {
    let not_empty = |text: &(String, String)| !text.1.is_empty();
    let text = fields.text(name)?.filter(not_empty);
    let file = fields.text(&format!("{name}_file"))?.filter(not_empty);
    match (text, file) {
        (Some((field, _)), Some(_)) => {
            Err(WebConfigError::hidden(field, format!("either this or {name}_file, not both")))
        }
        (Some((_, text)), None) => Ok(Some(Pem::Text(text))),
        (None, Some((_, file))) => Ok(Some(Pem::File(folder.join(file)))),
        (None, None) => Ok(None),
    }
}

fn http(node: Option<&Node>) -> Result<Vec<(String, String)>, WebConfigError> {
    let fields = Fields::of(node, "http_server_config", &["http2", "headers"])?;
    if fields.boolean("http2")? == Some(true) {
        let problem =
            "HTTP/2 is not supported, remove the field or set it to false: clients agree on HTTP/1.1";
        let problem = WebConfigProblem::Unsupported(problem.to_owned());
        return Err(WebConfigError::new("http_server_config.http2", problem));
    }
    Fields::of(fields.get("headers"), "http_server_config.headers", headers::NAMES)?.texts()
}

fn rate_limit(node: Option<&Node>) -> Result<Option<RateLimit>, WebConfigError> {
    let fields = Fields::of(node, "rate_limit", &["interval", "burst"])?;
    let burst = match fields.text("burst")? {
        None => 0,
        Some((field, text)) => text.parse().map_err(|_| {
            WebConfigError::value(field, &text, format!("a whole number from 0 to {}", u32::MAX))
        })?,
    };
    let Some((field, text)) = fields.text("interval")? else {
        if burst > 0 {
            return Err(WebConfigError::new("rate_limit.interval", WebConfigProblem::Missing));
        }
        return Ok(None);
    };
    let interval = duration::parse(&text).ok_or_else(|| {
        WebConfigError::value(field, &text, "a time with its unit such as 1s, 500ms or 1m30s")
    })?;
    Ok((!interval.is_zero()).then_some(RateLimit::new(interval, burst)))
}

/// What Prometheus' form does not have.
fn extensions(node: Option<&Node>, folder: &Path) -> Result<Auth, WebConfigError> {
    let fields = Fields::of(node, "aios_metrics", &["bearer_token_files", "open_probes"])?;
    let tokens = fields.list("bearer_token_files")?.unwrap_or_default();
    let mut auth = Auth::default().with_open_probes(fields.boolean("open_probes")?.unwrap_or_default());
    auth.bearer_token_files = tokens.iter().map(|file| folder.join(file)).collect();
    Ok(auth)
}

#[cfg(test)]
mod tests;
