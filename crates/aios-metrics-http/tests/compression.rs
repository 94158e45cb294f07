//! Pages and documents, compressed where the client wants it.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::io::Read;

use aios_metrics_core::Registry;
use common::{Client, Response, Server, exporter};

const GZIP: &str = "accept-encoding: gzip\r\n";
const OPENMETRICS: &str = "accept: application/openmetrics-text;version=1.0.0\r\n";
const PROTOBUF: &str =
    "accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n";

/// A page of some 20 KB, whose every making shows the same.
fn server() -> Server {
    let registry = Registry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs done", &["status", "route"]).unwrap();
    for route in 0..500 {
        jobs.inc_by(&["ok", &format!("/items/{route}")], route).unwrap();
    }
    Server::start(exporter(&registry))
}

fn get(client: &mut Client, path: &str, headers: &str) -> Response {
    client.request("GET", path, headers)
}

fn unpacked(response: &Response) -> Vec<u8> {
    assert_eq!((response.status, response.header("content-encoding")), (200, "gzip"));
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&*response.body).read_to_end(&mut plain).unwrap();
    plain
}

#[test]
fn a_page_is_the_same_compressed_and_plain_in_every_format() {
    let server = server();
    let mut client = server.connect();
    let protobuf = cfg!(feature = "protobuf").then_some(PROTOBUF);
    for format in ["", OPENMETRICS].into_iter().chain(protobuf) {
        let plain = get(&mut client, "/metrics", format);
        assert_eq!((plain.status, plain.header("content-encoding")), (200, ""));
        assert_eq!(plain.header("content-type").contains("protobuf"), format == PROTOBUF);
        // Three times, so that buffers and compressors are used again.
        for _ in 0..3 {
            let packed = get(&mut client, "/metrics", &format!("{format}{GZIP}"));
            assert_eq!(unpacked(&packed), plain.body);
            assert!(packed.body.len() * 4 < plain.body.len(), "{} bytes", packed.body.len());
            assert_eq!(packed.header("content-type"), plain.header("content-type"));
        }
        assert_eq!(plain.header("vary"), "Accept, Accept-Encoding");
    }
}

#[test]
fn the_document_is_compressed_too() {
    let server = server();
    let mut client = server.connect();
    let packed = get(&mut client, "/snapshot", GZIP);
    assert_eq!(
        (packed.header("content-type"), packed.header("vary")),
        ("application/json", "Accept-Encoding")
    );
    let document = String::from_utf8(unpacked(&packed)).unwrap();
    assert!(document.starts_with('{') && document.contains("jobs_total{status=ok,route=/items/499}"));
    assert_eq!(get(&mut client, "/snapshot", "").header("content-encoding"), "");
}

#[test]
fn head_has_the_headers_of_the_compressed_page() {
    let server = server();
    let mut client = server.connect();
    let head = client.request("HEAD", "/metrics", GZIP);
    let page = get(&mut client, "/metrics", GZIP);
    assert_eq!((head.status, head.header("content-encoding")), (200, "gzip"));
    assert_eq!(head.content_length(), page.body.len());
}

#[test]
fn a_small_page_is_compressed_only_for_a_client_that_takes_no_other() {
    let server = Server::start(exporter(&Registry::new()));
    let mut client = server.connect();
    let plain = get(&mut client, "/metrics", GZIP);
    assert_eq!((plain.status, plain.header("content-encoding"), plain.text()), (200, "", ""));
    let forced = get(&mut client, "/metrics", "accept-encoding: identity;q=0, gzip\r\n");
    assert_eq!(unpacked(&forced), b"");
}

#[test]
fn a_client_that_takes_neither_is_told_what_there_is() {
    let registry = Registry::new();
    let server = Server::start(exporter(&registry).with_self_metrics(&registry).unwrap());
    let mut client = server.connect();
    for path in ["/metrics", "/snapshot"] {
        let refused = get(&mut client, path, "accept-encoding: br, *;q=0\r\n");
        assert_eq!((refused.status, refused.header("content-encoding")), (406, ""), "{path}");
        assert!(refused.text().contains("gzip and identity"), "{}", refused.text());
    }
    let page = get(&mut client, "/metrics", "");
    assert!(page.text().contains("aios_metrics_scrapes_total{code=\"406\",format=\"text\"} 1\n"));
}
