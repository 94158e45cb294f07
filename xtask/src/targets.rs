//! `cargo xtask targets`: the probes of other systems, checked by the compiler.

use crate::process::{self, Outcome, cargo};
use crate::workspace::Workspace;
use std::path::Path;

/// Systems that are not Linux, and the features that they are checked with.
const TARGETS: &[(&str, &str)] =
    &[("x86_64-pc-windows-gnu", "--all-features"), ("aarch64-apple-darwin", "--no-default-features")];

/// Checks `aios-metrics-hw` for each target whose standard library is installed, and says which is not.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let sysroot = process::output(process::command(workspace, "rustc").args(["--print", "sysroot"]))?;
    for (target, features) in TARGETS {
        if Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("lib").is_dir() {
            let arguments = format!("clippy --package aios-metrics-hw {features} --target {target}");
            process::run(cargo(workspace, &arguments).args(["--", "-D", "warnings"]))?;
        } else {
            println!(
                "not run: the probes for {target}, as its standard library is not installed: \
                 `rustup target add {target}` brings it"
            );
        }
    }
    Ok(())
}
