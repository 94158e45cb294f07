//! `cargo xtask setup`: what the tests need beside Rust, fetched only when it is missing.

use crate::process::{self, Outcome};
use crate::workspace::Workspace;
use std::path::PathBuf;

/// Binaries that the tests start, each with the Debian package that brings it.
const BINARIES: [(&str, &str); 4] = [
    ("redis-server", "redis-server"),
    ("openssl", "openssl"),
    ("promtool", "prometheus"),
    ("prometheus", "prometheus"),
];

/// The independent parser that our pages go through, and the independent reader of hardware.
const PYTHON_PACKAGES: [&str; 2] = ["prometheus-client>=0.20,<1", "psutil>=5.9,<8"];

/// Installs Debian packages as root and starts none of their services.
const INSTALL: &str = include_str!("setup/install.sh");

/// What [`run`] leaves behind for the tests.
#[derive(Debug)]
pub(crate) struct Tools {
    /// A Python that can import `prometheus_client` and `psutil`; tests find it as
    /// `AIOS_METRICS_PYTHON`.
    pub(crate) python: PathBuf,
}

/// Gets what is missing and says where it is.
pub(crate) fn run(workspace: &Workspace) -> Outcome<Tools> {
    install_binaries(workspace)?;
    let python = install_python_packages(workspace)?;
    println!("setup: redis-server, openssl, promtool, prometheus and {} are there", python.display());
    Ok(Tools { python })
}

fn install_binaries(workspace: &Workspace) -> Outcome {
    let mut missing: Vec<&str> =
        BINARIES.iter().filter(|(binary, _)| !on_path(binary)).map(|&(_, package)| package).collect();
    missing.dedup();
    if !missing.is_empty() {
        install_packages(workspace, &missing)?;
    }
    match BINARIES.iter().find(|(binary, _)| !on_path(binary)) {
        None => Ok(()),
        Some((binary, package)) => Err(format!(
            "`{binary}` is not on the PATH although the Debian package `{package}` was installed."
        )),
    }
}

fn install_packages(workspace: &Workspace, packages: &[&str]) -> Outcome {
    let names = packages.join(" ");
    if !on_path("apt-get") {
        return Err(format!(
            "the tests need the programs of the Debian packages `{names}`, and there is no apt-get here to \
             install them; put redis-server, prometheus and promtool on the PATH by other means."
        ));
    }
    println!("setup: installing {names} with apt-get");
    let root = process::output(process::command(workspace, "id").arg("-u"))?.trim() == "0";
    let mut command = process::command(workspace, if root { "sh" } else { "sudo" });
    if !root {
        if !on_path("sudo") {
            return Err(format!("installing `{names}` needs root, and there is no sudo here."));
        }
        command.arg("sh");
    }
    // `sh -c SCRIPT NAME ARGS...`: the packages are the script's arguments.
    let status = command.args(["-c", INSTALL, "install"]).args(packages).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("apt-get could not install `{names}` ({status}).")),
        Err(error) => Err(format!("the installation of `{names}` could not be started: {error}.")),
    }
}

fn install_python_packages(workspace: &Workspace) -> Outcome<PathBuf> {
    let home = workspace.target.join("venv");
    let python = home.join("bin/python");
    let ready = || {
        let import = "import prometheus_client.parser, prometheus_client.openmetrics.parser, psutil";
        process::works(process::command(workspace, &python).args(["-c", import]))
    };
    if ready() {
        return Ok(python);
    }
    if !on_path("python3") {
        install_packages(workspace, &["python3", "python3-venv"])?;
    }
    println!("setup: making a virtual environment with {} in {}", PYTHON_PACKAGES.join(", "), home.display());
    let make =
        || process::run(process::command(workspace, "python3").args(["-m", "venv", "--clear"]).arg(&home));
    if make().is_err() {
        // Debian ships `python3` without the part that can make environments.
        install_packages(workspace, &["python3-venv"])?;
        make()?;
    }
    let pip = ["-m", "pip", "install", "--quiet"];
    process::run(process::command(workspace, &python).args(pip).args(PYTHON_PACKAGES))?;
    if ready() {
        Ok(python)
    } else {
        Err(format!(
            "{} can't import prometheus_client or psutil although pip installed them.",
            python.display()
        ))
    }
}

fn on_path(binary: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(binary).is_file())
}
