//! Paths, methods and headers, as they look on the wire.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use aios_metrics_core::Registry;
use common::{Server, exporter};

fn server() -> Server {
    Server::start(exporter(&Registry::new()))
}

fn server_with_jobs() -> Server {
    let registry = Registry::new();
    registry.register_counter("jobs", "Jobs done", &[]).expect("the name is good");
    Server::start(exporter(&registry))
}

#[test]
fn health_is_ok() {
    let response = server().connect().get("/healthz");
    assert_eq!((response.status, response.text()), (200, "ok\n"));
    assert_eq!(response.header("content-type"), "text/plain; charset=utf-8");
}

#[test]
fn readiness_is_what_the_check_says() {
    let response = server().connect().get("/readyz");
    assert_eq!((response.status, response.text()), (200, "ready\n"));

    let calls = AtomicUsize::new(0);
    let check = move || match calls.fetch_add(1, Ordering::Relaxed) {
        0 => Ok(()),
        1 => Err("nobody listens".to_owned()),
        _ => panic!("a check that fails"),
    };
    let server = Server::start(exporter(&Registry::new()).with_readiness(check));
    let mut client = server.connect();
    assert_eq!(client.get("/readyz").status, 200);
    let response = client.get("/readyz");
    assert_eq!((response.status, response.text()), (503, "nobody listens\n"));
    assert_eq!(response.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(client.get("/readyz").status, 503);
    assert_eq!(client.get("/healthz").status, 200, "alive, if not ready");
}

#[test]
fn the_page_is_text_unless_openmetrics_is_asked_for() {
    let server = server_with_jobs();
    let mut client = server.connect();

    let text = client.get("/metrics");
    assert_eq!((text.status, text.header("vary")), (200, "Accept, Accept-Encoding"));
    assert_eq!(text.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(text.text(), "# HELP jobs_total Jobs done\n# TYPE jobs_total counter\njobs_total 0\n");

    let accept =
        "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.2\r\n";
    let open = client.request("GET", "/metrics", accept);
    assert_eq!(
        open.header("content-type"),
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
    );
    assert_eq!(open.text(), "# TYPE jobs counter\n# HELP jobs Jobs done\njobs_total 0\n# EOF\n");
}

#[test]
fn the_snapshot_is_the_document_without_a_sequence() {
    let response = server_with_jobs().connect().get("/snapshot");
    assert_eq!((response.status, response.header("content-type")), (200, "application/json"));
    let body = response.text();
    assert!(body.starts_with('{') && body.ends_with('}'), "{body}");
    assert!(body.contains("\"blockId\":\"billing\"") && body.contains("\"jobs_total\":0"), "{body}");
    assert!(!body.contains("\"sequence\""), "{body}");
}

#[test]
fn head_is_get_without_the_body() {
    let server = server_with_jobs();
    let mut client = server.connect();
    for path in ["/metrics", "/snapshot", "/healthz", "/readyz"] {
        let head = client.request("HEAD", path, "");
        let get = client.get(path);
        assert_eq!((head.status, get.status), (200, 200), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        if path != "/snapshot" {
            assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
        }
    }
}

#[test]
fn other_methods_are_told_which_are_allowed() {
    let server = server();
    for path in ["/metrics", "/snapshot", "/healthz", "/readyz", "/"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"] {
            let response = server.connect().request(method, path, "content-length: 0\r\n");
            let allow: Vec<_> = response.header("allow").split(',').map(str::trim).collect();
            assert_eq!((response.status, allow), (405, vec!["GET", "HEAD"]), "{method} {path}");
        }
    }
}

#[test]
fn other_paths_are_told_where_to_look() {
    let server = server();
    for path in ["/metric", "/metrics/", "/metrics/x", "//metrics", "/%6detrics", "/../etc/passwd"] {
        let response = server.connect().get(path);
        assert_eq!(response.status, 404, "{path}");
        for endpoint in ["/metrics", "/snapshot", "/healthz", "/readyz"] {
            assert!(response.text().contains(endpoint), "{path}");
        }
    }
    assert_eq!(server.connect().get("/healthz?verbose=1").status, 200);
}

#[test]
fn people_find_their_way_from_the_landing_page() {
    let server = server();
    let mut client = server.connect();
    let page = client.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    let version = env!("CARGO_PKG_VERSION");
    for shown in ["billing", "billing-1", "node-7", version] {
        assert!(page.text().contains(shown), "{shown} in {}", page.text());
    }
    let links: Vec<&str> =
        page.text().split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(links, ["metrics", "snapshot", "healthz", "readyz"]);
    for link in links {
        assert_eq!(client.get(&format!("/{link}")).status, 200, "{link}");
    }
}

#[test]
fn without_a_landing_page_the_root_is_like_any_other_path() {
    let server = Server::start(exporter(&Registry::new()).with_landing_page(false));
    assert_eq!(server.connect().get("/").status, 404);
}

#[test]
fn a_connection_is_kept_and_pipelined_requests_are_answered_in_order() {
    let server = server();
    let mut client = server.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/healthz").text(), "ok\n");
    }
    let pipeline: String = ["/healthz", "/nowhere", "/metrics", "/healthz"]
        .map(|path| format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
        .concat();
    client.send(pipeline);
    let codes = [(); 4].map(|()| client.response(true).status);
    assert_eq!(codes, [200, 404, 200, 200]);

    client.send("GET /healthz HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    assert_eq!(client.response(true).status, 200);
    assert!(client.is_closed_in_time());

    let mut old = server.connect();
    old.send("GET /healthz HTTP/1.0\r\n\r\n");
    assert_eq!(old.response(true).text(), "ok\n");
    assert!(old.is_closed_in_time());
}

#[test]
fn what_is_no_http_is_refused_and_harms_nobody() {
    let server = server();
    for noise in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02"] {
        let mut client = server.connect();
        client.send(noise);
        if let Ok(response) = client.try_response(true) {
            assert_eq!(response.status, 400, "{noise:?}");
        }
    }
    assert_eq!(server.connect().get("/healthz").status, 200);
}
