//! What of attached registries is left out: counted by reason, and said once for each.

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
    Encoder,
    Panic,
}

impl Reason {
    pub(crate) const ALL: [Self; 9] = [
        Self::Name,
        Self::Conflict,
        Self::Syntax,
        Self::Label,
        Self::Value,
        Self::Buckets,
        Self::Duplicate,
        Self::Encoder,
        Self::Panic,
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
            Self::Encoder => "encoder",
            Self::Panic => "panic",
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
            Self::Encoder => "its encoder failed; what follows in that registry is missing as well",
            Self::Panic => "it panicked; what follows in that registry is missing as well",
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

    #[cold]
    pub(super) fn note(&self, reason: Reason, family: &str) {
        if self.0[reason as usize].fetch_add(1, Ordering::Relaxed) > 0 {
            return;
        }
        // Whatever is wrong with it, the name may be of any length.
        let end = family.char_indices().nth(100).map_or(family.len(), |(at, _)| at);
        warn!(
            target: "aios_metrics",
            "metric {:?} of an attached registry is left out, or a part of it: {}. Said once for this reason; \
             aios_metrics_attached_rejected_total counts on.",
            &family[..end], reason.explanation(),
        );
    }
}
