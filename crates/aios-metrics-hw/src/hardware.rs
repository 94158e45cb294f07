//! The probes and their latest reading behind one handle.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use aios_metrics_core::Clock;

use crate::names::{ProbeName, ProbeSet, UnknownProbe};
use crate::options::{HardwareOptions, Roots};
use crate::page::Page;
use crate::probe::{Outcome, Probe, ProbeError};
use crate::reading::Reading;
use crate::system;

/// The probes of this system and what they read last. Cheap to clone: all clones share both.
///
/// [`refresh`](Self::refresh) reads the system, which takes well under 1 ms on Linux without GPUs;
/// before 6.2 more where thousands of descriptors are open. The page, the document and
/// [`reading`](Self::reading) take the latest reading from memory, so that neither a scrape nor a
/// push waits for a file. Before the first refresh there are no figures at all.
///
/// Each probe has a lock of its own. A probe that [may hang](ProbeName::may_hang) is best read with
/// [`refresh_probe`](Self::refresh_probe) on a thread of its own: the others go on, and so do the
/// readers of the latest reading. One that has not come back by its
/// [deadline](HardwareOptions::with_deadline) counts as down and its figures as absent, until it
/// does.
///
/// # Examples
///
/// ```
/// use aios_metrics_hw::Hardware;
///
/// let hardware = Hardware::new();
/// assert_eq!(hardware.reading().process.cpu_seconds, None);
///
/// hardware.refresh();
/// assert!(hardware.reading().process.cpu_seconds.is_some());
/// ```
#[derive(Clone)]
pub struct Hardware(Arc<Inner>);

struct Inner {
    probes: Vec<Slot>,
    page: Page,
    latest: Mutex<Latest>,
    clock: Arc<dyn Clock>,
    deadline: Duration,
}

#[derive(Default)]
struct Latest {
    reading: Arc<Reading>,
    /// How many readings were taken in.
    stored: u64,
    /// When the readings that are in progress began.
    begun: Vec<(ProbeName, Duration)>,
}

struct Slot {
    name: ProbeName,
    probe: Mutex<Box<dyn Probe>>,
}

impl Hardware {
    /// All probes, on the system that this process runs on. Nothing is read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(HardwareOptions::new())
    }

    /// The probes with the given names only.
    ///
    /// # Errors
    ///
    /// [`UnknownProbe`] for the first name that no probe has; its message lists the known ones.
    ///
    /// # Examples
    ///
    /// ```
    /// use aios_metrics_hw::Hardware;
    ///
    /// assert!(Hardware::with_probes(&["process"]).is_ok());
    /// let error = Hardware::with_probes(&["process", "floppy"]).unwrap_err();
    /// assert!(error.to_string().starts_with("unknown probe \"floppy\": the known probes are process, "));
    /// ```
    pub fn with_probes(names: &[impl AsRef<str>]) -> Result<Self, UnknownProbe> {
        Ok(Self::with_options(HardwareOptions::new().with_probes(ProbeSet::from_names(names)?)))
    }

    /// All probes, on a machine whose file trees stand at `roots`.
    #[must_use]
    pub fn with_roots(roots: Roots) -> Self {
        Self::with_options(HardwareOptions::new().with_roots(roots))
    }

    /// As the options say.
    #[must_use]
    pub fn with_options(options: HardwareOptions) -> Self {
        let probes = options.probes().iter().map(|name| (name, system::probe(name, &options)));
        Self::from_probes(probes, &options)
    }

    /// One that has no probe and tells this reading for ever: for tests of what reads it, and for
    /// readings that come from elsewhere.
    ///
    /// # Examples
    ///
    /// ```
    /// use aios_metrics_core::Section;
    /// use aios_metrics_hw::{GpuReading, Hardware, Reading};
    ///
    /// let mut gpu = GpuReading::default();
    /// gpu.power_watts = Some(70.0);
    /// let mut reading = Reading::default();
    /// reading.gpus.push(gpu);
    /// let hardware = Hardware::with_reading(reading);
    ///
    /// hardware.refresh();
    /// assert_eq!(hardware.read().unwrap()["gpus"][0]["powerUtilization"], 70.0);
    /// ```
    #[must_use]
    pub fn with_reading(reading: Reading) -> Self {
        let options = HardwareOptions::new();
        Self(Arc::new(Inner {
            probes: Vec::new(),
            page: Page::new(ProbeName::ALL),
            latest: Mutex::new(Latest { reading: Arc::new(reading), ..Latest::default() }),
            clock: options.clock(),
            deadline: options.deadline(),
        }))
    }

    pub(crate) fn from_probes(
        probes: impl Iterator<Item = (ProbeName, Box<dyn Probe>)>,
        options: &HardwareOptions,
    ) -> Self {
        let probes: Vec<_> = probes.map(|(name, probe)| Slot { name, probe: Mutex::new(probe) }).collect();
        let page = Page::new(&probes.iter().map(|slot| slot.name).collect::<Vec<_>>());
        let (clock, deadline) = (options.clock(), options.deadline());
        Self(Arc::new(Inner { probes, page, latest: Mutex::default(), clock, deadline }))
    }

    /// The names of the probes, in the order in which [`refresh`](Self::refresh) reads them.
    pub fn probes(&self) -> impl ExactSizeIterator<Item = ProbeName> {
        self.0.probes.iter().map(|slot| slot.name)
    }

    /// Reads every probe now, one after the other, and keeps what they found.
    ///
    /// A probe that another thread is reading at this moment is passed over: its reading is on its
    /// way, and nobody waits for it twice.
    pub fn refresh(&self) {
        for slot in &self.0.probes {
            self.0.refresh(slot);
        }
    }

    /// Reads one probe now, as [`refresh`](Self::refresh) does; nothing when it was not chosen.
    pub fn refresh_probe(&self, name: ProbeName) {
        if let Some(slot) = self.0.probes.iter().find(|slot| slot.name == name) {
            self.0.refresh(slot);
        }
    }

    /// What the probes found last; empty before the first [`refresh`](Self::refresh).
    #[must_use]
    pub fn reading(&self) -> Reading {
        Reading::clone(&self.latest())
    }

    /// The same, shared where it can be.
    pub(crate) fn latest(&self) -> Arc<Reading> {
        self.0.latest_in_time()
    }

    /// Another number whenever [`latest`](Self::latest) may be another reading.
    pub(crate) fn readings(&self) -> u64 {
        let latest = self.0.latest();
        let now = self.0.clock.monotonic();
        let overdue = latest.begun.iter().filter(|(_, begun)| self.0.is_overdue(*begun, now)).count();
        // There are fewer probes than that.
        latest.stored.wrapping_mul(256).wrapping_add(overdue as u64)
    }

    pub(crate) fn page(&self) -> &Page {
        &self.0.page
    }
}

impl Inner {
    fn refresh(&self, slot: &Slot) {
        let mut probe = match slot.probe.try_lock() {
            Ok(probe) => probe,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let begun = self.clock.monotonic();
        self.latest().begun.push((slot.name, begun));
        let outcome = probe.read();
        // Stored before the probe is unlocked, so that its readings are stored in their order.
        let mut latest = self.latest();
        latest.begun.retain(|(name, _)| *name != slot.name);
        latest.stored += 1;
        Arc::make_mut(&mut latest.reading).store(slot.name, outcome);
    }

    fn is_overdue(&self, begun: Duration, now: Duration) -> bool {
        now.saturating_sub(begun) > self.deadline
    }

    /// The latest reading, less what the probes found that have not come back in time.
    fn latest_in_time(&self) -> Arc<Reading> {
        let latest = self.latest();
        let mut reading = Arc::clone(&latest.reading);
        if !latest.begun.is_empty() {
            let now = self.clock.monotonic();
            for &(name, begun) in &latest.begun {
                if self.is_overdue(begun, now) {
                    let problem = ProbeError::Overdue { deadline: self.deadline };
                    Arc::make_mut(&mut reading).store(name, Outcome::nothing(name, problem));
                }
            }
        }
        reading
    }

    /// Held only to take a reading in or out.
    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Hardware {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hardware").field("reading", &self.reading()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    use aios_metrics_core::ManualClock;

    use super::*;
    use crate::probe::Figures;
    use crate::reading::{HostReading, ProcessReading};

    /// Says that it is being read, then hangs until it is told to go on.
    struct Hanging {
        entered: Sender<()>,
        go_on: Receiver<()>,
    }

    impl Probe for Hanging {
        fn read(&mut self) -> Outcome {
            self.entered.send(()).unwrap();
            self.go_on.recv().unwrap();
            Outcome::whole(Figures::Process(ProcessReading { threads: Some(7), ..Default::default() }))
        }
    }

    struct Counting(f64);

    impl Probe for Counting {
        fn read(&mut self) -> Outcome {
            self.0 += 1.0;
            Outcome::whole(Figures::Host(HostReading { load1: Some(self.0), ..Default::default() }))
        }
    }

    #[test]
    fn a_hanging_probe_holds_up_only_itself() {
        let (entered, has_entered) = channel();
        let (release, go_on) = channel();
        let probes: [(_, Box<dyn Probe>); 2] = [
            (ProbeName::Process, Box::new(Hanging { entered, go_on })),
            (ProbeName::Host, Box::new(Counting(0.0))),
        ];
        let clock = Arc::new(ManualClock::new());
        let options = HardwareOptions::new()
            .with_clock(Arc::clone(&clock) as Arc<dyn Clock>)
            .with_deadline(Duration::from_secs(3));
        let hardware = Hardware::from_probes(probes.into_iter(), &options);
        let hung = thread::spawn({
            let hardware = hardware.clone();
            move || hardware.refresh_probe(ProbeName::Process)
        });
        has_entered.recv().unwrap();

        hardware.refresh();
        hardware.refresh();
        let meanwhile = hardware.reading();
        let version = hardware.readings();
        assert_eq!(hardware.readings(), version, "nothing was read");
        assert_eq!((meanwhile.host.load1, meanwhile.process.threads), (Some(2.0), None));
        assert_eq!(meanwhile.probes.len(), 1, "only the host probe has answered");

        clock.advance(Duration::from_secs(4));
        assert_ne!(hardware.readings(), version, "figures are gone");
        let overdue = hardware.reading();
        assert_eq!(overdue.probes[0].name, ProbeName::Process);
        let problem = overdue.probes[0].problem.as_ref().map(ToString::to_string);
        assert_eq!(problem.as_deref(), Some("no answer within 3s"));
        assert!(overdue.probes[1].is_up());

        release.send(()).unwrap();
        hung.join().unwrap();
        assert_ne!(hardware.readings(), version, "there are new ones");
        let reading = hardware.reading();
        assert_eq!((reading.host.load1, reading.process.threads), (Some(2.0), Some(7)));
        assert!(reading.probes[0].is_up(), "it came back");

        // Figures that were found before are out of date when the probe hangs later.
        let hung = thread::spawn({
            let hardware = hardware.clone();
            move || hardware.refresh_probe(ProbeName::Process)
        });
        has_entered.recv().unwrap();
        assert_eq!(hardware.reading(), reading, "it has some time");
        clock.advance(Duration::from_secs(4));
        assert_eq!(hardware.reading().process.threads, None);
        release.send(()).unwrap();
        hung.join().unwrap();
        assert_eq!(hardware.reading().process.threads, Some(7));
    }

    #[test]
    fn handles_can_be_shared() {
        fn shared<T: Send + Sync + Clone + fmt::Debug>() {}
        shared::<Hardware>();
    }
}
