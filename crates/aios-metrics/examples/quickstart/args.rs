//! The command line.

use std::path::PathBuf;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Hashes the files of a folder, round after round, and shows what the metrics SDK sees of it.

usage: cargo run --release --example quickstart -- [OPTIONS] [FOLDER]

  FOLDER         what to hash; the current folder without it (.git and target are left out)
  --seconds N    work for N seconds instead of 5
  --serve        work until Ctrl-C
  --port N       serve the page on this port; without it METRICS_PORT, else a free one
  --help         this text

Documents go to Redis when one answers where METRICS_REDIS_HOST, _PORT, _PASSWORD and so on say
(localhost:6379 by default), and into a file otherwise.
";

/// What to do.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) folder: PathBuf,
    pub(crate) port: Option<u16>,
    pub(crate) help: bool,
    serve: bool,
    seconds: u32,
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self { folder: PathBuf::from("."), port: None, help: false, serve: false, seconds: 5 };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => args.help = true,
                "--serve" => args.serve = true,
                "--port" => args.port = Some(number(&word, words.next())?),
                "--seconds" => args.seconds = number(&word, words.next())?,
                option if option.starts_with('-') => {
                    return Err(format!("There is no option {option}; --help shows those that there are."));
                }
                folder => args.folder = PathBuf::from(folder),
            }
        }
        if args.folder.is_dir() {
            Ok(args)
        } else {
            Err(format!("{} is not a folder.", args.folder.display()))
        }
    }

    /// How long to work; `None` for until Ctrl-C.
    pub(crate) fn seconds(&self) -> Option<Duration> {
        (!self.serve).then(|| Duration::from_secs(self.seconds.into()))
    }

    /// The same for the reader.
    pub(crate) fn until(&self) -> String {
        match self.seconds() {
            Some(_) => format!("for {} s (--serve goes on until Ctrl-C)", self.seconds),
            None => "until Ctrl-C".to_owned(),
        }
    }
}

fn number<T: std::str::FromStr>(option: &str, value: Option<String>) -> Result<T, String> {
    let value = value.unwrap_or_default();
    value.parse().map_err(|_| format!("{option} {value:?}: expected a whole number in range."))
}
