//! Web configurations: a text is refused, by file, line and field, or read, and no secret of it is shown.

#![no_main]

use std::path::Path;

use aios_metrics_http::parse_web_config;
use libfuzzer_sys::fuzz_target;

/// What stands in for a password's hash in the seeds; a text that has it must not show it.
const SECRET: &str = "$2y$04$9rVs4pvHOLSgaeiySt8Ksuf4G";

fuzz_target!(|text: &[u8]| {
    let shown = match parse_web_config(Path::new("web.yml"), text) {
        Ok(config) => format!("{config:?}"),
        Err(error) => {
            assert_eq!(error.file(), Some(Path::new("web.yml")));
            let lines = 1 + text.iter().filter(|&&byte| matches!(byte, b'\n' | b'\r')).count();
            assert!(error.line().is_none_or(|line| (1..=lines).contains(&line)), "{error} of {lines} lines");
            format!("{error} {error:?}")
        }
    };
    // A secret may be called what it likes: fields are shown.
    let is_value = std::str::from_utf8(text).is_ok_and(|text| {
        let values = text.lines().filter(|line| line.trim_start().starts_with("user: "));
        values.filter(|line| line.contains(SECRET)).count() == text.matches(SECRET).count()
    });
    assert!(!is_value || !shown.contains(SECRET), "{shown}");
});
