//! The probe of the GPUs, whatever tells of them.

use super::nvml::Nvml;
use crate::names::ProbeName;
use crate::probe::{Figures, Outcome, Probe, ProbeError};
use crate::reading::GpuReading;

/// What tells of GPUs: a vendor's library, or a fake.
///
/// A figure that a GPU does not have is absent. Calls may hang; the probe is read on a thread that
/// may.
pub(super) trait GpuBackend: Send {
    /// How many GPUs there are that we may see.
    fn count(&mut self) -> Result<u32, String>;

    /// A GPU and the MIG instances on it, one after the other.
    fn gpus(&mut self, index: u32) -> Result<Vec<GpuReading>, String>;
}

/// Loads the library at its first reading, and again at the next while it can't be had: a driver
/// may be installed, or started after us.
type Open = Box<dyn FnMut() -> Result<Box<dyn GpuBackend>, String> + Send>;

pub(super) struct GpuProbe {
    open: Open,
    backend: Option<Box<dyn GpuBackend>>,
}

pub(crate) fn probe() -> Box<dyn Probe> {
    Box::new(GpuProbe { open: Box::new(|| Ok(Box::new(Nvml::load()?))), backend: None })
}

impl GpuProbe {
    fn backend(&mut self) -> Result<&mut Box<dyn GpuBackend>, String> {
        match &mut self.backend {
            Some(backend) => Ok(backend),
            none => Ok(none.insert((self.open)()?)),
        }
    }

    fn figures(&mut self) -> Result<(Vec<GpuReading>, Option<String>), String> {
        let backend = self.backend()?;
        let count = backend.count()?;
        if count == 0 {
            return Err("there is no GPU".to_owned());
        }
        let (mut gpus, mut problem) = (Vec::new(), None);
        for index in 0..count {
            match backend.gpus(index) {
                Ok(found) => gpus.extend(found),
                // One that fell off the bus spoils no other.
                Err(message) => {
                    problem.get_or_insert(format!("GPU {index}: {message}"));
                }
            }
        }
        Ok((gpus, problem))
    }
}

impl Probe for GpuProbe {
    fn read(&mut self) -> Outcome {
        match self.figures() {
            Ok((gpus, problem)) => Outcome {
                figures: Figures::Gpus(gpus),
                problem: problem.map(|message| ProbeError::Library { message }),
            },
            Err(message) => {
                // A driver that was restarted wants to be asked anew.
                self.backend = None;
                Outcome::nothing(ProbeName::Gpu, ProbeError::Library { message })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;
    use std::time::Duration;

    use aios_metrics_core::{Clock, ManualClock, PrometheusText, Registry, Section};
    use serde_json::json;

    use super::*;
    use crate::reading::AllGpus;
    use crate::{Hardware, HardwareOptions};

    /// Three GPUs: one with all figures, one with two MIG instances, one that is lost.
    struct Fake;

    impl GpuBackend for Fake {
        fn count(&mut self) -> Result<u32, String> {
            Ok(3)
        }

        fn gpus(&mut self, index: u32) -> Result<Vec<GpuReading>, String> {
            let gpu =
                GpuReading { index, uuid: Some(Arc::from(format!("GPU-{index}"))), ..GpuReading::default() };
            match index {
                0 => Ok(vec![GpuReading {
                    name: Some(Arc::from("H200")),
                    utilization_percent: Some(63.0),
                    memory_utilization_percent: Some(12.0),
                    memory_used_bytes: Some(10 << 30),
                    memory_free_bytes: Some(70 << 30),
                    memory_total_bytes: Some(80 << 30),
                    power_watts: Some(251.4),
                    power_limit_watts: Some(700.0),
                    temperature_celsius: Some(41.0),
                    core_clock_hertz: Some(1.98e9),
                    memory_clock_hertz: Some(3.201e9),
                    ecc_corrected: Some(2),
                    ecc_uncorrected: Some(0),
                    throttle_reasons: Some(vec!["sw_power_cap", "sw_thermal"]),
                    own_memory_bytes: Some(1 << 30),
                    processes: Some(3),
                    ..gpu
                }]),
                1 => Ok(vec![
                    GpuReading { power_watts: Some(90.0), throttle_reasons: Some(Vec::new()), ..gpu.clone() },
                    GpuReading { mig_instance: Some(0), memory_total_bytes: Some(10 << 30), ..gpu.clone() },
                    GpuReading { mig_instance: Some(1), memory_total_bytes: Some(20 << 30), ..gpu },
                ]),
                _ => Err("the GPU is lost".to_owned()),
            }
        }
    }

    fn hardware(open: impl FnMut() -> Result<Box<dyn GpuBackend>, String> + Send + 'static) -> Hardware {
        let probe: Box<dyn Probe> = Box::new(GpuProbe { open: Box::new(open), backend: None });
        let hardware = Hardware::from_probes([(ProbeName::Gpu, probe)].into_iter(), &HardwareOptions::new());
        hardware.refresh();
        hardware
    }

    fn page(hardware: &Hardware) -> String {
        let registry = Registry::new();
        registry.register(hardware.clone()).unwrap();
        let mut page = Vec::new();
        registry.encode(&PrometheusText, &mut page);
        let page = String::from_utf8(page).unwrap();
        page.lines().filter(|line| !line.starts_with("# ")).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn each_gpu_and_instance_stands_on_the_page() {
        let page = page(&hardware(|| Ok(Box::new(Fake))));
        let expected = "\
aios_metrics_probe_up{probe=\"gpu\"} 0
gpu_core_clock_hertz{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 1980000000
gpu_ecc_corrected_errors_total{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 2
gpu_ecc_uncorrected_errors_total{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 0
gpu_memory_clock_hertz{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 3201000000
gpu_memory_free_bytes{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 75161927680
gpu_memory_total_bytes{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 85899345920
gpu_memory_total_bytes{gpu=\"1\",mig=\"0\",uuid=\"GPU-1\"} 10737418240
gpu_memory_total_bytes{gpu=\"1\",mig=\"1\",uuid=\"GPU-1\"} 21474836480
gpu_memory_used_bytes{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 10737418240
gpu_memory_utilization_ratio{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 0.12
gpu_power_limit_watts{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 700
gpu_power_watts{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 251.4
gpu_power_watts{gpu=\"1\",mig=\"\",uuid=\"GPU-1\"} 90
gpu_process_memory_bytes{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 1073741824
gpu_processes{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 3
gpu_temperature_celsius{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 41
gpu_throttled{gpu=\"0\",mig=\"\",uuid=\"GPU-0\",reason=\"sw_power_cap\"} 1
gpu_throttled{gpu=\"0\",mig=\"\",uuid=\"GPU-0\",reason=\"hw_slowdown\"} 0
gpu_throttled{gpu=\"0\",mig=\"\",uuid=\"GPU-0\",reason=\"sync_boost\"} 0
gpu_throttled{gpu=\"0\",mig=\"\",uuid=\"GPU-0\",reason=\"sw_thermal\"} 1
gpu_throttled{gpu=\"0\",mig=\"\",uuid=\"GPU-0\",reason=\"hw_thermal\"} 0
gpu_throttled{gpu=\"0\",mig=\"\",uuid=\"GPU-0\",reason=\"hw_power_brake\"} 0
gpu_throttled{gpu=\"1\",mig=\"\",uuid=\"GPU-1\",reason=\"sw_power_cap\"} 0
gpu_throttled{gpu=\"1\",mig=\"\",uuid=\"GPU-1\",reason=\"hw_slowdown\"} 0
gpu_throttled{gpu=\"1\",mig=\"\",uuid=\"GPU-1\",reason=\"sync_boost\"} 0
gpu_throttled{gpu=\"1\",mig=\"\",uuid=\"GPU-1\",reason=\"sw_thermal\"} 0
gpu_throttled{gpu=\"1\",mig=\"\",uuid=\"GPU-1\",reason=\"hw_thermal\"} 0
gpu_throttled{gpu=\"1\",mig=\"\",uuid=\"GPU-1\",reason=\"hw_power_brake\"} 0
gpu_utilization_ratio{gpu=\"0\",mig=\"\",uuid=\"GPU-0\"} 0.63
gpus 2
gpus_memory_free_bytes 75161927680
gpus_memory_total_bytes 118111600640
gpus_memory_used_bytes 10737418240
gpus_power_watts 341.4
gpus_utilization_ratio 0.63
";
        assert_eq!(page, expected);
    }

    #[test]
    fn the_document_has_the_list_in_the_fleets_words_and_sums() {
        let section = Section::read(&hardware(|| Ok(Box::new(Fake)))).unwrap();
        let gpu = &section["gpus"][0];
        for (key, value) in [
            ("id", json!(0)),
            ("utilization", json!(63)),
            ("usedMem", json!(10_240.0)),
            ("freeMem", json!(71_680.0)),
            ("totalMem", json!(81_920.0)),
            ("powerUtilization", json!(251.4)),
            ("temperature", json!(41.0)),
            ("throttleReasons", json!("sw_power_cap,sw_thermal")),
        ] {
            assert_eq!(gpu[key], value, "{key}");
        }
        // Who adds up the list has each GPU once.
        let second = json!({"id": 1, "uuid": "GPU-1", "powerUtilization": 90.0, "throttleReasons": "",
        "migInstances": [
            {"id": 1, "migInstance": 0, "uuid": "GPU-1", "totalMem": 10240.0},
            {"id": 1, "migInstance": 1, "uuid": "GPU-1", "totalMem": 20480.0},
        ]});
        assert_eq!(section["gpus"][1], second);
        assert_eq!(section["gpus"].as_array().unwrap().len(), 2);
        // The second GPU's memory is that of its instances, as it does not tell its own.
        let sums = json!({"count": 2, "averageUtil": 63.0, "totalUsedMem": 10240.0, "totalFreeMem": 71680.0,
            "totalMem": 112_640.0, "totalPowerUtilization": 341.4});
        assert_eq!(section["gpu"], sums);
    }

    #[test]
    fn the_memory_of_instances_is_counted_with_their_gpu() {
        let gpu = |mig_instance, memory: Option<u64>| GpuReading {
            mig_instance,
            memory_total_bytes: memory.map(|gib| gib << 30),
            ..GpuReading::default()
        };
        let all = AllGpus::of(&[gpu(None, Some(80)), gpu(Some(0), Some(10)), gpu(Some(1), Some(20))]);
        assert_eq!((all.count, all.memory_total_bytes), (Some(1), Some(80 << 30)));
        let none = AllGpus::of(&[]);
        assert_eq!((none.count, none.memory_total_bytes, none.utilization_percent), (None, None, None));
    }

    /// A driver that does not answer until it is told to.
    struct Hanging {
        entered: Sender<()>,
        go_on: Receiver<()>,
    }

    impl GpuBackend for Hanging {
        fn count(&mut self) -> Result<u32, String> {
            self.entered.send(()).unwrap();
            self.go_on.recv().map_err(|gone| gone.to_string())?;
            Ok(1)
        }

        fn gpus(&mut self, index: u32) -> Result<Vec<GpuReading>, String> {
            Ok(vec![GpuReading { index, power_watts: Some(70.0), ..GpuReading::default() }])
        }
    }

    #[test]
    fn a_driver_that_hangs_is_marked_down_until_it_answers() {
        let (entered, has_entered) = channel();
        let (release, go_on) = channel();
        let mut backend = Some(Hanging { entered, go_on });
        let open: Open = Box::new(move || Ok(Box::new(backend.take().ok_or("it was opened twice")?)));
        let probe: Box<dyn Probe> = Box::new(GpuProbe { open, backend: None });
        let clock = Arc::new(ManualClock::new());
        let options = HardwareOptions::new()
            .with_clock(Arc::clone(&clock) as Arc<dyn Clock>)
            .with_deadline(Duration::from_secs(5));
        let hardware = Hardware::from_probes([(ProbeName::Gpu, probe)].into_iter(), &options);
        let hung = thread::spawn({
            let hardware = hardware.clone();
            move || hardware.refresh()
        });
        has_entered.recv().unwrap();
        clock.advance(Duration::from_secs(6));
        // Neither a page nor another reading waits for it.
        hardware.refresh();
        assert_eq!(page(&hardware), "aios_metrics_probe_up{probe=\"gpu\"} 0\n");
        release.send(()).unwrap();
        hung.join().unwrap();
        assert!(page(&hardware).contains("aios_metrics_probe_up{probe=\"gpu\"} 1\n"));
        assert!(page(&hardware).contains("gpus_power_watts 70\n"));
    }

    #[test]
    fn what_can_not_be_loaded_is_absent_and_down_and_tried_again() {
        let hardware = hardware(|| Err("no library".to_owned()));
        assert_eq!(page(&hardware), "aios_metrics_probe_up{probe=\"gpu\"} 0\n");
        assert_eq!(Section::read(&hardware), None);
        let problem = hardware.reading().probes[0].problem.as_ref().map(ToString::to_string);
        assert_eq!(problem.as_deref(), Some("no library"));
        hardware.refresh();
        assert_eq!(page(&hardware), "aios_metrics_probe_up{probe=\"gpu\"} 0\n");
    }
}
