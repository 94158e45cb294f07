//! Floods of wrong passwords, and what others notice of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use aios_metrics_core::Registry;
use aios_metrics_http::{Auth, WebConfig};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::common::{Client, Server};
use crate::support::{PASSWORD, SLOW_HASH, basic, bearer, refused, value, wait_until, with_config};

/// Clients that ask with wrong passwords as fast as they are answered, until this is dropped.
struct Flood {
    over: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Flood {
    fn start(addr: SocketAddr, clients: usize) -> Self {
        let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let start = |i| {
            let (over, asked) = (Arc::clone(&over), Arc::clone(&asked));
            thread::spawn(move || {
                let mut client = Client::connect(addr);
                while !over.load(Ordering::SeqCst) {
                    let number = asked.fetch_add(1, Ordering::SeqCst);
                    // Half of them know a user's name.
                    let user = if i % 2 == 0 { "prometheus" } else { "nobody" };
                    let headers = basic(user, &format!("wrong {number}"));
                    match client.try_request("GET", "/metrics", &headers) {
                        Ok(answer) => assert!([401, 429].contains(&answer.status), "{}", answer.status),
                        // Another one needed the place.
                        Err(_) => client = Client::connect(addr),
                    }
                }
            })
        };
        let threads = (0..clients).map(start).collect();
        Self { over, asked, threads }
    }

    fn end(mut self) -> u64 {
        self.over.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        self.asked.load(Ordering::SeqCst)
    }
}

#[test]
fn thousands_of_wrong_passwords_keep_no_scraper_out() {
    let registry = Registry::new();
    let auth = Auth::default().with_user("prometheus", SLOW_HASH).with_bearer_token("token");
    let server = Server::start(with_config(&registry, WebConfig::default().with_auth(auth)));
    let checks = || value(&registry, "aios_metrics_password_checks_total", &[]);
    let right = basic("prometheus", PASSWORD);
    let mut known = server.connect();
    assert_eq!(known.request("GET", "/metrics", &right).status, 200);

    let flood = Flood::start(server.addr, 24);
    wait_until("the queue is full", || refused(&registry, "busy") > 100.0);
    // One that is known goes on, on its connection and on a new one; so does one with a token.
    for _ in 0..50 {
        assert_eq!(known.request("GET", "/metrics", &right).status, 200);
        assert_eq!(server.connect().request("GET", "/metrics", &right).status, 200);
        assert_eq!(server.connect().request("GET", "/metrics", &bearer("token")).status, 200);
    }
    wait_until("thousands were asked", || flood.asked.load(Ordering::SeqCst) > 3000);
    let asked = flood.end();
    let (wrong, busy) = (refused(&registry, "unauthorized"), refused(&registry, "busy"));
    // Each wrong password was either checked or turned away; next to none were checked. Who lost its
    // place got no answer.
    assert!(wrong + busy <= asked as f64);
    assert!(checks() >= wrong && checks() <= 1.0 + wrong + 24.0, "{} checks, {wrong} answers", checks());
    assert!(checks() < asked as f64 / 5.0, "{} of {asked} were checked", checks());
}

/// The flood comes from one address; who comes from another finds a place in the queue.
#[test]
#[cfg(target_os = "linux")]
fn who_is_not_known_yet_gets_its_turn_from_another_address() {
    let registry = Registry::new();
    let auth = Auth::default().with_user("prometheus", SLOW_HASH);
    let server = Server::start(with_config(&registry, WebConfig::default().with_auth(auth)));
    let flood = Flood::start(server.addr, 12);
    wait_until("the flood's places are taken", || refused(&registry, "busy") > 100.0);

    let mut scraper = Client::connect_from([127, 0, 0, 2].into(), server.addr);
    assert_eq!(scraper.request("GET", "/metrics", &basic("prometheus", PASSWORD)).status, 200);
    flood.end();
}

/// The same where the server is somebody else's and axum knows the address.
#[test]
fn a_router_gives_turns_by_address_too() {
    let registry = Registry::new();
    let auth = Auth::default().with_user("prometheus", SLOW_HASH);
    let router = with_config(&registry, WebConfig::default().with_auth(auth)).router();
    let ask = |from: [u8; 4], password: &str| {
        let (router, headers) = (router.clone(), basic("prometheus", password));
        let (name, value) = headers.trim_end().split_once(": ").unwrap();
        let address = ConnectInfo(SocketAddr::from((from, 4711)));
        let request = Request::get("/metrics").header(name, value).extension(address);
        let request = request.body(Body::empty()).unwrap();
        async move { TowerToHyperService::new(router).call(request).await.unwrap().status().as_u16() }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let flood: Vec<_> =
            (0..24).map(|i| tokio::spawn(ask([192, 0, 2, 1], &format!("wrong {i}")))).collect();
        // On this one thread all of them have been turned away or wait before the scraper asks.
        while refused(&registry, "busy") < 8.0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(ask([192, 0, 2, 2], PASSWORD).await, 200);
        for wrong in flood {
            assert!([401, 429].contains(&wrong.await.unwrap()));
        }
    });
    assert_eq!(refused(&registry, "busy"), 20.0, "one address has four places");
}
