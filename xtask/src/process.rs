//! Running other programs: cargo of the right toolchain, with an environment that is not ours.

use crate::workspace::Workspace;
use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// What a step gives back; the error is a sentence for the person at the terminal.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// `program`, to be run in the workspace's root.
///
/// `cargo run` leaves variables of this package in the environment (`CARGO_PKG_NAME` and the like). Build
/// scripts that watch them would run again under `cargo xtask` and once more under plain `cargo`.
pub(crate) fn command(workspace: &Workspace, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(&workspace.root);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text == "CARGO" || text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// `cargo` with `arguments` written as one line, in the toolchain that runs this program.
pub(crate) fn cargo(workspace: &Workspace, arguments: &str) -> Command {
    let mut command = command(workspace, "cargo");
    command.args(arguments.split_whitespace());
    command
}

/// Prints the command line, runs it, and fails when it does.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let line = line(command);
    println!("$ {line}");
    let status = command.status().map_err(|error| cannot_start(&line, &error))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed with {status}.")) }
}

/// Runs the command and gives what it wrote to its standard output; its standard error is passed on.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let line = line(command);
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| cannot_start(&line, &error))?;
    if !output.status.success() {
        return Err(format!("`{line}` failed with {}.", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{line}` printed something that is not UTF-8."))
}

/// Whether the command can be started and ends well; it prints nothing.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a test command, and fails when it would run no test at all: a filter that fits nothing, or a file
/// whose tests are all behind a `cfg`, would otherwise pass for ever.
pub(crate) fn run_tests(make: impl Fn() -> Command) -> Outcome {
    let mut listing = make();
    listing.args(["--", "--list", "--format=terse"]);
    println!("$ {}", line(&listing));
    let names = output(&mut listing)?;
    let count = names.lines().filter(|name| name.ends_with(": test")).count();
    if count == 0 {
        return Err(format!("`{}` has no test to run.", line(&make())));
    }
    println!("{count} {}", if count == 1 { "test" } else { "tests" });
    run(&mut make())
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn cannot_start(line: &str, error: &std::io::Error) -> String {
    format!("`{line}` could not be started: {error}.")
}
