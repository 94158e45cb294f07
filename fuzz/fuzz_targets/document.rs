//! Documents: any bytes are refused, or are one document that is written and read back.

#![no_main]

use aios_metrics_core::Document;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &[u8]| {
    if let Ok(document) = serde_json::from_slice::<Document>(json) {
        let written = serde_json::to_string(&document).expect("a document is JSON");
        let again: Document = serde_json::from_str(&written).expect("what we write is a document");
        assert_eq!(again, document);
        assert_eq!(serde_json::to_string(&again).expect("a document is JSON"), written);
    }
});
