//! The threads that read the hardware; they run while the exporter or the publisher does.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::Parts;
use super::part::Part;
use crate::config::MetricsConfig;
use crate::error::StartError;
use crate::metrics::AiosMetrics;

/// How long a start waits for the first readings. One that hangs is not waited for longer.
const FIRST: Duration = Duration::from_millis(500);

impl AiosMetrics {
    /// Reads the hardware now, and from now on every `hardware_interval_s`: on one thread for the
    /// probes that ask the kernel only, and on one for each probe that may hang.
    pub(super) fn start_sampler(&self, parts: &mut Parts) -> Result<(), StartError> {
        if !parts.samplers.is_empty() {
            return Ok(());
        }
        let groups = self.inner.probes.groups();
        if groups.is_empty() {
            return Ok(());
        }
        let interval = MetricsConfig::seconds(self.config().hardware_interval_s);
        let groups = groups.into_iter().map(|group| (group.name(), move || group.refresh()));
        parts.samplers = start(groups, interval, FIRST)?;
        self.inner.life.sampling.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Starts a thread for each of `readers`, and waits until each has read once, or for `first`, so
/// that the first scrape and the first document have figures.
fn start(
    readers: impl Iterator<Item = (&'static str, impl Fn() + Send + 'static)>,
    interval: Duration,
    first: Duration,
) -> Result<Vec<Part>, StartError> {
    // Nothing is ever sent: it is disconnected when all have read.
    let (has_read, all_have_read) = bounded::<()>(0);
    // When one can't be started, those before it end as they are dropped.
    let threads: Vec<Part> = readers
        .map(|(name, read)| {
            let has_read = has_read.clone();
            Part::start(name, move |told| {
                read();
                drop(has_read);
                while let Err(RecvTimeoutError::Timeout) = told.recv_timeout(interval) {
                    read();
                }
            })
        })
        .collect::<Result<_, _>>()?;
    drop(has_read);
    let _ = all_have_read.recv_timeout(first);
    Ok(threads)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    type Reader = Box<dyn Fn() + Send>;

    #[test]
    fn one_that_hangs_holds_up_neither_the_start_nor_the_others_nor_the_stop() {
        let (release, held) = bounded::<()>(0);
        let (tell, told) = bounded::<()>(0);
        let hangs: Reader = Box::new(move || {
            let _ = held.recv();
        });
        let counts: Reader = Box::new(move || {
            let _ = tell.send_timeout((), Duration::from_millis(1));
        });
        let readers = [("hangs", hangs), ("counts", counts)].into_iter();
        let mut threads = start(readers, Duration::from_millis(1), Duration::from_millis(20)).unwrap();

        for _ in 0..3 {
            assert!(told.recv_timeout(Duration::from_secs(60)).is_ok(), "the other goes on");
        }
        let (counts, hangs) = (threads.pop().unwrap(), threads.pop().unwrap());
        assert!(counts.join(Instant::now() + Duration::from_secs(60)));
        let begun = Instant::now();
        assert!(!hangs.join(begun + Duration::from_millis(50)), "it hangs, and is told so");
        assert!(begun.elapsed() >= Duration::from_millis(50));
        drop(release);
    }

    #[test]
    fn a_start_returns_when_all_have_read() {
        let (tell, told) = bounded::<()>(2);
        let read = move || {
            let _ = tell.try_send(());
        };
        let readers = [("a", read.clone()), ("b", read)].into_iter();
        let hour = Duration::from_secs(3_600);
        let threads = start(readers, hour, hour).unwrap();
        assert_eq!(told.len(), 2);
        for thread in threads {
            assert!(thread.join(Instant::now() + Duration::from_secs(60)));
        }
    }
}
