//! The document's `"hardware"` object.

use aios_metrics_core::Section;
use serde_json::{Map, Value};

use crate::hardware::Hardware;
use crate::reading::{HostReading, ProcessReading, Reading};

/// The fleet's MB: a limit of 4 GiB reads `4096.0`.
const MB: f64 = 1_048_576.0;

/// The document's `"hardware"` object, from the latest reading; memory only.
///
/// Sizes are in MB of 2^20 bytes; sizes, percent, loads and seconds are rounded to two places. A
/// figure that is absent from the reading is left out, and so is an object without any.
///
/// - `cpu`: `load1m`, `load5m`, `load15m`, and `percent`: the CPU use of this process since the
///   last reading in percent of one core. In a container that runs one process it is the
///   container's; helpers beside it are not counted.
/// - `memory`: of the host. `totalMem`; `freeMem`, what programs can still have, caches that can be
///   given up included; `usedMem`, the rest; `averageUtil`, used in percent of total.
/// - `process`: `cpuSeconds`, `cpuPercent`, `residentMem`, `virtualMem`, `openFds`, `maxFds`,
///   `startTime` (Unix seconds), `threads`.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::Section;
/// use aios_metrics_hw::Hardware;
///
/// let hardware = Hardware::new();
/// assert_eq!(hardware.read(), None, "nothing was read yet");
///
/// hardware.refresh();
/// let section = hardware.read().unwrap();
/// assert!(section["process"]["residentMem"].as_f64() > Some(0.0));
/// ```
impl Section for Hardware {
    fn name(&self) -> &str {
        "hardware"
    }

    fn read(&self) -> Option<Value> {
        let Reading { process, host, .. } = self.reading();
        let mut hardware = Object::default();
        hardware.object("cpu", cpu(&process, &host));
        hardware.object("memory", memory(&host));
        hardware.object("process", of_process(&process));
        (!hardware.0.is_empty()).then_some(Value::Object(hardware.0))
    }
}

fn cpu(process: &ProcessReading, host: &HostReading) -> Object {
    let mut cpu = Object::default();
    cpu.rounded("load1m", host.load1);
    cpu.rounded("load5m", host.load5);
    cpu.rounded("load15m", host.load15);
    // A container's own figure, once a probe reads it, takes the place of the process'. The host's
    // is no stand-in: it counts what the neighbours do.
    cpu.rounded("percent", process.cpu_percent);
    cpu
}

fn memory(host: &HostReading) -> Object {
    let (total, free) = (host.memory_total_bytes, host.memory_available_bytes);
    let used = total.zip(free).and_then(|(total, free)| total.checked_sub(free));
    let mut memory = Object::default();
    memory.size("totalMem", total);
    memory.size("freeMem", free);
    memory.size("usedMem", used);
    memory.rounded("averageUtil", used.zip(total).map(|(used, total)| used as f64 / total as f64 * 100.0));
    memory
}

fn of_process(figures: &ProcessReading) -> Object {
    let mut process = Object::default();
    process.rounded("cpuSeconds", figures.cpu_seconds);
    process.rounded("cpuPercent", figures.cpu_percent);
    process.size("residentMem", figures.resident_bytes);
    process.size("virtualMem", figures.virtual_bytes);
    process.whole("openFds", figures.open_fds);
    process.whole("maxFds", figures.max_fds);
    process.rounded("startTime", figures.start_time_seconds);
    process.whole("threads", figures.threads);
    process
}

/// A JSON object that takes only what is known.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn rounded(&mut self, key: &str, figure: Option<f64>) {
        if let Some(figure) = figure.and_then(round) {
            self.0.insert(key.to_owned(), figure.into());
        }
    }

    fn size(&mut self, key: &str, bytes: Option<u64>) {
        self.rounded(key, bytes.map(|bytes| bytes as f64 / MB));
    }

    fn whole(&mut self, key: &str, figure: Option<u64>) {
        if let Some(figure) = figure {
            self.0.insert(key.to_owned(), figure.into());
        }
    }

    fn object(&mut self, key: &str, object: Self) {
        if !object.0.is_empty() {
            self.0.insert(key.to_owned(), Value::Object(object.0));
        }
    }
}

/// To two places, halves away from zero; none for what JSON can't hold.
fn round(figure: f64) -> Option<f64> {
    let rounded = (figure * 100.0).round() / 100.0;
    rounded.is_finite().then_some(rounded)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_are_rounded_to_two_places() {
        for (figure, rounded) in [
            (0.0, Some(0.0)),
            (0.004, Some(0.0)),
            (0.125, Some(0.13)),
            (812.299_9, Some(812.3)),
            (19.832, Some(19.83)),
            (1_700_000_000.129, Some(1_700_000_000.13)),
            (f64::MAX, None),
            (f64::INFINITY, None),
            (f64::NAN, None),
        ] {
            assert_eq!(round(figure), rounded, "{figure}");
        }
    }

    #[test]
    fn sizes_are_in_mb_of_two_to_the_twentieth() {
        let host = HostReading {
            memory_total_bytes: Some(4_294_967_296),
            memory_available_bytes: Some(3_443_209_011),
            ..HostReading::default()
        };
        let expected = json!({"totalMem": 4096.0, "freeMem": 3283.7, "usedMem": 812.3, "averageUtil": 19.83});
        assert_eq!(Value::Object(memory(&host).0), expected);
    }

    #[test]
    fn what_does_not_add_up_is_left_out() {
        let host = HostReading {
            memory_total_bytes: Some(0),
            memory_available_bytes: Some(1),
            ..HostReading::default()
        };
        assert_eq!(Value::Object(memory(&host).0), json!({"totalMem": 0.0, "freeMem": 0.0}));
        let empty = HostReading { memory_total_bytes: Some(0), memory_available_bytes: Some(0), ..host };
        assert_eq!(memory(&empty).0.get("averageUtil"), None);
    }
}
