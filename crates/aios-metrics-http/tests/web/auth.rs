//! Passwords and tokens.

use aios_metrics_core::Registry;
use aios_metrics_http::{Auth, RateLimit, WebConfig};
use std::time::Duration;

use crate::common::{Response, Server, exporter};
use crate::support::{ANOTHER, HASH, PASSWORD, basic, bearer, refused, value, with_config};

fn start(registry: &Registry, auth: Auth) -> Server {
    Server::start(with_config(registry, WebConfig::default().with_auth(auth)))
}

fn checks(registry: &Registry) -> f64 {
    value(registry, "aios_metrics_password_checks_total", &[])
}

#[test]
fn a_right_password_gets_in_and_costs_its_hash_once() {
    let registry = Registry::new();
    let server =
        start(&registry, Auth::default().with_user("prometheus", HASH).with_user("grafana", ANOTHER));
    let mut client = server.connect();
    let mut status = |headers: &str| client.request("GET", "/metrics", headers).status;

    for _ in 0..10 {
        assert_eq!(status(&basic("prometheus", PASSWORD)), 200);
    }
    assert_eq!(checks(&registry), 1.0);
    assert_eq!(status(&basic("grafana", "another password")), 200);
    assert_eq!(checks(&registry), 2.0);

    // Each of these is wrong, and costs as much as a right one.
    let wrong = [
        basic("prometheus", "another password"),
        basic("grafana", PASSWORD),
        basic("prometheus", ""),
        basic("prometheus", &PASSWORD[1..]),
        basic("nobody", PASSWORD),
        basic("", PASSWORD),
        basic("prometheus:", PASSWORD),
    ];
    // A second time they are as wrong: only what is right is remembered.
    for headers in wrong.iter().chain(&wrong) {
        assert_eq!(status(headers), 401, "{headers}");
    }
    assert_eq!(checks(&registry), 2.0 + 2.0 * wrong.len() as f64);
    let twice = basic("prometheus", PASSWORD).repeat(2);
    for headers in ["", "authorization: Basic\r\n", "authorization: Basic !!\r\n", &bearer(PASSWORD), &twice]
    {
        assert_eq!(status(headers), 401, "{headers}");
    }
    assert_eq!(checks(&registry), 2.0 + 2.0 * wrong.len() as f64);
    assert_eq!(refused(&registry, "unauthorized"), 2.0 * wrong.len() as f64 + 5.0);
}

#[test]
fn a_password_beyond_what_bcrypt_looks_at_is_cut_there() {
    let registry = Registry::new();
    let server = start(
        &registry,
        Auth::default().with_user("long", "$2a$04$M8vS.FZFP36Wwx4DrA0UXu8NdJ.rrPJ2F/XJGDgnUOcJzrNAR7B36"),
    );
    let mut client = server.connect();
    let mut status =
        |length: usize| client.request("GET", "/metrics", &basic("long", &"x".repeat(length))).status;
    assert_eq!([72, 73, 1000, 71].map(&mut status), [200, 200, 200, 401]);
    assert_eq!(checks(&registry), 2.0);
}

#[test]
fn a_token_gets_in_without_any_hash() {
    let registry = Registry::new();
    let (first, second) = ("a7b1c9d2e4f60718", "Zm9v.YmFy_-~+/==");
    let auth =
        Auth::default().with_bearer_token(first).with_bearer_token(second).with_user("prometheus", HASH);
    let server = start(&registry, auth);
    let mut client = server.connect();
    let mut status = |headers: &str| client.request("GET", "/snapshot", headers).status;
    assert_eq!([first, second].map(|token| status(&bearer(token))), [200, 200]);
    for wrong in ["", &first[1..], &format!("{first}0"), &first.to_uppercase(), "a7b1c9d2e4f60719"] {
        assert_eq!(status(&bearer(wrong)), 401, "{wrong:?}");
    }
    assert_eq!(status(&basic(first, first)), 401);
    assert_eq!(checks(&registry), 1.0);
    assert_eq!(status(&basic("prometheus", PASSWORD)), 200);
}

#[test]
fn who_does_not_say_who_it_is_is_told_how() {
    let challenges = |auth: Auth| {
        let server = start(&Registry::new(), auth);
        let mut client = server.connect();
        client.send("GET /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        let text = client.rest();
        assert!(text.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\na valid password or token is needed\n"), "{text}");
        let lines = text.lines().filter_map(|line| line.strip_prefix("www-authenticate: "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (users, tokens) = (Auth::default().with_user("a", HASH), Auth::default().with_bearer_token("t"));
    assert_eq!(challenges(users), ["Basic realm=\"metrics\", charset=\"UTF-8\""]);
    assert_eq!(challenges(tokens), ["Bearer realm=\"metrics\""]);
    assert_eq!(challenges(Auth::default().with_user("a", HASH).with_bearer_token("t")).len(), 2);
}

#[test]
fn every_path_is_closed_but_probes_may_be_opened() {
    let auth = || Auth::default().with_bearer_token("token");
    let paths = ["/metrics", "/snapshot", "/", "/elsewhere", "/healthz", "/readyz"];
    let statuses = |auth: Auth| {
        let server = start(&Registry::new(), auth);
        let mut client = server.connect();
        for path in paths {
            let (get, head) = (client.get(path).status, client.request("HEAD", path, "").status);
            assert_eq!(get, head);
        }
        paths.map(|path| client.get(path).status)
    };
    assert_eq!(statuses(auth()), [401; 6]);
    assert_eq!(statuses(auth().with_open_probes(true)), [401, 401, 401, 401, 200, 200]);
    let server = start(&Registry::new(), auth());
    let mut client = server.connect();
    let with_token = paths.map(|path| client.request("GET", path, &bearer("token")).status);
    assert_eq!(with_token[..2], [200, 200]);
    assert_eq!(with_token[3..], [404, 200, 200]);
}

/// In an application of the user's own the server is the user's, and the guard is ours all the same.
#[test]
fn a_router_is_guarded_too() {
    let auth = Auth::default().with_user("prometheus", HASH).with_open_probes(true);
    let exporter = with_config(&Registry::new(), WebConfig::default().with_auth(auth));
    let app = axum::Router::new()
        .route("/own", axum::routing::get(async || "ours\n"))
        .nest("/internal", exporter.router());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let ask = |path: &str, headers: &str| -> Response {
        let (client, server) = tokio::io::duplex(64 * 1024);
        let io = hyper_util::rt::TokioIo::new(server);
        let service = hyper_util::service::TowerToHyperService::new(app.clone());
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(io, service);
        runtime.spawn(connection);
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}\r\n");
        let answer = runtime.block_on(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let (mut client, mut answer) = (client, Vec::new());
            client.write_all(request.as_bytes()).await?;
            client.read_to_end(&mut answer).await.map(|_| answer)
        });
        Response::parse(&answer.unwrap())
    };
    assert_eq!(ask("/own", "").status, 200);
    assert_eq!(ask("/internal/metrics", "").status, 401);
    assert_eq!(ask("/internal/metrics", &basic("prometheus", PASSWORD)).status, 200);
    assert_eq!(ask("/internal/healthz", "").status, 200);
}

#[test]
fn requests_beyond_the_rate_limit_are_told_when_to_come_back() {
    let registry = Registry::new();
    let config = WebConfig::default()
        .with_rate_limit(RateLimit::new(Duration::from_secs(3600), 3))
        .with_header("X-Content-Type-Options", "nosniff")
        .with_auth(Auth::default().with_bearer_token("token").with_open_probes(true));
    let server = Server::start(with_config(&registry, config));
    let mut client = server.connect();
    let good = bearer("token");
    let statuses = [&good, "", &good, &good].map(|headers| client.request("GET", "/metrics", headers).status);
    // Who is refused has used up the allowance all the same.
    assert_eq!(statuses, [200, 401, 200, 429]);
    let late = server.connect().request("GET", "/metrics", &good);
    assert_eq!((late.status, late.header("x-content-type-options")), (429, "nosniff"));
    let wait: u32 = late.header("retry-after").parse().unwrap();
    assert!((3000..=3600).contains(&wait), "{wait}");
    assert_eq!(refused(&registry, "rate_limit"), 2.0);
    assert_eq!(client.get("/healthz").status, 200);
}

#[test]
fn no_secret_is_shown() {
    let auth = Auth::default()
        .with_user("prometheus", HASH)
        .with_bearer_token("hunter2-token")
        .with_bearer_token_file("/run/token");
    let config = WebConfig::default().with_auth(auth);
    let shown = format!("{config:?}");
    assert!(shown.contains("prometheus") && shown.contains("/run/token"), "{shown}");
    assert!(!shown.contains("$2y$") && !shown.contains("hunter2"), "{shown}");
    let shown = format!(
        "{:?}",
        exporter(&Registry::new()).with_web_config(config).map_err(|error| error.to_string())
    );
    assert!(!shown.contains("$2y$") && !shown.contains("hunter2"), "{shown}");
}
