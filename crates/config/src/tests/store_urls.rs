//! URLs of the stores: as they are written, or refused by the name of what is wrong; never weaker, never shown.

use super::*;
use crate::{PostgresServers, StoresConfig};
use secrecy::ExposeSecret;

const REDIS: &str = "redis://:hunter2@cache";
const POSTGRES: &str = "postgres://u:hunter2@db/gatepost";

fn with_urls(database: &str, redis: &str) -> Result<Config, ConfigErrors> {
    shortest_and(&[("DATABASE_URL", database), ("REDIS_URL", redis), ("GATEPOST_SECRET_KEYS", KEY)])
}

#[track_caller]
fn database(query: &str) -> String {
    let config = accepted(with_urls(&format!("{POSTGRES}{query}"), REDIS));
    let StoresConfig::Shared { database_url, .. } = config.stores else { panic!("the shared stores") };
    database_url.current().expose_secret().strip_prefix(POSTGRES).expect("the rest stays as it is").to_owned()
}

/// One fault at this variable, with these words, and nothing of the secret.
#[track_caller]
fn refuses(name: &str, url: &str, parts: &[&str]) {
    let read = if name == "REDIS_URL" { with_urls(POSTGRES, url) } else { with_urls(url, REDIS) };
    let lines = lines(read);
    assert_eq!(lines.len(), 1, "{url}: {lines:#?}");
    assert!(lines[0].starts_with(&format!("{name}: found ")), "{lines:?}");
    for part in parts {
        assert!(lines[0].contains(part), "{url}: {part:?} is not in {lines:?}");
    }
    assert!(!lines[0].contains("hunter2"), "{lines:?}");
}

#[test]
fn an_unknown_parameter_is_refused_by_its_name_without_its_value() {
    for key in ["sslpassword", "sslmod", "SSLMODE", "connect_timeout", "require_auth"] {
        refuses(
            "DATABASE_URL",
            &format!("{POSTGRES}?{key}=hunter2"),
            &[&format!("unknown parameter {key},")],
        );
    }
    for key in ["ssl_cert_reqs", "timeout", "db", "pass"] {
        refuses("REDIS_URL", &format!("{REDIS}?{key}=hunter2"), &[&format!("unknown parameter {key},")]);
    }
    refuses("REDIS_URL", "unix:///run/redis.sock?password=hunter2", &["unknown parameter password,"]);
}

#[test]
fn a_demand_for_tls_is_met_as_written_or_refused() {
    refuses("DATABASE_URL", &format!("{POSTGRES}?ssl=true"), &["parameter ssl,", "sslmode=verify-full"]);
    refuses("REDIS_URL", &format!("{REDIS}?tls=true"), &["parameter tls,", "rediss://"]);
    refuses(
        "DATABASE_URL",
        &format!("{POSTGRES}?channel_binding=require"),
        &["channel_binding", "verify-full"],
    );
    assert_eq!(database("?sslmode=require&channel_binding=prefer"), "?sslmode=require");
    refuses("DATABASE_URL", &format!("{POSTGRES}?sslmode=always"), &["sslmode", "verify-full"]);
    refuses("DATABASE_URL", &format!("{POSTGRES}?sslmode=verify-full&ssl-mode=disable"), &["sslmode twice"]);
    for (given, read) in [
        ("?sslmode=verify-full", "?sslmode=verify-full"),
        ("?sslmode=Verify-Full&sslrootcert=/ca.pem", "?sslmode=Verify-Full&sslrootcert=/ca.pem"),
        ("?sslmode=require", "?sslmode=require"),
        ("?sslmode=require&sslrootcert=/ca.pem", "?sslrootcert=%2Fca.pem&sslmode=verify-ca"),
        ("?ssl-ca=/ca.pem&ssl-mode=require", "?ssl-ca=%2Fca.pem&sslmode=verify-ca"),
        ("?sslrootcert=system", "?sslmode=verify-full"),
        ("?sslrootcert=system&sslmode=verify-full", "?sslmode=verify-full"),
        ("", ""),
    ] {
        assert_eq!(database(given), read, "{given}");
    }
    for weak in
        ["?sslrootcert=/ca.pem", "?sslrootcert=/ca.pem&sslmode=prefer", "?sslrootcert=system&sslmode=require"]
    {
        refuses("DATABASE_URL", &format!("{POSTGRES}{weak}"), &["sslrootcert", "sslmode=verify-full"]);
    }
    refuses("DATABASE_URL", &format!("{POSTGRES}?sslcert=/a"), &["sslcert and sslkey"]);
}

#[test]
fn a_redis_url_that_disables_verification_is_refused() {
    for scheme in ["rediss", "valkeys"] {
        let url = format!("{scheme}://:hunter2@cache:6380/0#insecure");
        refuses("REDIS_URL", &url, &["#insecure", "GATEPOST_CA_FILE"]);
    }
}

#[test]
fn a_character_that_ends_a_password_early_is_explained_and_shows_nothing() {
    for password in [
        "a#hunter2",
        "a/hunter2",
        "a?hunter2",
        "1#hunter2",
        "1/hunter2",
        "1?hunter2",
        "p@ss/hunter2",
        "p@ss#hunter2",
        "p@1?hunter2",
        "p@1?hunter2=x&y=z",
        "1?hunter2=x",
        "a,b/hunter2",
        "hunter2/a?b#c",
    ] {
        for (name, scheme) in [("DATABASE_URL", "postgres"), ("REDIS_URL", "redis"), ("REDIS_URL", "rediss")]
        {
            refuses(name, &format!("{scheme}://u:{password}@host/0"), &["percent-encoded", "%23", "%2F"]);
        }
    }
    accepted(with_urls(
        "postgres://u:hunter2%23%2F%3F%40@db/gatepost?user=me@server",
        "redis://u:p%23%2F@cache/0",
    ));
}

#[test]
fn several_hosts_are_refused_in_one_clear_line() {
    refuses(
        "DATABASE_URL",
        "postgres:///x?host=a,b",
        &["several hosts", "the primary", "host:port,host:port"],
    );
    refuses("REDIS_URL", "redis://:hunter2@a:6379,b:6379/0", &["several hosts", "redis-sentinel://"]);
}

#[test]
fn several_hosts_of_postgres_are_accepted_and_each_is_checked() {
    for url in [
        "postgres://u:hunter2@a:5432,b:5432/x",
        "postgres://a,b/x?sslmode=require",
        "postgres://u:hunter2@a,[::1]:5433/x?target_session_attrs=read-write",
        "postgres://u:hunter2@a/x?target_session_attrs=primary",
    ] {
        accepted(with_urls(url, REDIS));
    }
    refuses(
        "DATABASE_URL",
        "postgres://u:hunter2@a,b/x?target_session_attrs=any",
        &["target_session_attrs", "read-write"],
    );
    refuses("DATABASE_URL", "postgres://u:hunter2@a,b/x?sslmode=maybe", &["sslmode"]);
    refuses("DATABASE_URL", "postgres://u:hunter2@a,2001:db8::1/x", &["brackets"]);
}

#[test]
fn nodes_of_a_cluster_are_accepted_without_a_database() {
    for url in [
        "redis-cluster://a",
        "redis-cluster://u:hunter2@a:1,[::1]:2,c/",
        "rediss-cluster://:hunter2%23@a,b/0",
    ] {
        accepted(with_urls(POSTGRES, url));
    }
    for (url, words) in [
        ("redis-cluster://a,b/1", "something behind the hosts"),
        ("redis-cluster://a,b?protocol=resp3", "something behind the hosts"),
        ("redis-cluster://u:hunter2@/", "without a host"),
        ("redis-cluster://u:hunter2/x@a", "before an @"),
        ("redis-cluster://2001:db8::1", "brackets"),
    ] {
        refuses("REDIS_URL", url, &[words]);
    }
}

#[test]
fn sentinels_are_accepted_with_the_name_of_the_primary() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "hunter3").expect("a file");
    for url in [
        "redis-sentinel://a/main".to_owned(),
        "redis-sentinel://u:hunter2@a:1,[::1]:2,c/main/3".to_owned(),
        "rediss-sentinel://:hunter2%23@a,b/main-1.x".to_owned(),
        format!("redis-sentinel://a,b/main?sentinel_user=s&sentinel_password_file={}", file.display()),
    ] {
        accepted(with_urls(POSTGRES, &url));
    }
    for (url, words) in [
        ("redis-sentinel://a,b", "no name of a primary"),
        ("redis-sentinel://a,b/", "no name of a primary"),
        ("redis-sentinel://a,,b/main", "without a host"),
        ("redis-sentinel://a,b:26379,a:26379/main", "a Sentinel twice"),
        ("redis-sentinel://u:hunter2@/main", "without a host"),
        ("redis-sentinel://a:hunter2,b/main", "without a host"),
        ("redis-sentinel://2001:db8::1/main", "brackets"),
        ("redis-sentinel://a/main/hunter2", "number of a database"),
        ("redis-sentinel://a/main/0/1", "number of a database"),
        ("redis-sentinel://a/ma in", "no name of a primary"),
        ("redis-sentinel://u:hunter2/x@a/main", "before an @"),
        ("redis-sentinel://a/main?sentinel_user=s", "sentinel_password_file"),
        ("redis-sentinel://a/main?sentinel_password_file=password", "absolute"),
        ("redis-sentinel://a/main?sentinel_password_file=/nowhere/at/all", "cannot be read"),
        ("redis-sentinel://a/main?sentinel_password=hunter2", "unknown parameter sentinel_password"),
    ] {
        refuses("REDIS_URL", url, &[words]);
    }
}

#[test]
fn sockets_valkey_and_ipv6_are_accepted() {
    for redis in [
        "unix:///run/redis/redis.sock",
        "unix:///run/redis/redis.sock?user=gp&pass=hunter2@home&db=1",
        "redis+unix:///run/redis.sock",
        "valkey://:hunter2@cache:6379/1",
        "valkeys://cache",
        "redis://[::1]:6379/0",
        "rediss://u:hunter2@[2001:db8::1]",
        "redis://cache?protocol=resp3",
    ] {
        accepted(with_urls(POSTGRES, redis));
    }
    for url in [
        "postgres://u:hunter2@[::1]:5432/x",
        "postgresql://%2Fvar%2Frun%2Fpostgresql/x",
        "postgres:///x?host=/run",
    ] {
        accepted(with_urls(url, REDIS));
    }
    refuses("REDIS_URL", "redis://::1:6379", &["brackets"]);
    refuses("DATABASE_URL", "postgres://u:hunter2@2001:db8::1/x", &["brackets"]);
    refuses("REDIS_URL", "redis://:hunter2@/0", &[]);
    refuses("REDIS_URL", "unix:hunter2.sock", &[]);
}

#[test]
fn a_file_may_give_another_user_and_password_and_nothing_else() {
    use crate::redis_servers::take as take_redis;
    use crate::store_url::take_postgres;
    let postgres = "postgres://u:old@db:5432/gatepost?sslmode=verify-full&application_name=a";
    for next in [
        "postgres://u:new@db:5432/gatepost?sslmode=verify-full&application_name=a",
        "postgres://v:new@db:5432/gatepost?application_name=a&sslmode=verify-full",
        "postgres://db:5432/gatepost?sslmode=verify-full&application_name=a&user=v&password=new",
    ] {
        assert_eq!(take_postgres(postgres, next).as_deref(), Ok(next));
    }
    for next in [
        "postgres://u:new@other:5432/gatepost?sslmode=verify-full&application_name=a",
        "postgres://u:new@db:5433/gatepost?sslmode=verify-full&application_name=a",
        "postgres://u:new@db:5432/other?sslmode=verify-full&application_name=a",
        "postgres://u:new@db:5432/gatepost?sslmode=prefer&application_name=a",
        "postgres://u:new@db:5432/gatepost?application_name=a",
        "postgres://u:new@db:5432/gatepost?sslmode=verify-full&application_name=a&host=other",
    ] {
        assert!(take_postgres(postgres, next).is_err_and(|why| why.contains("until a restart")), "{next}");
    }
    for next in ["", "hunter2", "sqlite://file", "postgres://u:a#b@db:5432/gatepost", &postgres[..10]] {
        assert!(take_postgres(postgres, next).is_err_and(|why| why.contains("no valid value")), "{next}");
    }
    // What the driver is told stands in for what was written.
    let require = "postgres://u:old@db/gatepost?sslmode=require&sslrootcert=ca.pem";
    let told = crate::store_url::postgres(require).expect("a URL");
    assert_ne!(told, require);
    assert_eq!(take_postgres(&told, require), Ok(told.clone()));

    let several = "postgres://u:old@a:1,b/x";
    assert_eq!(take_postgres(several, "postgres://u:new@a:1,b/x").as_deref(), Ok("postgres://u:new@a:1,b/x"));
    for next in ["postgres://u:new@a:1/x", "postgres://u:new@b,a:1/x", "postgres://u:new@a:1,c/x"] {
        assert!(take_postgres(several, next).is_err_and(|why| why.contains("until a restart")), "{next}");
    }

    let watched = "redis-sentinel://u:old@a,b/main/1";
    assert!(take_redis(watched, "redis-sentinel://v:new@a,b:26379/main/1").is_ok());
    for next in [
        "redis-sentinel://u:new@a,c/main/1",
        "redis-sentinel://u:new@a,b/other/1",
        "redis-sentinel://u:new@a,b/main",
        "rediss-sentinel://u:new@a,b/main/1",
        "redis://u:new@a/1",
    ] {
        assert!(take_redis(watched, next).is_err_and(|why| why.contains("until a restart")), "{next}");
    }
    let (tcp, socket) = ("redis://:old@cache:6379/0", "unix:///run/redis?user=u&pass=old&db=1");
    for (redis, next) in [(tcp, "redis://u:new@cache:6379/0"), (socket, "unix:///run/redis?db=1&pass=new")] {
        assert_eq!(take_redis(redis, next).as_deref(), Ok(next));
    }
    for (redis, next) in [
        (tcp, "redis://:new@other:6379/0"),
        (tcp, "rediss://:new@cache:6379/0"),
        (tcp, "redis://:new@cache:6379/1"),
        (tcp, "redis://:new@cache:6379/0?protocol=resp3"),
        (tcp, socket),
        (socket, "unix:///run/other?user=u&pass=new&db=1"),
        (socket, "unix:///run/redis?user=u&pass=new&db=2"),
    ] {
        assert!(take_redis(redis, next).is_err_and(|why| why.contains("until a restart")), "{next}");
    }
    assert!(take_redis(tcp, "redis-cluster://:new@cache").is_err_and(|why| why.contains("until a restart")));
    assert!(take_redis("redis-cluster://:old@a,b", "redis-cluster://:new@a,b:6379").is_ok());
    assert!(take_redis("redis-cluster://:old@a,b", "redis-cluster://:new@a").is_err());
}

/// What stands in the URL, and what it means there.
fn with_password(url: &str, password: &str) -> Result<Config, ConfigErrors> {
    let given = [("DATABASE_URL", url), ("DATABASE_PASSWORD", password), ("REDIS_URL", REDIS)];
    shortest_and(&[&given[..], &[("GATEPOST_SECRET_KEYS", KEY)]].concat())
}

#[test]
fn a_password_beside_the_address_is_used_as_it_is_for_each_host() {
    let password = "p@#!%&:/?%41 ,+'\"\u{e9}[]";
    for (url, hosts) in [
        ("postgres://u@db/gatepost", 1),
        ("postgres://u@db:1,[::1]:2,third/gatepost?sslmode=require", 3),
        ("postgresql://db/gatepost?user=u", 1),
    ] {
        let StoresConfig::Shared { database_url, .. } = accepted(with_password(url, password)).stores else {
            panic!("the shared stores")
        };
        let servers = PostgresServers::of_url(database_url.current().expose_secret()).parsed();
        assert_eq!(servers.len(), hosts, "{url}");
        for (server, plain) in servers.iter().zip(PostgresServers::of_url(url).parsed()) {
            let decoded: Vec<u8> = percent_decoded(server.password().expect("a password"));
            assert_eq!(String::from_utf8(decoded).expect("text"), password, "{url}");
            let mut without = server.clone();
            without.set_password(None).expect("a host");
            assert_eq!(without, plain, "nothing else has changed");
        }
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut decoded) = (text.bytes(), Vec::new());
    while let Some(byte) = bytes.next() {
        let mut digit = || char::from(bytes.next().expect("two digits")).to_digit(16).expect("a digit");
        decoded.push(if byte == b'%' { u8::try_from(16 * digit() + digit()).expect("a byte") } else { byte });
    }
    decoded
}

#[test]
fn a_password_that_the_address_has_or_cannot_have_is_refused() {
    for (url, why) in [
        (POSTGRES, "DATABASE_URL has a password too"),
        ("postgres://u@a,b/x?password=hunter2", "DATABASE_URL has a password too"),
        ("postgres:///x?host=/run/postgresql", "DATABASE_URL has no host"),
    ] {
        let lines = lines(with_password(url, "hunter2"));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("DATABASE_PASSWORD: ") && lines[0].contains(why), "{lines:?}");
        assert!(!lines[0].contains("hunter2"), "{lines:?}");
    }
    let alone = lines(shortest_and(&[("DATABASE_PASSWORD", "hunter2")]));
    let beside_a_file =
        lines(shortest_and(&[("DATABASE_PASSWORD", "hunter2"), ("DATABASE_URL", "sqlite://a.db")]));
    for lines in [alone, beside_a_file] {
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("DATABASE_PASSWORD: ") && lines[0].contains("no Postgres"), "{lines:?}");
    }
}

#[test]
fn a_password_replaced_in_its_file_is_used_for_each_host_and_an_empty_file_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "first\n").expect("a file");
    let config = accepted(shortest_and(&[
        ("DATABASE_URL", "postgres://u@a,b/x"),
        ("DATABASE_PASSWORD_FILE", &file.display().to_string()),
        ("REDIS_URL", REDIS),
        ("GATEPOST_SECRET_KEYS", KEY),
    ]));
    let StoresConfig::Shared { database_url, .. } = config.stores else { panic!("the shared stores") };
    let current = || {
        database_url.reload_on_next_use();
        database_url.current().expose_secret().to_owned()
    };
    assert_eq!(current(), "postgres://u:first@a,b/x");
    std::fs::write(&file, "50%@\n").expect("a file");
    assert_eq!(current(), "postgres://u:50%25%40@a,b/x");
    std::fs::write(&file, "\n").expect("a file");
    assert_eq!(current(), "postgres://u:50%25%40@a,b/x");
}
