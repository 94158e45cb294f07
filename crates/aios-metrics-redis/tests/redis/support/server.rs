//! A `redis-server` of the test's own, and the few commands that a test says to it.
//!
//! It listens on a free loopback port, keeps its data in a directory of its own, and ends, paused
//! or not, when it is dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io};

/// A place for a server: its port, its directory, and the process while it runs.
#[derive(Debug)]
pub(crate) struct RedisServer {
    port: u16,
    #[cfg_attr(not(feature = "tls"), allow(dead_code))]
    tls_port: Option<u16>,
    directory: PathBuf,
    arguments: Vec<String>,
    configuration: Option<PathBuf>,
    process: Option<Child>,
    password: Option<String>,
}

impl RedisServer {
    /// A running server; `arguments` are those of `redis-server`.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut server = Self::absent(arguments);
        server.launch();
        server
    }

    /// A place where no server runs yet.
    pub(crate) fn absent(arguments: &[&str]) -> Self {
        Self {
            port: free_port(),
            tls_port: None,
            directory: temporary_directory(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            configuration: None,
            process: None,
            password: None,
        }
    }

    /// A running server that speaks TLS on a port of its own; `settings` are those of TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn start_with_tls(settings: &[[&str; 2]]) -> Self {
        let mut server = Self::absent(&settings.concat());
        let port = free_port();
        server.arguments.extend(["--tls-port".to_owned(), port.to_string()]);
        server.tls_port = Some(port);
        server.launch();
        server
    }

    /// The same place with further arguments from the next launch on.
    pub(crate) fn add_arguments(&mut self, arguments: &[&str]) {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
    }

    /// Starts the server, again on the same port and with the same data, and waits until it answers.
    pub(crate) fn launch(&mut self) {
        self.spawn();
        let deadline = Instant::now() + Duration::from_secs(20);
        // Before it has read its data it says LOADING, and with a password NOAUTH.
        while !matches!(self.try_command(&["PING"]), Ok(Reply::Text(answer)) if answer == "PONG" || answer.contains("NOAUTH"))
        {
            let ended = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten());
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                panic!("redis-server on port {} did not come up; its log:\n{log}", self.port);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts the server and waits for nothing.
    pub(crate) fn spawn(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        let process = Command::new("redis-server")
            .args(&self.configuration)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--daemonize", "no"])
            .args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"])
            .arg("--dir")
            .arg(&self.directory)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log_file(&self.directory))
            .stderr(Stdio::null())
            .spawn();
        match process {
            Ok(process) => self.process = Some(process),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                panic!(
                    "this test needs redis-server: install it, on Debian with `apt-get install redis-server`"
                )
            }
            Err(error) => panic!("redis-server can't be started: {error}"),
        }
    }

    /// Ends the server as a crash does, with SIGKILL. Its data stay.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Stops the process without ending it: connections stay, nothing is answered.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets a paused process go on.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let process = self.process.as_ref().expect("the server runs");
        let done = Command::new("sh").args(["-c", &format!("kill -{name} {}", process.id())]).status();
        assert!(done.is_ok_and(|status| status.success()), "signal {name} can't be sent");
    }

    /// The port, whether or not the server runs.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The port on which TLS is spoken.
    #[cfg(feature = "tls")]
    pub(crate) fn tls_port(&self) -> u16 {
        self.tls_port.expect("the server speaks TLS")
    }

    /// Where the server keeps its data.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The password that commands of the test use from now on.
    pub(crate) fn use_password(&mut self, password: &str) {
        self.password = Some(password.to_owned());
    }

    /// Says a command on a connection of its own.
    ///
    /// # Panics
    ///
    /// When the server can't be reached or does not answer within 10 s.
    pub(crate) fn command(&self, words: &[&str]) -> Reply {
        self.try_command(words).unwrap_or_else(|error| panic!("{words:?} was not answered: {error}"))
    }

    /// A section of what the server tells about itself.
    pub(crate) fn info(&self, section: &str) -> String {
        self.text(&["INFO", section])
    }

    /// The answer to a command that has one element.
    pub(crate) fn text(&self, words: &[&str]) -> String {
        match self.command(words) {
            Reply::Text(answer) => answer,
            Reply::List(elements) => panic!("{words:?} is answered by a list: {elements:?}"),
        }
    }

    /// Has the server read a file of settings before its arguments; a Sentinel also writes there.
    pub(crate) fn write_configuration(&mut self, settings: &str) {
        let path = self.directory.join("redis.conf");
        fs::write(&path, settings).expect("a file of the test can be written");
        self.configuration = Some(path);
    }

    /// The elements of a list as a reader pops them with BRPOP: the oldest first.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        match self.command(&["LRANGE", key, "0", "-1"]) {
            Reply::List(mut elements) => {
                elements.reverse();
                elements
            }
            Reply::Text(answer) => panic!("{key:?} is no list: {answer}"),
        }
    }

    fn try_command(&self, words: &[&str]) -> io::Result<Reply> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut stream = BufReader::new(stream);
        if let Some(password) = &self.password {
            say(&mut stream, &["AUTH", password])?;
        }
        say(&mut stream, words)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A word, a number, an error, or one element.
    Text(String),
    /// Several elements.
    List(Vec<String>),
}

fn say(stream: &mut BufReader<TcpStream>, words: &[&str]) -> io::Result<Reply> {
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.get_mut().write_all(request.as_bytes())?;
    let head = line(stream)?;
    match head.split_at_checked(1) {
        Some(("*", count)) => (0..number(count)?)
            .map(|_| {
                let head = line(stream)?;
                element(stream, &head)
            })
            .collect::<io::Result<_>>()
            .map(Reply::List),
        _ => element(stream, &head).map(Reply::Text),
    }
}

fn element(stream: &mut BufReader<TcpStream>, head: &str) -> io::Result<String> {
    match head.split_at_checked(1) {
        Some(("$", "-1")) => Ok(String::new()),
        Some(("$", length)) => {
            let mut bytes = vec![0; number(length)? + 2];
            stream.read_exact(&mut bytes)?;
            bytes.truncate(bytes.len() - 2);
            String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        }
        Some((_, text)) => Ok(text.to_owned()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn number(text: &str) -> io::Result<usize> {
    text.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn log_file(directory: &Path) -> Stdio {
    fs::File::create(directory.join("log")).map_or_else(|_| Stdio::null(), Stdio::from)
}

/// A directory of the test's own; whoever asks removes it.
pub(crate) fn temporary_directory() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("aios-metrics-redis-{}-{number}", std::process::id()));
    fs::create_dir_all(&directory).expect("the directory of a test can be made");
    directory
}

/// A port that was free a moment ago, below those that systems give to outgoing connections: one
/// of these could take the place of a server that is yet to come.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(97);
    (0..12_000)
        .map(|_| 20_000 + (first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000) as u16)
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .expect("the loopback has a free port")
}
