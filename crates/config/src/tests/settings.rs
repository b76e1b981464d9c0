//! Settings outside the providers: defaults, bounds, and what contradicts what.

use super::*;
use crate::{AddressChanges, StoresConfig};
use secrecy::ExposeSecret;
use std::path::Path;
use std::time::Duration;

#[test]
fn five_variables_are_enough_and_the_rest_has_the_defaults_of_the_contract() {
    let config = accepted(shortest_and(&[]));
    assert_eq!(config.internal_addr.to_string(), "127.0.0.1:4181");
    assert_eq!(config.public_addr.to_string(), "127.0.0.1:4180");
    assert!(config.trusted_proxies.iter().map(ToString::to_string).eq(["127.0.0.0/8", "::1/128"]));
    assert!(config.admin_groups.iter().map(ToString::to_string).eq(["MCP-Admin"]));
    assert!(
        config.allowed_origins.is_empty() && config.group_links.is_empty() && config.admin_roles.is_empty()
    );
    assert!(config.secret_keys.is_empty() && config.ca_file.is_none());
    assert!(matches!(&config.stores, StoresConfig::Embedded { file } if file == Path::new("gatepost.db")));
    assert_eq!(config.address_changes, AddressChanges::Follow);
    assert_eq!(config.session.idle_timeout, Duration::from_hours(1));
    assert_eq!(config.session.absolute_timeout, Duration::from_hours(12));
    assert_eq!(config.session.refresh_interval, Duration::from_mins(15));
    assert_eq!(config.session.max_per_person, 50);
    assert!(config.session.persistent && !config.is_development());
    assert_eq!(config.verify.stale_if_error, Duration::from_mins(1));
    assert_eq!(config.verify.groups_header_limit, 4096);
    assert_eq!(config.retention.audit_keep, Duration::from_hours(400 * 24));
    assert_eq!(config.retention.forget_after, None);
    assert!(!config.requests.anybody);
    assert!(!config.tenants.self_service);
    assert_eq!(config.log.level, "info,actix_server=warn");
}

#[test]
fn all_faults_are_reported_at_once_by_the_name_they_were_given_under() {
    let toml = "public_addr = 4180\n[session]\nidle_timeout = \"1 hour\"\nidle_timout = \"1h\"\n";
    let lines = lines(with(toml, &[("GATEPOST_HOSTS", "https://a b"), ("GATEPOST_LOG__FORMAT", "yaml")]));
    let starts = [
        "GATEPOST_HOSTS: found \"https://a b\", expected hosts",
        "GATEPOST_LOG__FORMAT: found \"yaml\", expected json or pretty",
        "GATEPOST_PROVIDERS: missing: expected at least one provider",
        "GATEPOST_PUBLIC_URL: missing: expected an origin",
        "public_addr in gatepost.toml: found \"4180\", expected an address",
        "session.idle_timeout in gatepost.toml: found \"1 hour\", expected a duration",
        "session.idle_timout in gatepost.toml: unknown setting; did you mean session.idle_timeout?",
    ];
    assert_eq!(lines.len(), starts.len(), "{lines:#?}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
}

#[test]
fn the_environment_wins_over_the_file() {
    let toml = "hosts = [\"file.example.com\"]\n[session]\nabsolute_timeout = \"7d\"\n";
    let config = accepted(with(toml, &SHORTEST));
    assert!(config.hosts.iter().map(ToString::to_string).eq(["app.example.com"]));
    assert_eq!(config.session.absolute_timeout, Duration::from_hours(168));
}

#[test]
fn unknown_settings_are_refused_with_a_suggestion_in_their_own_form() {
    for (variable, meant) in [
        ("GATEPOST_HOST", "GATEPOST_HOSTS"),
        ("GATEPOST_hosts", "GATEPOST_HOSTS"),
        ("GATEPOST_SESSION_IDLE_TIMEOUT", "GATEPOST_SESSION__IDLE_TIMEOUT"),
        ("GATEPOST_DATABASE_URL", "DATABASE_URL"),
        ("GATEPOST_PROVIDERS__ENTRA__GROUP_CLAIM", "GATEPOST_PROVIDERS__ENTRA__GROUPS_CLAIM"),
        ("GATEPOST_PROVIDER__ENTRA__LABEL", "GATEPOST_PROVIDERS__ENTRA__LABEL"),
        ("GATEPOST_SESION__IDLE", "GATEPOST_SESSION__IDLE_TIMEOUT"),
    ] {
        refused(
            shortest_and(&[(variable, "x")]),
            &[&format!("{variable}: unknown setting; did you mean {meant}?")],
        );
    }
    let line = lines(shortest_and(&[("GATEPOST_COLOUR_OF_THE_SKY", "blue")]));
    assert_eq!(line, ["GATEPOST_COLOUR_OF_THE_SKY: unknown setting"]);
    refused(with("[groups_x]\ny = 1", &SHORTEST), &["groups_x.y in gatepost.toml: unknown setting"]);
    accepted(shortest_and(&[("PATH", "/bin"), ("GATEPOST_CONFIG", "x.toml"), ("MICROSOFT_OTHER", "x")]));
}

#[test]
fn a_configured_redirect_uri_is_refused_with_the_one_to_register() {
    refused(
        shortest_and(&[("GATEPOST_PROVIDERS__ENTRA__REDIRECT_URI", "https://x.example.com/oauth2/callback")]),
        &[
            "GATEPOST_PROVIDERS__ENTRA__REDIRECT_URI: unknown setting",
            "register https://auth.example.com/callback/entra at the provider",
        ],
    );
}

#[test]
fn quotes_that_docker_keeps_are_refused_whatever_the_setting() {
    for (name, value) in [
        ("GATEPOST_HOSTS", "\"app.example.com\""),
        ("GATEPOST_PUBLIC_URL", "'https://auth.example.com'"),
        ("MICROSOFT_CLIENT_SECRET", "\"hunter2\""),
        ("DATABASE_URL", "'postgres://u:hunter2@db/gatepost'"),
        ("REDIS_URL", "\"redis://:hunter2@cache\""),
    ] {
        let more = [
            ("DATABASE_URL", "postgres://db"),
            ("REDIS_URL", "redis://cache"),
            ("GATEPOST_SECRET_KEYS", KEY),
        ];
        let more: Vec<_> =
            more.into_iter().filter(|(other, _)| *other != name).chain([(name, value)]).collect();
        refused(shortest_and(&more), &[name, "quotes", "--env-file"]);
    }
    // One quote may be a part of a secret.
    accepted(shortest_and(&[("MICROSOFT_CLIENT_SECRET", "\"hunter2")]));
}

#[test]
fn an_empty_variable_is_no_silent_default() {
    refused(shortest_and(&[("GATEPOST_INTERNAL_ADDR", "")]), &["found nothing"]);
    refused(shortest_and(&[("GATEPOST_HOSTS", " , ")]), &["GATEPOST_HOSTS", "an empty list"]);
    refused(shortest_and(&[("REDIS_URL", "")]), &["REDIS_URL", "found nothing"]);
    assert!(accepted(shortest_and(&[("GATEPOST_ADMIN_GROUPS", "")])).admin_groups.is_empty());
}

#[test]
fn the_public_address_decides_between_production_and_development() {
    let public = |url, hosts| shortest_and(&[("GATEPOST_PUBLIC_URL", url), ("GATEPOST_HOSTS", hosts)]);
    assert!(
        accepted(public("http://auth.localhost:4180", "http://app.localhost:8000,http://*.b.localhost"))
            .is_development()
    );
    refused(
        public("http://auth.example.com", "app.example.com"),
        &["GATEPOST_PUBLIC_URL", "http only on localhost"],
    );
    refused(public("https://auth.example.com/path", "app.example.com"), &["GATEPOST_PUBLIC_URL"]);
    refused(public("http://auth.localhost", "app.localhost"), &["GATEPOST_HOSTS", "is https", "development"]);
    refused(public("https://auth.example.com", "http://app.localhost"), &["GATEPOST_HOSTS", "is plain http"]);
}

#[test]
fn the_public_host_is_not_protected_and_no_host_stands_twice() {
    let hosts = |hosts| shortest_and(&[("GATEPOST_HOSTS", hosts)]);
    refused(
        hosts("app.example.com, AUTH.example.com:8443"),
        &["auth.example.com:8443", "must not serve anything else"],
    );
    refused(hosts("app.example.com,app.example.com:8443"), &["are the same host"]);
    accepted(hosts("*.example.com, app.example.com:8443"));
}

#[test]
fn both_listeners_do_not_share_an_address() {
    let addresses = |internal, public| {
        shortest_and(&[("GATEPOST_INTERNAL_ADDR", internal), ("GATEPOST_PUBLIC_ADDR", public)])
    };
    refused(addresses("0.0.0.0:80", "0.0.0.0:80"), &["GATEPOST_INTERNAL_ADDR", "expose both"]);
    accepted(addresses("127.0.0.1:0", "127.0.0.1:0"));
    refused(addresses("localhost:4181", "[::]:4180"), &["GATEPOST_INTERNAL_ADDR", "localhost:4181"]);
}

#[test]
fn tls_and_the_listener_for_health_are_off_unless_they_are_set() {
    let config = accepted(shortest_and(&[]));
    assert!(config.internal_tls.is_none() && config.health_addr.is_none());
    let config = accepted(shortest_and(&[
        ("GATEPOST_INTERNAL_TLS", "/etc/gatepost/certs"),
        ("GATEPOST_HEALTH_ADDR", "0.0.0.0:4182"),
    ]));
    assert_eq!(config.internal_tls.as_deref(), Some(Path::new("/etc/gatepost/certs")));
    assert_eq!(config.health_addr.map(|address| address.to_string()).as_deref(), Some("0.0.0.0:4182"));
    refused(shortest_and(&[("GATEPOST_INTERNAL_TLS", "")]), &["GATEPOST_INTERNAL_TLS", "found nothing"]);
    refused(shortest_and(&[("GATEPOST_HEALTH_ADDR", "4182")]), &["GATEPOST_HEALTH_ADDR", "4182"]);
    for taken in ["127.0.0.1:4180", "127.0.0.1:4181"] {
        refused(shortest_and(&[("GATEPOST_HEALTH_ADDR", taken)]), &["GATEPOST_HEALTH_ADDR", "expose both"]);
    }
}

#[test]
fn services_are_addresses_without_a_path_and_the_list_filter_needs_one() {
    let services = |text| shortest_and(&[("GATEPOST_SERVICES", text)]);
    let config = accepted(services(
        "chat=http://open-webui:8080, mcp=https://192.0.2.7, wiki=http://wiki_1:80, v6=http://[2001:db8::1]",
    ));
    let found: Vec<_> = config.services.iter().map(|(name, url)| format!("{name}={url}")).collect();
    assert_eq!(
        found,
        [
            "chat=http://open-webui:8080/",
            "mcp=https://192.0.2.7/",
            "v6=http://[2001:db8::1]/",
            "wiki=http://wiki_1/"
        ]
    );
    assert!(config.filter_addr.is_none() && accepted(shortest_and(&[])).services.is_empty());
    for wrong in [
        "http://mcp",
        "Chat=http://a",
        "=http://a",
        "a b=http://a",
        "a=mcp:8080",
        "a=ftp://mcp",
        "a=http://mcp/path",
        "a=http://mcp/?q=1",
        "a=http://mcp/#x",
        "a=http://user:hidden-word@mcp",
        "a=http://mcp;listen",
        "a=http://$host",
        "a=http://{env.SECRET}",
        "a=http://mcp'x",
    ] {
        refused(services(wrong), &["GATEPOST_SERVICES"]);
        assert!(!lines(services(wrong))[0].contains("hidden-word"));
    }
    refused(services("a=http://one,a=http://two"), &["GATEPOST_SERVICES", "more than one address"]);
    // Every wrong entry is reported.
    let errors = lines(services("A=http://one,b=two,c=http://three"));
    assert!(errors.len() == 2 && errors[0].contains("\"A\"") && errors[1].contains("\"b\""), "{errors:#?}");
    let filter = |more: &[(&str, &str)]| {
        shortest_and(&[&[("GATEPOST_MCP__FILTER_ADDR", "127.0.0.1:4183")], more].concat())
    };
    let config = accepted(filter(&[("GATEPOST_SERVICES", "mcp=http://mcp")]));
    assert_eq!(config.filter_addr.map(|address| address.port()), Some(4183));
    refused(filter(&[]), &["GATEPOST_MCP__FILTER_ADDR", "GATEPOST_SERVICES"]);
    let shared =
        filter(&[("GATEPOST_SERVICES", "mcp=http://mcp"), ("GATEPOST_HEALTH_ADDR", "127.0.0.1:4183")]);
    refused(shared, &["GATEPOST_MCP__FILTER_ADDR", "expose both"]);
}

#[test]
fn proxies_are_networks_or_addresses() {
    let config = accepted(shortest_and(&[("GATEPOST_TRUSTED_PROXIES", "172.30.0.0/24, 10.0.0.7,fd00::/8")]));
    assert!(config.trusted_proxies.iter().map(ToString::to_string).eq([
        "172.30.0.0/24",
        "10.0.0.7/32",
        "fd00::/8"
    ]));
    refused(shortest_and(&[("GATEPOST_TRUSTED_PROXIES", "10.0.0.0/33")]), &["10.0.0.0/33"]);
}

#[test]
fn lifetimes_keep_their_order_and_bounds() {
    let session = |name, text| shortest_and(&[(name, text)]);
    refused(
        session("GATEPOST_SESSION__IDLE_TIMEOUT", "13h"),
        &["13h is longer than GATEPOST_SESSION__ABSOLUTE_TIMEOUT (12h)"],
    );
    refused(session("GATEPOST_SESSION__IDLE_TIMEOUT", "0s"), &["found 0s, expected 1s to 400d"]);
    refused(session("GATEPOST_SESSION__ABSOLUTE_TIMEOUT", "401d"), &["found 401d"]);
    refused(session("GATEPOST_SESSION__REFRESH_INTERVAL", "25h"), &["found 25h, expected 1s to 1d"]);
    refused(session("GATEPOST_SESSION__PERSISTENT", "yes"), &["true or false"]);
    for most in ["0", "-1", "1001", "many"] {
        refused(session("GATEPOST_SESSION__MAX_PER_PERSON", most), &["1 to 1000"]);
    }
    refused(session("GATEPOST_VERIFY__STALE_IF_ERROR", "11m"), &["expected 0s to 10m"]);
    let short = accepted(session("GATEPOST_SESSION__ABSOLUTE_TIMEOUT", "30m"));
    assert_eq!(short.session.idle_timeout, Duration::from_mins(30), "the default never contradicts");
}

#[test]
fn the_groups_header_has_a_limit_of_sense() {
    let limit = |text| shortest_and(&[("GATEPOST_VERIFY__GROUPS_HEADER_LIMIT", text)]);
    for text in ["255", "16385", "-1", "4k", "99999999999999999999"] {
        refused(limit(text), &["256 to 16384"]);
    }
    assert_eq!(accepted(limit("256")).verify.groups_header_limit, 256);
    let filter = accepted(shortest_and(&[("GATEPOST_VERIFY__GROUPS_HEADER_FILTER", "MCP-, App ")]));
    assert_eq!(filter.verify.groups_header_filter, ["MCP-", "App"]);
}

#[test]
fn the_log_has_two_forms_and_a_filter() {
    let log =
        |format, level| shortest_and(&[("GATEPOST_LOG__FORMAT", format), ("GATEPOST_LOG__LEVEL", level)]);
    assert!(accepted(log("json", "info,sqlx=warn")).log.json);
    assert!(!accepted(log("pretty", "debug")).log.json);
    refused(log("json", "gatepost=loud"), &["GATEPOST_LOG__LEVEL", "gatepost=loud"]);
}

#[test]
fn groups_are_linked_by_configuration() {
    let config = accepted(shortest_and(&[(
        "GATEPOST_GROUPS",
        "MCP-GitHub=entra:11, Staff = entra:role:Staff,MCP-GitHub=entra:12",
    )]));
    let links: Vec<String> =
        config.group_links.iter().map(|(name, group)| format!("{name}={group}")).collect();
    assert_eq!(links, ["MCP-GitHub=entra:11", "Staff=entra:role:Staff", "MCP-GitHub=entra:12"]);

    let toml = "admin_groups = [\"Ops, night\"]\n[groups]\n\"A, b = c\" = \"entra:CN=a,O=b\"\nTwo = [\"entra:1\", \"entra:2\"]";
    let config = accepted(with(toml, &SHORTEST));
    let links: Vec<String> =
        config.group_links.iter().map(|(name, group)| format!("{name} is {group}")).collect();
    assert_eq!(links, ["A, b = c is entra:CN=a,O=b", "Two is entra:1", "Two is entra:2"]);
    assert!(config.admin_groups.iter().map(ToString::to_string).eq(["Ops, night"]), "a comma in a name");
}

#[test]
fn malformed_and_contradictory_links_are_refused() {
    let groups = |text| shortest_and(&[("GATEPOST_GROUPS", text)]);
    refused(groups("A"), &["found \"A\"", "NAME=PROVIDER:ID"]);
    refused(groups("A=entra"), &["A=entra"]);
    refused(groups("A=entra:1,B=entra:1"), &["entra:1 is linked to A and to B"]);
    refused(
        groups("A=google:1"),
        &["google:1 names a provider that is not configured: expected one of entra"],
    );
    refused(with("groups = [\"A=entra:1\"]", &SHORTEST), &["groups in gatepost.toml", "a table"]);
    refused(with("[groups]\nA = 1", &SHORTEST), &["groups in gatepost.toml", "integer"]);
}

#[test]
fn app_roles_that_make_admins_are_roles_of_a_configured_provider() {
    let roles = |text| shortest_and(&[("GATEPOST_ADMIN_ROLES", text)]);
    let config = accepted(roles("entra:Gatepost.Admin,entra:role:Other"));
    assert!(
        config
            .admin_roles
            .iter()
            .map(ToString::to_string)
            .eq(["entra:role:Gatepost.Admin", "entra:role:Other"])
    );
    refused(roles("google:Admin"), &["GATEPOST_ADMIN_ROLES", "a provider that is not configured"]);
    refused(roles("Admin"), &["PROVIDER:ROLE"]);
}

#[test]
fn a_webhook_has_an_https_address_and_a_secret() {
    const URL: &str = "GATEPOST_WEBHOOK__URL";
    const SECRET: &str = "GATEPOST_WEBHOOK__SECRET";
    let secret = format!("whsec_{KEY}");
    let set = |url: &str, secret: &str| shortest_and(&[(URL, url), (SECRET, secret)]);
    assert!(accepted(shortest_and(&[])).webhook.is_none());
    for url in [
        "https://chat.example.com/hooks/x?y=z",
        "http://127.0.0.1:8065/hooks/x",
        "http://[::1]/",
        "http://localhost/",
    ] {
        let webhook = accepted(set(url, &secret)).webhook.expect("a webhook");
        assert_eq!((webhook.current_url().as_str(), webhook.current_key().len()), (url, 32));
    }
    for url in [
        "http://chat.example.com/x",
        "https://a:b@chat.example.com/",
        "https://chat.example.com/#x",
        "chat",
        "ftp://localhost",
    ] {
        refused(set(url, &secret), &[URL, "an https address"]);
    }
    for wrong in ["hunter2", KEY, "whsec_", "whsec_AAAA", "whsec_***"] {
        refused(set("https://chat.example.com/", wrong), &[SECRET, "whsec_"]);
    }
    refused(shortest_and(&[(URL, "https://chat.example.com/")]), &[SECRET, "missing"]);
    refused(shortest_and(&[(SECRET, &secret)]), &[URL, "missing"]);
}

#[test]
fn addresses_follow_or_are_kept() {
    let changes = |text| shortest_and(&[("GATEPOST_ADDRESS_CHANGES", text)]);
    assert_eq!(accepted(changes("keep")).address_changes, AddressChanges::Keep);
    assert_eq!(accepted(changes("follow")).address_changes, AddressChanges::Follow);
    let file = with("address_changes = \"keep\"", &SHORTEST);
    assert_eq!(accepted(file).address_changes, AddressChanges::Keep);
    for text in ["Keep", "yes", ""] {
        refused(changes(text), &["GATEPOST_ADDRESS_CHANGES", "follow or keep"]);
    }
}

#[test]
fn with_several_tenants_a_role_is_one_tenants_and_nobodys_group_names_are_trusted() {
    const A: &str = "11111111-1111-4111-8111-111111111111";
    const B: &str = "22222222-2222-4222-8222-222222222222";
    let tenants = format!("{A},{B}");
    let with = |more: &[(&str, &str)]| {
        let several = [
            ("MICROSOFT_CLIENT_TENANT_ID", "organizations"),
            ("GATEPOST_PROVIDERS__ENTRA__ALLOWED_TENANTS", &*tenants),
        ];
        shortest_and(&[&several, more].concat())
    };
    let (of_a, foreign) = (format!("entra:{A}/Admin"), format!("entra:{}/Admin", A.replace('1', "3")));
    accepted(with(&[("GATEPOST_ADMIN_ROLES", &of_a)]));
    accepted(with(&[("GATEPOST_GROUPS", &format!("Ops=entra:role:{A}/Ops,Team=entra:{A}"))]));
    for role in ["entra:Admin", &foreign, &format!("entra:{A}/"), &format!("entra:{A}"), "entra:/Admin"] {
        refused(with(&[("GATEPOST_ADMIN_ROLES", role)]), &["GATEPOST_ADMIN_ROLES", "TENANT-ID/ROLE", B]);
    }
    refused(with(&[("GATEPOST_GROUPS", "Ops=entra:role:Ops")]), &["GATEPOST_GROUPS", "TENANT-ID/ROLE"]);
    let name = "GATEPOST_PROVIDERS__ENTRA__GROUP_NAMES";
    refused(with(&[(name, "trust")]), &[name, "several tenants"]);
    accepted(with(&[(name, "link")]));
}

#[test]
fn sqlite_is_embedded_and_postgres_goes_with_redis() {
    let urls = |list: &[(&str, &str)]| shortest_and(&[list, &[("GATEPOST_SECRET_KEYS", KEY)]].concat());
    let (postgres, redis) = (
        ("DATABASE_URL", "postgres://u:hunter2@db/gatepost"),
        ("REDIS_URL", "rediss://:hunter2@cache:6380/1"),
    );
    let StoresConfig::Shared { redis_url, database_url } = accepted(urls(&[postgres, redis])).stores else {
        panic!("expected the shared stores")
    };
    let (database_url, redis_url) = (database_url.current(), redis_url.current());
    assert_eq!((database_url.expose_secret(), redis_url.expose_secret()), (postgres.1, redis.1));
    let embedded = accepted(urls(&[("DATABASE_URL", "sqlite:///var/lib/gatepost.db")])).stores;
    assert!(matches!(embedded, StoresConfig::Embedded { file } if file == Path::new("/var/lib/gatepost.db")));

    refused(urls(&[postgres]), &["DATABASE_URL: Postgres only holds the directory", "REDIS_URL"]);
    refused(urls(&[redis]), &["REDIS_URL: Redis only holds the sessions", "DATABASE_URL"]);
    refused(urls(&[redis, ("DATABASE_URL", "sqlite://a.db")]), &["REDIS_URL", "DATABASE_URL", "SQLite"]);
    for text in [
        "mysql://u:hunter2@db/x",
        "hunter2",
        "sqlite://",
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite://a?mode=rwc",
        "postgres:hunter2",
    ] {
        refused(urls(&[("DATABASE_URL", text)]), &["DATABASE_URL: found a secret of"]);
    }
    refused(urls(&[postgres, ("REDIS_URL", "cache:6379")]), &["REDIS_URL: found a secret of 10 bytes"]);
}

#[test]
fn shared_stores_need_a_key_ring() {
    let stores = [("DATABASE_URL", "postgres://db/gatepost"), ("REDIS_URL", "redis://cache")];
    refused(shortest_and(&stores), &["GATEPOST_SECRET_KEYS: missing", "32 random bytes"]);
}

#[test]
fn the_audit_is_kept_for_thirty_days_at_least_and_nobody_is_forgotten_while_a_session_may_live() {
    let kept = |value| shortest_and(&[("GATEPOST_AUDIT__KEEP", value)]);
    assert_eq!(accepted(kept("30d")).retention.audit_keep, Duration::from_hours(30 * 24));
    for value in ["29d", "0s", "off", "1 year"] {
        assert_eq!(lines(kept(value)).len(), 1, "{value}");
    }
    let forgotten = |value, absolute| {
        shortest_and(&[
            ("GATEPOST_PEOPLE__FORGET_AFTER", value),
            ("GATEPOST_SESSION__ABSOLUTE_TIMEOUT", absolute),
        ])
    };
    let after = accepted(forgotten("730d", "400d")).retention.forget_after;
    assert_eq!(after, Some(Duration::from_hours(730 * 24)));
    assert_eq!(accepted(forgotten("off", "12h")).retention.forget_after, None);
    for (value, absolute) in [("29d", "12h"), ("never", "12h"), ("60d", "60d")] {
        let lines = lines(forgotten(value, absolute));
        assert!(lines[0].starts_with("GATEPOST_PEOPLE__FORGET_AFTER: "), "{lines:?}");
    }
}

#[test]
fn the_default_tenant_is_the_id_of_a_tenant() {
    let config = |id| shortest_and(&[("GATEPOST_DEFAULT_TENANT", id)]);
    assert!(accepted(config("acme-1")).default_tenant.is_some_and(|id| id.as_str() == "acme-1"));
    assert_eq!(accepted(shortest_and(&[])).default_tenant, None);
    for wrong in ["a b", "a/b", "a,b"] {
        refused(config(wrong), &["GATEPOST_DEFAULT_TENANT", "the id of a tenant"]);
    }
}
