//! `cargo xtask tsan`: the thread tests under ThreadSanitizer.
//!
//! The standard library that comes with the toolchain is not instrumented. What is inlined from it is seen, what
//! waits inside it is not: a lock that had to wait, the end of `thread::scope`. Hence `cfg(tsan)`, under which the
//! locks of the core try instead of waiting, and hence the tests have to join their threads one by one.

use crate::process::{self, Outcome};
use crate::workspace::Workspace;
use std::ffi::OsString;

/// Which tests run under ThreadSanitizer.
const TESTS: &[&str] =
    &["--package", "aios-metrics-core", "--test", "threads", "--test", "removal", "--test", "expiry"];

/// How much each thread does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// What the tests do anyway.
    Usual,
    /// Ten times as much.
    Full,
}

/// The last flag lets instrumented crates link with the standard library, which is not.
const FLAGS: &str = "--cfg tsan -Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer";

/// Builds with nightly, into a target folder of its own, and runs.
pub(crate) fn run(workspace: &Workspace, length: Length) -> Outcome {
    let nightly = || {
        let mut command = process::command(workspace, "cargo");
        command.arg("+nightly");
        command
    };
    if !process::works(nightly().arg("--version")) {
        return Err(
            "ThreadSanitizer needs a nightly toolchain: `rustup toolchain install nightly` brings it.".into(),
        );
    }
    let mut options = OsString::from("suppressions=");
    options.push(workspace.root.join("xtask/tsan.supp"));
    process::run_tests(|| {
        let mut command = nightly();
        // The target is named so that the flags don't reach build scripts and macros.
        command.args(["test", "--target", "x86_64-unknown-linux-gnu", "--target-dir"]);
        command.arg(workspace.target.join("tsan")).args(TESTS);
        command.env("RUSTFLAGS", FLAGS).env("TSAN_OPTIONS", &options);
        if let Length::Full = length {
            command.env("AIOS_METRICS_TEST_ROUNDS", "100000");
        }
        command
    })
}
