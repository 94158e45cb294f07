//! The results as Markdown.

use crate::contest::{Contest, Role};
use crate::rounds::Measured;
use std::fmt::Write;

/// One contest's table: times with their ratio to the best rival, and allocations.
#[must_use]
pub fn contest(contest: &Contest, rows: &[Measured]) -> String {
    let mut text = format!("{}{}\n\n|", heading(contest.title), contest.about);
    let mut rule = String::from("|---|");
    for &threads in contest.threads {
        let threads = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
        put(&mut text, format_args!(" | {threads}, {} | to best rival", contest.unit.symbol()));
        rule.push_str("--:|--:|");
    }
    put(&mut text, format_args!(" | allocations |\n{rule}--:|\n"));
    let best = (0..contest.threads.len()).map(|column| best(rows, |row| row.nanoseconds[column]));
    let best: Vec<f64> = best.collect();
    for row in rows {
        put(&mut text, format_args!("| {}", name(row.name, row.role)));
        for (nanoseconds, best) in row.nanoseconds.iter().zip(&best) {
            let time = number(nanoseconds / contest.unit.nanoseconds());
            put(&mut text, format_args!(" | {time} | {:.2}", nanoseconds / best));
        }
        put(&mut text, format_args!(" | {} |\n", number(row.allocations)));
    }
    text
}

/// Adds a row to a table.
pub(crate) fn line<const N: usize>(text: &mut String, cells: [String; N]) {
    put(text, format_args!("| {} |\n", cells.join(" | ")));
}

/// Rows that say whose they are.
pub(crate) trait Row {
    fn role(&self) -> Role;
}

impl Row for Measured {
    fn role(&self) -> Role {
        self.role
    }
}

/// The smallest figure of another library.
pub(crate) fn best<R: Row>(rows: &[R], figure: impl Fn(&R) -> f64) -> f64 {
    rows.iter().filter(|row| row.role() == Role::Rival).map(figure).fold(f64::INFINITY, f64::min)
}

/// As it stands in the first column.
pub(crate) fn name(name: &str, role: Role) -> String {
    if role == Role::Ours { format!("**{name}**") } else { name.to_owned() }
}

/// The title as it stands above its table.
pub(crate) fn heading(title: &str) -> String {
    let mut chars = title.chars();
    let title: String =
        chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect());
    format!("### {title}\n\n")
}

/// Three digits that mean something.
pub(crate) fn number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        _ if value < 0.1 => format!("{value:.3}"),
        _ if value < 10.0 => format!("{value:.2}"),
        _ if value < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a string takes everything");
}
