//! The document's `"hardware"` object.

mod devices;
mod object;

use aios_metrics_core::Section;
use serde_json::Value;

use self::object::Object;
use crate::hardware::Hardware;
use crate::names::ProbeName;
use crate::reading::{ContainerReading, CpuQuota, HostReading, ProcessReading, Reading};

/// The document's `"hardware"` object, from the latest reading; memory only.
///
/// Sizes are in MB of 2^20 bytes; sizes, percent, loads and seconds are rounded to two places. A
/// figure that is absent from the reading is left out, and so is an object without any.
///
/// - `cpu`: `load1m`, `load5m`, `load15m` of the host, and `percent`: the CPU use of the container
///   since the last reading in percent of one core; outside of a container that of this process.
/// - `memory`: of the container where it has a limit below the host's memory: `totalMem`, the
///   tightest limit; `usedMem`, its use; `freeMem`, what it can still have. That is less than the
///   rest where it shares a limit with other containers. Else of the host: `totalMem`; `freeMem`,
///   what programs can still have, caches that can be given up included; `usedMem`, the rest. Where
///   nothing tells whether there is a limit, neither. `averageUtil` is used in percent of total.
/// - `gpus`: a list of `id`, `utilization`, `usedMem`, `freeMem`, `totalMem`, `powerUtilization` in
///   watts, and more, with the MIG instances of each inside of it; `gpu`: all of them together.
/// - `process`, `container`, `disks`, `network`, `filesystems`, `temperatures`: our additions.
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
        let reading = self.latest();
        let Reading { process, container, host, .. } = &*reading;
        let mut hardware = Object::default();
        hardware.object("cpu", cpu(process, container, host));
        // Where the machine's memory can't be read nothing tells whether a limit is below it.
        let is_host_known = host.memory_total_bytes.is_some() || !reading.was_read(ProbeName::Host);
        if is_host_known {
            hardware.object("memory", memory(container, host));
        }
        hardware.list("gpus", devices::gpus(&reading.gpus));
        hardware.object("gpu", devices::all_gpus(&reading.gpus));
        hardware.object("process", of_process(process));
        hardware.object("container", of_container(container));
        // A sum without the ones that could not be read would be another figure.
        if !reading.is_down(ProbeName::Disk) {
            hardware.object("disks", devices::disks(&reading.disks));
        }
        if !reading.is_down(ProbeName::Network) {
            hardware.object("network", devices::networks(&reading.networks));
        }
        hardware.list("filesystems", reading.filesystems.iter().map(devices::filesystem));
        hardware.list("temperatures", reading.temperatures.iter().map(devices::temperature));
        (!hardware.0.is_empty()).then_some(Value::Object(hardware.0))
    }

    /// Changes with each reading of a probe, and when one has not come back in time.
    fn version(&self) -> u64 {
        self.readings()
    }
}

fn cpu(process: &ProcessReading, container: &ContainerReading, host: &HostReading) -> Object {
    let mut cpu = Object::default();
    cpu.rounded("load1m", host.load1);
    cpu.rounded("load5m", host.load5);
    cpu.rounded("load15m", host.load15);
    // The host's is no stand-in: it counts what the neighbours do. In a container the process' is
    // none either: while the container's has no interval yet or can't be read, there is no figure.
    cpu.rounded("percent", if container.has_cpu_group { container.cpu_percent } else { process.cpu_percent });
    cpu.whole("count", host.cpus);
    cpu
}

/// All of the container or all of the host.
fn memory(container: &ContainerReading, host: &HostReading) -> Object {
    let mut memory = Object::default();
    if container.is_memory_limit_unknown {
        return memory;
    }
    // A limit above what there is is none.
    let limit =
        container.memory_limit_bytes.filter(|limit| host.memory_total_bytes.is_none_or(|all| *limit < all));
    let (total, used, free) = if limit.is_some() {
        (limit, container.memory_usage_bytes, container.memory_free_bytes)
    } else {
        let (total, free) = (host.memory_total_bytes, host.memory_available_bytes);
        (total, total.zip(free).and_then(|(total, free)| total.checked_sub(free)), free)
    };
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
    process.size("maxVirtualMem", figures.max_virtual_bytes);
    process.whole("openFds", figures.open_fds);
    process.whole("maxFds", figures.max_fds);
    process.rounded("startTime", figures.start_time_seconds);
    process.whole("threads", figures.threads);
    process.whole("voluntarySwitches", figures.voluntary_context_switches);
    process.whole("involuntarySwitches", figures.involuntary_context_switches);
    process.whole("minorFaults", figures.minor_page_faults);
    process.whole("majorFaults", figures.major_page_faults);
    process.whole("readBytes", figures.storage_read_bytes);
    process.whole("writeBytes", figures.storage_written_bytes);
    process
}

fn of_container(figures: &ContainerReading) -> Object {
    let mut container = Object::default();
    container.rounded("cpuSeconds", figures.cpu_seconds);
    container.rounded("cpuPercent", figures.cpu_percent);
    container.rounded("cpuLimitCores", figures.cpu_quota.as_ref().map(CpuQuota::cores));
    container.whole("periods", figures.cpu_periods);
    container.whole("throttledPeriods", figures.cpu_throttled_periods);
    container.rounded("throttledSeconds", figures.cpu_throttled_seconds);
    container.size("usedMem", figures.memory_usage_bytes);
    container.size("workingSetMem", figures.memory_working_set_bytes);
    container.size("limitMem", figures.memory_limit_bytes);
    container.whole("oomEvents", figures.oom_events);
    container.whole("threads", figures.threads);
    container.whole("maxThreads", figures.threads_max);
    for (key, pressure) in [
        ("cpuPressure", &figures.cpu_pressure),
        ("memoryPressure", &figures.memory_pressure),
        ("ioPressure", &figures.io_pressure),
    ] {
        let mut seconds = Object::default();
        seconds.rounded("waitingSeconds", pressure.waiting_seconds);
        seconds.rounded("stalledSeconds", pressure.stalled_seconds);
        container.object(key, seconds);
    }
    container
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn host(total: u64, available: u64) -> HostReading {
        HostReading {
            memory_total_bytes: Some(total),
            memory_available_bytes: Some(available),
            ..HostReading::default()
        }
    }

    /// One whose limit is shared with nobody.
    fn container(limit: Option<u64>, usage: Option<u64>) -> ContainerReading {
        ContainerReading {
            memory_limit_bytes: limit,
            memory_usage_bytes: usage,
            memory_free_bytes: limit.zip(usage).map(|(limit, usage)| limit.saturating_sub(usage)),
            ..ContainerReading::default()
        }
    }

    fn memory_of(container: &ContainerReading, host: &HostReading) -> Value {
        Value::Object(memory(container, host).0)
    }

    #[test]
    fn sizes_are_in_mb_of_two_to_the_twentieth() {
        let expected = json!({"totalMem": 4096.0, "freeMem": 3283.7, "usedMem": 812.3, "averageUtil": 19.83});
        assert_eq!(memory_of(&container(None, None), &host(4_294_967_296, 3_443_209_011)), expected);
    }

    #[test]
    fn what_does_not_add_up_is_left_out() {
        let none = container(None, None);
        assert_eq!(memory_of(&none, &host(0, 1)), json!({"totalMem": 0.0, "freeMem": 0.0}));
        assert_eq!(memory_of(&none, &host(0, 0)).get("averageUtil"), None);
    }

    #[test]
    fn memory_is_the_containers_where_it_has_a_limit_that_counts() {
        const GIB: u64 = 1 << 30;
        let machine = host(4 * GIB, 3 * GIB);
        let whole = json!({"totalMem": 4096.0, "freeMem": 3072.0, "usedMem": 1024.0, "averageUtil": 25.0});
        let own = json!({"totalMem": 2048.0, "freeMem": 1536.0, "usedMem": 512.0, "averageUtil": 25.0});
        let used = Some(GIB / 2);
        assert_eq!(memory_of(&container(Some(2 * GIB), used), &machine), own);
        assert_eq!(memory_of(&container(None, used), &machine), whole);
        assert_eq!(memory_of(&container(Some(8 * GIB), used), &machine), whole);
        assert_eq!(memory_of(&container(Some(2 * GIB), None), &machine), json!({"totalMem": 2048.0}));
        assert_eq!(memory_of(&container(Some(2 * GIB), used), &HostReading::default()), own);
        let over = memory_of(&container(Some(GIB), Some(GIB + 1)), &machine);
        assert_eq!((&over["freeMem"], &over["totalMem"]), (&json!(0.0), &json!(1024.0)));
        let shared = ContainerReading { memory_free_bytes: Some(GIB), ..container(Some(2 * GIB), used) };
        let expected = json!({"totalMem": 2048.0, "freeMem": 1024.0, "usedMem": 512.0, "averageUtil": 25.0});
        assert_eq!(memory_of(&shared, &machine), expected);
    }

    #[test]
    fn the_hosts_memory_is_no_stand_in_for_a_limit_that_can_not_be_read() {
        let mut container = container(None, Some(1 << 29));
        container.is_memory_limit_unknown = true;
        assert_eq!(memory_of(&container, &host(1 << 32, 1 << 31)), json!({}));
        assert_eq!(memory_of(&ContainerReading::unknown(), &host(1 << 32, 1 << 31)), json!({}));
    }

    #[test]
    fn cpu_percent_is_the_containers_where_there_is_one() {
        let process = ProcessReading { cpu_percent: Some(50.0), ..ProcessReading::default() };
        let percent = |container: &ContainerReading| {
            cpu(&process, container, &HostReading::default()).0.get("percent").cloned()
        };
        let mut container = ContainerReading::default();
        assert_eq!(percent(&container), Some(json!(50.0)));
        container.has_cpu_group = true;
        assert_eq!(percent(&container), None, "of no interval yet, or not to be read");
        container.cpu_percent = Some(75.5);
        assert_eq!(percent(&container), Some(json!(75.5)));
    }
}
