//! What is left out on the way between registries: counted by reason, and said once for each.

use tracing::warn;

use crate::sync::{AtomicU64, Ordering};

/// Why something is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Name,
    Conflict,
    Syntax,
    Label,
    Value,
    Buckets,
    Duplicate,
    Exemplar,
    Encoder,
    Panic,
    Collector,
}

impl Reason {
    pub(crate) const ALL: [Self; 11] = [
        Self::Name,
        Self::Conflict,
        Self::Syntax,
        Self::Label,
        Self::Value,
        Self::Buckets,
        Self::Duplicate,
        Self::Exemplar,
        Self::Encoder,
        Self::Panic,
        Self::Collector,
    ];

    /// As a label's value.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Conflict => "conflict",
            Self::Syntax => "syntax",
            Self::Label => "label",
            Self::Value => "value",
            Self::Buckets => "buckets",
            Self::Duplicate => "duplicate",
            Self::Exemplar => "exemplar",
            Self::Encoder => "encoder",
            Self::Panic => "panic",
            Self::Collector => "collector",
        }
    }

    fn explanation(self) -> &'static str {
        match self {
            Self::Name => "expected a letter, `_` or `:`, then letters, digits, `_` or `:`",
            Self::Conflict => {
                "another metric has one of its names, or the document uses it as a key of its own"
            }
            Self::Syntax => "its text can't be read",
            Self::Label => {
                "a label has a name that is invalid, reserved or there twice, or a value that can't be read"
            }
            Self::Value => "a value is none that its type can have",
            Self::Buckets => {
                "a histogram has buckets that don't ascend, don't add up to its count, or differ from those \
                 of the family's first series"
            }
            Self::Duplicate => "a label set stands twice",
            Self::Exemplar => {
                "an exemplar can't be read, has labels of more than 128 characters, or stands where none may"
            }
            Self::Encoder => "its encoder failed; what follows in that registry is missing as well",
            Self::Panic => "it panicked; what follows in that registry is missing as well",
            Self::Collector => "a histogram with a negative bound or sum is more than its encoder can write",
        }
    }
}

/// How often each reason was found, over all snapshots.
#[derive(Debug, Default)]
pub(crate) struct Rejected([AtomicU64; Reason::ALL.len()]);

impl Rejected {
    pub(crate) fn count(&self, reason: Reason) -> u64 {
        self.0[reason as usize].load(Ordering::Relaxed)
    }

    /// Something of an attached registry is not shown among ours.
    #[cold]
    pub(super) fn note(&self, reason: Reason, family: &str) {
        if self.is_first(reason) {
            warn!(
                target: "aios_metrics",
                "metric {:?} of an attached registry is left out, or a part of it: {}. Said once for this reason; \
                 aios_metrics_attached_rejected_total counts on.",
                beginning(family), reason.explanation(),
            );
        }
    }

    /// Something of ours is not shown among theirs.
    #[cold]
    pub(crate) fn note_collected(&self, family: &str) {
        let reason = Reason::Collector;
        if self.is_first(reason) {
            warn!(
                target: "aios_metrics",
                "metric {:?} is left out, or a part of it, on the page of the registry that collects ours: {}. \
                 Said once; aios_metrics_attached_rejected_total counts on.",
                beginning(family), reason.explanation(),
            );
        }
    }

    fn is_first(&self, reason: Reason) -> bool {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed) == 0
    }
}

/// Whatever is wrong with it, the name may be of any length.
fn beginning(name: &str) -> &str {
    let end = name.char_indices().nth(100).map_or(name.len(), |(at, _)| at);
    &name[..end]
}
