//! An authority of the test's own and what it signs, made by `openssl`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use super::server::temporary_directory;

/// An authority; its files go with it.
#[derive(Debug)]
pub(crate) struct Authority {
    directory: PathBuf,
}

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let directory = temporary_directory();
        let own = Identity::within(&directory, "ca");
        openssl(&own, &["-subj", "/CN=Authority", "-addext", "keyUsage=critical,keyCertSign"]);
        Self { directory }
    }

    /// The file that those need who trust it.
    pub(crate) fn certificate(&self) -> PathBuf {
        Identity::within(&self.directory, "ca").certificate
    }

    /// A certificate for `host`, such as `DNS:localhost` or `IP:127.0.0.1`.
    pub(crate) fn issue(&self, name: &str, host: &str) -> Identity {
        let ca = Identity::within(&self.directory, "ca");
        let issued = Identity::within(&self.directory, name);
        let (certificate, key) = (text(&ca.certificate), text(&ca.key));
        let host = format!("subjectAltName={host}");
        let subject = format!("/CN={name}");
        let no_authority = "basicConstraints=critical,CA:FALSE";
        let arguments =
            ["-CA", certificate, "-CAkey", key, "-subj", &subject, "-addext", &host, "-addext", no_authority];
        openssl(&issued, &arguments);
        issued
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Identity {
    fn within(directory: &Path, name: &str) -> Self {
        Self {
            certificate: directory.join(format!("{name}.crt")),
            key: directory.join(format!("{name}.key")),
        }
    }
}

fn openssl(identity: &Identity, arguments: &[&str]) {
    let output = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-keyout", text(&identity.key), "-out", text(&identity.certificate)])
        .args(arguments)
        .output();
    match output {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("openssl 3 makes no certificate: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            panic!("this test needs openssl 3: install it, on Debian with `apt-get install openssl`")
        }
        Err(error) => panic!("openssl can't be started: {error}"),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the temporary directory has a name in UTF-8")
}
