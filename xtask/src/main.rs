//! The workspace's own tool, run as `cargo xtask COMMAND`.
//!
//! One file a command. A command either does all that its line in [`USAGE`] says or fails with a sentence
//! that tells why and what to do; none of them skips a step that can't run. Only `targets` says what it
//! left out and goes on: nobody has the standard library of every system.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod ci;
mod deep;
mod fuzz;
mod layers;
mod loom;
mod process;
mod setup;
mod soak;
mod targets;
mod test;
mod tidy;
mod tsan;
mod workspace;

use process::Outcome;
use std::process::ExitCode;
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup            gets what the tests need: redis-server, promtool, prometheus_client for Python
  test             setup, then all tests, doc tests and examples
  ci               everything that is checked before a merge, each step named and timed
  deep             ci, then the slow checks: loom with more preemptions, a longer tsan, cargo-deny, fuzz, soak
  layers           who may depend on whom, and that every feature builds alone
  targets          the probes for other systems, of which the standard library is installed
  tidy             module docs, SAFETY comments, links, feature names, leftovers
  loom [--full]    model-checks the lock-free pieces; --full explores more preemptions
  tsan [--full]    the thread tests under ThreadSanitizer (needs a nightly toolchain); --full: ten times as long
  fuzz [--quick]   libFuzzer on everything that is parsed (needs cargo-fuzz and nightly); about an hour
  soak             ten minutes of mixed work: exact totals, flat memory
  bench [--http] [--quick]
                   measures us and the rivals and writes docs/performance.md; --http: scrapes over HTTP

Exit codes: 0 all is well, 1 something failed, 2 the command line makes no sense.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let command: fn(&Workspace) -> Outcome = match words[..] {
        ["setup"] => |workspace| setup::run(workspace).map(drop),
        ["test"] => test::run,
        ["ci"] => ci::run,
        ["deep"] => deep::run,
        ["layers"] => layers::run,
        ["targets"] => targets::run,
        ["tidy"] => tidy::run,
        ["loom"] => |workspace| loom::run(workspace, loom::Depth::Usual),
        ["loom", "--full"] => |workspace| loom::run(workspace, loom::Depth::Full),
        ["tsan"] => |workspace| tsan::run(workspace, tsan::Length::Usual),
        ["tsan", "--full"] => |workspace| tsan::run(workspace, tsan::Length::Full),
        ["fuzz"] => |workspace| fuzz::run(workspace, fuzz::Length::Full),
        ["fuzz", "--quick"] => |workspace| fuzz::run(workspace, fuzz::Length::Quick),
        ["soak"] => soak::run,
        ["bench"] => |workspace| bench::run(workspace, bench::Length::Full),
        ["bench", "--quick"] => |workspace| bench::run(workspace, bench::Length::Quick),
        ["bench", "--http"] => |workspace| bench::http(workspace, bench::Length::Full),
        ["bench", "--http", "--quick"] => |workspace| bench::http(workspace, bench::Length::Quick),
        ["help" | "-h" | "--help"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        [] => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
        _ => {
            eprintln!("`cargo xtask {}` is not a command.\n\n{USAGE}", words.join(" "));
            return ExitCode::from(2);
        }
    };
    match Workspace::load().and_then(|workspace| command(&workspace)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}
