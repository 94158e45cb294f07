//! Every parser of a file of `/proc` and `/sys`, on the same text: none panics, and every number that
//! they give stands in the text.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| aios_metrics_hw::check_parsers(text));
