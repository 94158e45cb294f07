//! URLs, good and bad.

use super::super::{RedisOptions, RedisServer, RedisTls, RedisUrlError};

fn parse(url: &str) -> Result<RedisOptions, RedisUrlError> {
    RedisOptions::default().with_url(url)
}

fn places(places: &[(&str, u16)]) -> Vec<(String, u16)> {
    places.iter().map(|&(host, port)| (host.to_owned(), port)).collect()
}

#[test]
fn every_kind_of_server() {
    let single = |host: &str, port| RedisServer::Single { host: host.to_owned(), port };
    let socket = |path: &str| RedisServer::UnixSocket { path: path.into() };
    let table = [
        ("redis://redis", single("redis", 6379), "redis:6379"),
        ("redis://10.0.0.1:7000/", single("10.0.0.1", 7000), "10.0.0.1:7000"),
        ("valkey://[::1]:7000/0", single("::1", 7000), "[::1]:7000"),
        ("redis+unix:///run/redis/redis.sock", socket("/run/redis/redis.sock"), "/run/redis/redis.sock"),
        ("unix:///run/a%20b", socket("/run/a b"), "/run/a b"),
        (
            "redis-sentinel://s1?node=s2:26380&node=[::1]:26381&sentinelServiceName=main",
            RedisServer::Sentinel {
                sentinels: places(&[("s1", 26379), ("s2", 26380), ("::1", 26381)]),
                service: "main".to_owned(),
            },
            "service main of the Sentinels s1:26379, s2:26380, [::1]:26381",
        ),
        (
            "redis-cluster://n1:7000/0?node=n2:7001",
            RedisServer::Cluster { nodes: places(&[("n1", 7000), ("n2", 7001)]) },
            "the cluster of n1:7000, n2:7001",
        ),
    ];
    for (url, server, shown) in table {
        let options = parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(options.server, server, "{url}");
        assert_eq!(options.server.to_string(), shown);
        assert_eq!((options.db, options.tls), (0, None), "{url}");
    }
}

#[test]
fn credentials_database_and_tls() {
    let options = parse("redis://us%40er:p%2Fss%3Aword@redis:6380/12").unwrap();
    assert_eq!(
        (options.username.as_deref(), options.password.as_deref()),
        (Some("us@er"), Some("p/ss:word"))
    );
    assert_eq!(options.db, 12);
    let options = parse("redis://:word@redis").unwrap();
    assert_eq!((options.username, options.password.as_deref()), (None, Some("word")));
    let options = parse("redis+unix://user:word@localhost/run/redis.sock?db=3").unwrap();
    assert_eq!(
        (options.username.as_deref(), options.password.as_deref(), options.db),
        (Some("user"), Some("word"), 3)
    );
    let options =
        parse("redis-sentinel://:a@s1/2?sentinelServiceName=x&sentinelUsername=u&sentinelPassword=b")
            .unwrap();
    assert_eq!(options.password.as_deref(), Some("a"));
    assert_eq!(
        (options.sentinel_username.as_deref(), options.sentinel_password.as_deref()),
        (Some("u"), Some("b"))
    );
    assert_eq!(options.db, 2);
    for url in ["rediss://redis", "rediss-cluster://redis", "valkeys-sentinel://redis?sentinelServiceName=x"]
    {
        assert_eq!(parse(url).unwrap().tls, Some(RedisTls::default()), "{url}");
    }
}

#[test]
fn what_the_url_does_not_say_stays() {
    let options = RedisOptions::default()
        .with_host("elsewhere")
        .with_username("user")
        .with_password("word")
        .with_db(3)
        .with_tls(RedisTls::default().with_ca("ca.pem"));
    let with_tls = options.clone().with_url("rediss://redis:6380").unwrap();
    assert_eq!(with_tls.server.to_string(), "redis:6380");
    assert_eq!((with_tls.username.as_deref(), with_tls.password.as_deref()), (Some("user"), Some("word")));
    assert_eq!((with_tls.db, &with_tls.tls), (3, &options.tls));
    // TLS is the URL's to say.
    assert_eq!(options.with_url("redis://redis").unwrap().tls, None);
}

#[test]
fn bad_urls_say_what_is_expected_and_nothing_of_themselves() {
    let table = [
        ("", RedisUrlError::Syntax),
        ("s3cret", RedisUrlError::Syntax),
        ("redis://:s3cret#x@redis", RedisUrlError::Syntax),
        ("redis://user:s3cret/x@redis", RedisUrlError::Syntax),
        ("redis://redis:port", RedisUrlError::Syntax),
        ("redis://redis:70000", RedisUrlError::Syntax),
        ("http://user:s3cret@redis", RedisUrlError::Scheme),
        ("s3cret:redis", RedisUrlError::Scheme),
        ("redis:///0", RedisUrlError::Place),
        ("redis+unix://", RedisUrlError::Place),
        ("redis://user:s3cret@redis/first", RedisUrlError::Database),
        ("redis://redis/1/2", RedisUrlError::Database),
        ("redis://redis/-1", RedisUrlError::Database),
        ("redis+unix:///run/redis.sock?db=x", RedisUrlError::Database),
        ("redis-cluster://redis/1", RedisUrlError::Database),
        ("redis-cluster://redis?node=s3cret", RedisUrlError::Node),
        ("redis-cluster://redis?node=:1", RedisUrlError::Node),
        ("redis-cluster://redis?node=a:b", RedisUrlError::Node),
        ("redis-sentinel://redis", RedisUrlError::Service),
        ("redis-sentinel://redis?sentinelServiceName=", RedisUrlError::Service),
        ("redis://redis?s3cret=1", RedisUrlError::Parameter),
        ("redis://redis?node=a:1", RedisUrlError::Parameter),
        ("redis://redis#s3cret", RedisUrlError::Parameter),
        ("redis://:%ff@redis", RedisUrlError::Encoding),
    ];
    for (url, expected) in table {
        let error = parse(url).expect_err(url);
        assert_eq!(error, expected, "{url}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
