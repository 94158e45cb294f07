//! Figures that need a process of their own.
//!
//! The allocator keeps what an earlier table has given back, and our cells are kept for reuse by any thread that comes
//! later. So the memory is measured, and threads are counted, in a process in which nothing has happened before.

use crate::{memory, scaling};
use std::process::{Command, Stdio};

/// The first argument of such a process; the name of the figure and its parameter follow.
pub const FLAG: &str = "--alone";

/// What such a process does: its figures in one line.
///
/// # Errors
///
/// When there is no such figure.
pub fn figures(name: &str, parameter: &str) -> Result<Vec<f64>, String> {
    let unknown = || format!("there is no figure {name} of {parameter}");
    match name {
        memory::AT_100_000 => memory::at_100_000(parameter).ok_or_else(unknown),
        memory::WORST => memory::worst(parameter).ok_or_else(unknown),
        scaling::THREADS => scaling::after_threads(parameter).ok_or_else(unknown),
        _ => Err(unknown()),
    }
}

/// Runs this program again for the figures.
///
/// # Errors
///
/// When it can't be started, fails or prints something else.
pub fn ask(name: &str, parameter: &str) -> Result<Vec<f64>, String> {
    let program = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
    let mut command = Command::new(program);
    command.args([FLAG, name, parameter]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output =
        command.output().map_err(|error| format!("{name} of {parameter} can't be measured: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    match figures {
        Ok(figures) if output.status.success() => Ok(figures),
        _ => Err(format!("{name} of {parameter} can't be measured: {}, printed {text:?}", output.status)),
    }
}
