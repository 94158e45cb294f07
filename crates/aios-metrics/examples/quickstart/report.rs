//! What is shown while the work goes on, and at its end. All figures are read from the metrics.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use aios_metrics::{AiosMetrics, Document};

const STATUSES: [&str; 4] = ["new", "same", "changed", "failed"];

/// A line that shows how far the work is: one that changes on a terminal, one after the other in a
/// pipe.
pub(crate) struct Progress {
    interval: Duration,
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new(is_long: bool) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let interval = match (is_terminal, is_long) {
            (true, _) => Duration::from_millis(200),
            (false, false) => Duration::from_secs(1),
            (false, true) => Duration::from_secs(10),
        };
        Self { interval, is_terminal }
    }

    /// The time from one line to the next.
    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    pub(crate) fn show(&mut self, metrics: &AiosMetrics) {
        let count = |status| metrics.value("aios_tasks_processed_total", &[("status", status)]);
        let files: f64 = STATUSES.into_iter().filter_map(count).sum();
        let bytes = metrics.value("hashed_bytes_total", &[]).unwrap_or_default();
        let rate = metrics.extended_metrics().get("latency").map_or(0.0, |latency| latency.rate_1m);
        let line = format!("{} files, {:.1} MB, {} files/s", grouped(files), bytes / 1e6, grouped(rate));
        if self.is_terminal {
            print!("\r\x1b[K{line}");
        } else {
            println!("{line}");
        }
        let _ = std::io::stdout().flush();
    }

    /// Leaves the line to what comes next.
    pub(crate) fn finish(&self) {
        if self.is_terminal {
            print!("\r\x1b[K");
        }
    }
}

/// The table at the end.
pub(crate) fn print_table(document: &Document) {
    let sample = |name: &str, labels: &[(&str, &str)]| document.sample(name, labels).unwrap_or_default();
    let by_status = STATUSES.map(|status| sample("aios_tasks_processed_total", &[("status", status)]));
    let details: Vec<String> = STATUSES
        .iter()
        .zip(by_status)
        .map(|(status, count)| format!("{} {status}", grouped(count)))
        .collect();
    let row = |name: &str, value: &str, detail: &str| println!("  {name:<14}{value:>14}   {detail}");

    println!("What the metrics say:");
    row("files", &grouped(by_status.iter().sum()), &details.join(", "));
    row("rounds", &grouped(sample("rounds_total", &[])), "through the whole folder");
    row("bytes", &grouped(sample("hashed_bytes_total", &[])), "read and hashed");
    if let Some(latency) = document.rolling.get("latency") {
        let most = latency.max_15m.unwrap_or_default() * 1e3;
        row(
            "time per file",
            &format!("{:.3} ms", latency.average_15m * 1e3),
            &format!("{most:.3} ms at most"),
        );
        row("rate", &format!("{:.1}/s", latency.rate_1m), "files, over the last minute");
    }
    if let Some(queue) = document.rolling.get("queue_length") {
        let most = grouped(queue.max_15m.unwrap_or_default());
        row("queue", &format!("{:.1}", queue.average_15m), &format!("{most} at most"));
    }
    let memory = sample("process_resident_memory_bytes", &[]) / 1e6;
    if memory > 0.0 {
        let cpu = sample("process_cpu_seconds_total", &[]);
        row("memory", &format!("{memory:.1} MB"), &format!("and {cpu:.2} s of CPU time, of this process"));
    }
    let scrapes = |format| sample("aios_metrics_scrapes_total", &[("code", "200"), ("format", format)]);
    row("scrapes", &grouped(scrapes("text") + scrapes("openmetrics")), "of the page");
}

/// A whole number with its thousands apart.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
