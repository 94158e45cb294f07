//! Where Redis can be: behind a Unix socket, behind Sentinels that replace it, and in a cluster
//! whose slots move.

use aios_metrics_redis::RedisOptions;

use crate::support::server::{RedisServer, Reply, free_port};
use crate::support::{KEY, Published, S, assert_complete, deliver, fast, sequences, wait_until};

fn url(url: &str) -> RedisOptions {
    RedisOptions::default().with_url(url).expect("a URL of a test is good")
}

#[test]
fn a_unix_socket() {
    let mut server = RedisServer::absent(&["--requirepass", "word"]);
    let socket = server.directory().join("redis.sock");
    let path = socket.to_str().expect("paths of tests are UTF-8").to_owned();
    let options = url(&format!("redis+unix://:word@localhost{path}?db=2"));
    let error = deliver(options.clone()).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), ("connection", true), "{error}");
    assert!(error.to_string().contains(&path), "{error}");

    server.add_arguments(&["--unixsocket", &path]);
    server.launch();
    server.use_password("word");
    let published = Published::start(fast(), options);
    wait_until("documents", || published.handle().stats().delivered >= 5);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    server.command(&["SWAPDB", "0", "2"]);
    assert_complete(&server.list(KEY), 5);
}

#[test]
fn an_acl_user_without_rights_to_the_key() {
    let server = RedisServer::start(&[]);
    server.command(&["ACL", "SETUSER", "pusher", "on", ">word", "~other", "+lpush"]);
    let published =
        Published::start(fast(), url(&format!("redis://pusher:word@127.0.0.1:{}", server.port())));
    published.wait_for_failure("permission");
    server.command(&["ACL", "SETUSER", "pusher", &format!("~{KEY}")]);
    wait_until("documents", || published.handle().stats().delivered >= 5);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    assert_complete(&server.list(KEY), 5);
}

#[test]
fn sentinels_lead_to_the_new_primary() {
    let mut primary = RedisServer::start(&[]);
    let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    let mut sentinel = RedisServer::absent(&["--sentinel"]);
    sentinel.write_configuration(&format!(
        "requirepass word\nsentinel monitor main 127.0.0.1 {} 1\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 5000\n",
        primary.port()
    ));
    let port = sentinel.port();
    let place = format!("redis-sentinel://127.0.0.1:{port}?sentinelPassword=word&sentinelServiceName=");
    let error = deliver(url(&format!("{place}main"))).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), ("sentinel", true), "{error}");
    sentinel.use_password("word");
    sentinel.launch();
    let stranger = format!("redis-sentinel://127.0.0.1:{port}?sentinelServiceName=main");
    let error = deliver(url(&stranger)).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), ("auth", false), "{error}");
    let error = deliver(url(&format!("{place}unknown"))).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), ("sentinel", true), "{error}");
    wait_until("a Sentinel that knows the replica", || {
        matches!(sentinel.command(&["SENTINEL", "CKQUORUM", "main"]), Reply::Text(answer) if answer.starts_with("OK"))
            && sentinel.info("Sentinel").contains("slaves=1")
            && replica.info("replication").contains("master_link_status:up")
    });

    let limits = url(&format!("{place}main")).with_command_timeout(S / 2);
    let published = Published::start(fast().with_max_pending(10_000), limits);
    wait_until("documents", || published.handle().stats().delivered >= 5);
    // Replication is behind its primary by nature: let it catch up, or the crash would take
    // confirmed documents with it.
    primary.command(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    wait_until("a replica that has everything", || primary.list(KEY) == replica.list(KEY));
    primary.kill();
    let before = published.handle().stats().delivered;
    wait_until("documents at the new primary", || published.handle().stats().delivered >= before + 5);
    wait_until("an empty queue", || published.handle().stats().pending == 0);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    let stats = published.handle().stats();
    assert_eq!(stats.dropped, 0, "{stats:?}");
    assert_complete(&replica.list(KEY), stats.delivered as usize);
}

/// Three nodes that have found each other; their bus is on ports of its own.
fn cluster() -> [RedisServer; 3] {
    let buses = [free_port(), free_port(), free_port()];
    let nodes = buses.map(|bus| {
        let bus = bus.to_string();
        RedisServer::start(&[
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            "2000",
            "--cluster-port",
            &bus,
        ])
    });
    for (node, slots) in nodes.iter().zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]]) {
        node.command(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
    }
    for (node, bus) in nodes.iter().zip(buses).skip(1) {
        let (port, bus) = (node.port().to_string(), bus.to_string());
        nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
    }
    wait_until("a cluster of three", || {
        nodes.iter().all(|node| {
            let state = node.text(&["CLUSTER", "INFO"]);
            state.contains("cluster_state:ok") && state.contains("cluster_known_nodes:3")
        })
    });
    nodes
}

fn move_the_list(nodes: &[RedisServer; 3], from: usize, to: usize) {
    let slot = nodes[0].text(&["CLUSTER", "KEYSLOT", KEY]);
    let ids = [0, 1, 2].map(|n| nodes[n].text(&["CLUSTER", "MYID"]));
    nodes[to].command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids[from]]);
    nodes[from].command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids[to]]);
    nodes[from].command(&["MIGRATE", "127.0.0.1", &nodes[to].port().to_string(), KEY, "0", "5000"]);
    for n in [to, from, 3 - to - from] {
        nodes[n].command(&["CLUSTER", "SETSLOT", &slot, "NODE", &ids[to]]);
    }
}

fn owner(nodes: &[RedisServer; 3]) -> usize {
    let slot: u32 = nodes[0].text(&["CLUSTER", "KEYSLOT", KEY]).parse().expect("a slot is a number");
    [5460, 10922, 16383].iter().position(|&last| slot <= last).expect("every slot has an owner")
}

#[test]
fn a_cluster_whose_slot_moves() {
    let nodes = cluster();
    let owner = owner(&nodes);
    let first = nodes[(owner + 1) % 3].port();
    let options = url(&format!("redis-cluster://127.0.0.1:{first}?node=127.0.0.1:{}", nodes[0].port()));

    // A single server's client is told what to do instead.
    let error = deliver(url(&format!("redis://127.0.0.1:{first}"))).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), ("moved", false), "{error}");

    let published = Published::start(fast(), options.clone());
    wait_until("documents", || published.handle().stats().delivered >= 5);
    move_the_list(&nodes, owner, (owner + 1) % 3);
    let before = published.handle().stats().delivered;
    wait_until("documents on the new node", || published.handle().stats().delivered >= before + 5);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    let delivered = published.handle().stats().delivered;
    assert_complete(&nodes[(owner + 1) % 3].list(KEY), delivered as usize);

    // And push and trim as one: the transaction moves with the slot.
    let published = Published::start(fast(), options.with_max_list_len(5));
    wait_until("documents", || published.handle().stats().delivered >= 5);
    move_the_list(&nodes, (owner + 1) % 3, owner);
    let before = published.handle().stats().delivered;
    wait_until("documents on the first node again", || published.handle().stats().delivered >= before + 5);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    let enqueued = published.handle().stats().enqueued;
    assert_eq!(sequences(&nodes[owner].list(KEY)), (enqueued - 5..enqueued).collect::<Vec<_>>());
}

#[test]
fn a_single_server_is_no_cluster() {
    let server = RedisServer::start(&[]);
    let error = deliver(url(&format!("redis-cluster://127.0.0.1:{}", server.port()))).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), ("not_a_cluster", false), "{error}");
}
