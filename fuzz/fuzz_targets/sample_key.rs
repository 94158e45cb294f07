//! Keys of samples: any text is refused, or is one key that is written and read back.

#![no_main]

use aios_metrics_core::SampleKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(key) = text.parse::<SampleKey>() {
        let written = key.to_string();
        assert_eq!(written.parse::<SampleKey>().as_ref(), Ok(&key), "{written:?}");
        assert!(written.len() <= 2 * text.len() + 2 * key.labels.len());
    }
});
