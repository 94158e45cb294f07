//! The documents that wait: a queue bounded in documents and bytes, and the books of what became
//! of each one.

use std::collections::VecDeque;

use aios_metrics_core::Payload;

/// Documents oldest first; the batch in flight is the front of it.
///
/// **Invariant**: `enqueued == delivered + dropped + len`, after every call. A document in flight
/// stays in the queue and counts as pending until its delivery is known; when the bound needs its
/// place meanwhile it is dropped like any other, and no longer counts as delivered should the
/// delivery succeed.
#[derive(Debug)]
pub(crate) struct Queue {
    documents: VecDeque<Payload>,
    bytes: usize,
    in_flight: usize,
    max_documents: usize,
    max_bytes: usize,
    enqueued: u64,
    delivered: u64,
    dropped: [u64; DropReason::ALL.len()],
}

/// Why a document was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DropReason {
    /// More documents waited than `max_pending`.
    MaxPending,
    /// More bytes waited than `max_pending_bytes`.
    MaxPendingBytes,
    /// The document alone is larger than `max_pending_bytes`.
    TooLarge,
}

impl DropReason {
    pub(crate) const ALL: [Self; 3] = [Self::MaxPending, Self::MaxPendingBytes, Self::TooLarge];

    /// The reason as a label value.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::MaxPending => "max_pending",
            Self::MaxPendingBytes => "max_pending_bytes",
            Self::TooLarge => "too_large",
        }
    }
}

impl Queue {
    pub(crate) fn new(max_documents: usize, max_bytes: usize) -> Self {
        Self {
            documents: VecDeque::new(),
            bytes: 0,
            in_flight: 0,
            max_documents,
            max_bytes,
            enqueued: 0,
            delivered: 0,
            dropped: [0; DropReason::ALL.len()],
        }
    }

    /// Adds the newest document and drops the oldest ones that no longer have room.
    pub(crate) fn push(&mut self, payload: Payload) {
        self.enqueued += 1;
        let size = payload.json().len();
        if size > self.max_bytes {
            // Making room for it would empty the queue and still not be enough.
            self.count_dropped(DropReason::TooLarge);
            return;
        }
        while self.documents.len() >= self.max_documents {
            self.drop_oldest(DropReason::MaxPending);
        }
        while self.bytes + size > self.max_bytes {
            self.drop_oldest(DropReason::MaxPendingBytes);
        }
        self.bytes += size;
        self.documents.push_back(payload);
    }

    /// The oldest documents, now in flight: as many as fit both limits, at least one if there is
    /// one. Ends with [`settle`](Self::settle).
    pub(crate) fn begin(&mut self, max_documents: usize, max_bytes: usize) -> Vec<Payload> {
        let mut bytes = 0;
        let mut batch = Vec::new();
        for payload in self.documents.iter().take(max_documents) {
            bytes += payload.json().len();
            if bytes > max_bytes && !batch.is_empty() {
                break;
            }
            batch.push(payload.clone());
        }
        self.in_flight = batch.len();
        batch
    }

    /// Ends a delivery. What was delivered leaves the queue; what was not waits again.
    pub(crate) fn settle(&mut self, delivered: bool) {
        let in_flight = std::mem::take(&mut self.in_flight);
        if delivered {
            for payload in self.documents.drain(..in_flight) {
                self.bytes -= payload.json().len();
                self.delivered += 1;
            }
        }
    }

    fn drop_oldest(&mut self, reason: DropReason) {
        if let Some(oldest) = self.documents.pop_front() {
            self.bytes -= oldest.json().len();
            self.in_flight = self.in_flight.saturating_sub(1);
            self.count_dropped(reason);
        }
    }

    fn count_dropped(&mut self, reason: DropReason) {
        self.dropped[reason as usize] += 1;
    }

    /// How many documents wait, those in flight among them.
    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    /// How many of the waiting documents have a number below `sequence`.
    pub(crate) fn len_before(&self, sequence: u64) -> usize {
        self.documents.partition_point(|payload| payload.sequence() < sequence)
    }

    /// The bytes of the documents that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many documents were ever added; the number of the next one.
    pub(crate) fn enqueued(&self) -> u64 {
        self.enqueued
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.iter().sum()
    }

    pub(crate) fn dropped_for(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the queue should do, told in the plainest way: a list in which each document has one
    /// fate.
    #[derive(Default)]
    struct Oracle {
        documents: Vec<(u64, usize)>,
        in_flight: Vec<u64>,
        delivered: Vec<u64>,
        dropped: Vec<u64>,
        next: u64,
    }

    impl Oracle {
        fn push(&mut self, size: usize, max_documents: usize, max_bytes: usize) {
            let sequence = self.next;
            self.next += 1;
            if size > max_bytes {
                self.dropped.push(sequence);
                return;
            }
            self.documents.push((sequence, size));
            while self.documents.len() > max_documents || self.bytes() > max_bytes {
                let (oldest, _) = self.documents.remove(0);
                self.dropped.push(oldest);
            }
        }

        fn settle(&mut self, delivered: bool) {
            for sequence in std::mem::take(&mut self.in_flight) {
                let waiting = self.documents.iter().position(|(waiting, _)| *waiting == sequence);
                if let (Some(at), true) = (waiting, delivered) {
                    self.documents.remove(at);
                    self.delivered.push(sequence);
                }
            }
        }

        fn bytes(&self) -> usize {
            self.documents.iter().map(|(_, size)| size).sum()
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(usize),
        Begin(usize, usize),
        Settle(bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_usize..40).prop_map(Step::Push),
            2 => (1_usize..8, 1_usize..80).prop_map(|(documents, bytes)| Step::Begin(documents, bytes)),
            2 => any::<bool>().prop_map(Step::Settle),
        ]
    }

    proptest! {
        #[test]
        fn does_what_the_oracle_does(
            max_documents in 1_usize..8,
            max_bytes in 1_usize..100,
            steps in prop::collection::vec(step(), 0..200),
        ) {
            let mut queue = Queue::new(max_documents, max_bytes);
            let mut oracle = Oracle::default();
            for step in steps {
                match step {
                    Step::Push(size) => {
                        queue.push(Payload::new(queue.enqueued(), vec![b'x'; size]));
                        oracle.push(size, max_documents, max_bytes);
                    }
                    Step::Begin(documents, bytes) if oracle.in_flight.is_empty() => {
                        let batch = queue.begin(documents, bytes);
                        let sequences: Vec<u64> = batch.iter().map(Payload::sequence).collect();
                        prop_assert!(batch.len() <= documents);
                        prop_assert_eq!(batch.is_empty(), oracle.documents.is_empty());
                        prop_assert!(
                            batch.len() <= 1
                                || batch.iter().map(|payload| payload.json().len()).sum::<usize>() <= bytes
                        );
                        // The batch is the oldest of what waits, in order.
                        let oldest = oracle.documents.iter().take(batch.len()).map(|(sequence, _)| *sequence);
                        prop_assert_eq!(&sequences, &oldest.collect::<Vec<_>>());
                        oracle.in_flight = sequences;
                    }
                    Step::Begin(..) => {}
                    Step::Settle(delivered) => {
                        queue.settle(delivered);
                        oracle.settle(delivered);
                    }
                }
                prop_assert!(queue.len() <= max_documents && queue.bytes() <= max_bytes);
                prop_assert_eq!(queue.len(), oracle.documents.len());
                prop_assert_eq!(queue.bytes(), oracle.bytes());
                prop_assert_eq!(queue.delivered(), oracle.delivered.len() as u64);
                prop_assert_eq!(queue.dropped(), oracle.dropped.len() as u64);
                prop_assert_eq!(queue.enqueued(), queue.delivered() + queue.dropped() + queue.len() as u64);
                let waiting: Vec<u64> = queue.documents.iter().map(Payload::sequence).collect();
                prop_assert_eq!(waiting, oracle.documents.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>());
                prop_assert_eq!(queue.len_before(queue.enqueued()), queue.len());
            }
        }
    }

    #[test]
    fn reasons_are_told_apart() {
        let mut queue = Queue::new(2, 10);
        for size in [1, 1, 1, 9, 11] {
            queue.push(Payload::new(queue.enqueued(), vec![b'x'; size]));
        }
        // The third needed a place, the fourth a place and nine bytes, the fifth never fits.
        assert_eq!(DropReason::ALL.map(|reason| queue.dropped_for(reason)), [2, 0, 1]);
        queue.push(Payload::new(queue.enqueued(), vec![b'x'; 5]));
        assert_eq!(DropReason::ALL.map(|reason| queue.dropped_for(reason)), [3, 1, 1]);
    }

    #[test]
    fn a_document_dropped_in_flight_is_not_delivered_too() {
        let mut queue = Queue::new(2, 100);
        for _ in 0..2 {
            queue.push(Payload::new(queue.enqueued(), vec![b'x']));
        }
        assert_eq!(queue.begin(2, 100).len(), 2);
        queue.push(Payload::new(queue.enqueued(), vec![b'x']));
        queue.settle(true);
        assert_eq!((queue.delivered(), queue.dropped(), queue.len()), (1, 1, 1));
    }
}
