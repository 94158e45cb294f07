//! A process that runs out of file descriptors.
#![cfg(unix)]

mod common;

use std::net::TcpStream;
use std::process::Command;

use aios_metrics_core::Registry;
use common::{Server, exporter};

/// Set in the child, whose descriptors are few.
const CHILD: &str = "AIOS_METRICS_TEST_FEW_DESCRIPTORS";

#[test]
fn the_exporter_goes_on_once_there_are_descriptors_again() {
    if std::env::var_os(CHILD).is_some() {
        return run_out_of_descriptors();
    }
    let child = Command::new("sh")
        .args(["-c", "ulimit -n 48; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "the_exporter_goes_on_once_there_are_descriptors_again", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}

fn run_out_of_descriptors() {
    let server = Server::start(exporter(&Registry::new()));
    let mut before = server.connect();
    assert_eq!(before.get("/healthz").status, 200);

    // Both ends of a connection are in this process. The last descriptors go to clients, so that
    // the server's accepts fail.
    let clients: Vec<_> = std::iter::from_fn(|| TcpStream::connect(server.addr).ok()).collect();
    assert!(clients.len() > 10, "{}", clients.len());
    assert_eq!(before.get("/healthz").status, 200, "who is connected is served");

    drop(clients);
    assert_eq!(server.connect().get("/healthz").status, 200);
}
