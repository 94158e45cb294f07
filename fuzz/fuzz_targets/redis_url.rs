//! Redis by URL: any text is refused, or is a place; neither answer shows the password.

#![no_main]

use aios_metrics_redis::RedisOptions;
use libfuzzer_sys::fuzz_target;

/// Nothing else in a text is likely to contain this.
const PASSWORD: &str = "p4-5Sw0rd";

fuzz_target!(|text: &str| {
    let _ = RedisOptions::default().with_url(text);
    if text.contains("5Sw0rd") {
        return;
    }
    // The same with a password where one can be, as it is and percent-encoded.
    for password in [PASSWORD, "p4%2d5Sw0rd"] {
        match RedisOptions::default().with_url(&text.replacen('@', &format!(":{password}@"), 1)) {
            Ok(options) => {
                let secrets = [&options.password, &options.sentinel_password];
                if secrets.into_iter().flatten().any(|secret| secret.contains(PASSWORD)) {
                    assert!(!format!("{options:?}").contains("5Sw0rd"), "{text:?}");
                }
            }
            Err(error) => assert!(!format!("{error} {error:?}").contains("5Sw0rd"), "{text:?}"),
        }
    }
});
