//! Passwords of the stores that are replaced in their files while Gatepost runs.

use super::gate::RECOVERY;
use crate::world::{APP, Pair, Plan, World, alice, renewals};
use gatepost_kit::client::Client;
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Postgres, Redis, free_port, until};
use gatepost_store::session::store::USER_RULES;
use std::path::PathBuf;
use tempfile::TempDir;

const FIRST: &str = "hunter-1";
const SECOND: &str = "hunter-2";

/// Gatepost with both URLs in files, each of a user `gate` whose password is the first.
struct Keyed {
    world: World,
    redis: Redis,
    postgres: Postgres,
    database: String,
    folder: TempDir,
}

impl Keyed {
    async fn start() -> Self {
        let (redis, postgres) = (Redis::start().await, Postgres::private().await);
        let reply = redis.command(&["ACL", "SETUSER", "gate", "on", &format!(">{FIRST}"), USER_RULES]);
        assert!(reply.starts_with("+OK"), "{reply}");
        let url = postgres.database().await;
        let database = url.rsplit('/').next().unwrap().to_owned();
        postgres.sql("postgres", &format!("CREATE ROLE gate LOGIN CREATEROLE PASSWORD '{FIRST}'")).await;
        postgres.sql("postgres", &format!("ALTER DATABASE {database} OWNER TO gate")).await;
        ask_for_the_password(&postgres).await;
        let folder = TempDir::new().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let plan = Plan::default()
            .without("REDIS_URL")
            .without("DATABASE_URL")
            .env("REDIS_URL_FILE", file("redis"))
            .env("DATABASE_URL_FILE", file("postgres"))
            .env("GATEPOST_VERIFY__CACHE_MEMORY", "0");
        write(&file("redis"), &redis_url(&redis, FIRST));
        write(&file("postgres"), &postgres_url(&postgres, &database, FIRST));
        let world = plan.start(Pair::Shared).await;
        world.entra.add(alice());
        Self { world, redis, postgres, database, folder }
    }

    fn put(&self, name: &str, text: &str) {
        let path: PathBuf = self.folder.path().join(name);
        write(&path.display().to_string(), text);
    }

    /// Both stores take another password from now on.
    async fn change_passwords(&self, password: &str) {
        let words = ["ACL", "SETUSER", "gate", "resetpass", &format!(">{password}")];
        assert!(self.redis.command(&words).starts_with("+OK"));
        self.postgres.sql("postgres", &format!("ALTER ROLE gate PASSWORD '{password}'")).await;
    }

    async fn kill_connections(&self) {
        self.redis.command(&["CLIENT", "KILL", "USER", "gate"]);
        self.postgres.terminate_connections().await;
    }

    async fn status(&self, browser: &Client) -> u16 {
        browser.fetch(&self.world.url(APP, "/")).await.status
    }

    async fn answers(&self, browser: &Client, status: u16) {
        until("this status", RECOVERY, async || (self.status(browser).await == status).then_some(())).await;
    }

    fn warnings(&self, part: &str) -> usize {
        let lines = self.world.gatepost.logs();
        lines.iter().filter(|line| line.contains("WARN") && line.contains(part)).count()
    }

    fn has_shown_no_password(&self) {
        for line in self.world.gatepost.logs() {
            assert!(!line.contains("hunter"), "{line}");
        }
    }
}

fn redis_url(redis: &Redis, password: &str) -> String {
    format!("redis://gate:{password}@{}/0\n", redis.addr())
}

fn postgres_url(postgres: &Postgres, database: &str, password: &str) -> String {
    format!("postgres://gate:{password}@{}/{database}\n", postgres.addr())
}

fn write(path: &str, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// The kit's servers trust everybody; this one wants to see this role's password.
async fn ask_for_the_password(postgres: &Postgres) {
    let path = postgres.sql("postgres", "SHOW hba_file").await;
    let rules = std::fs::read_to_string(&path).unwrap();
    write(&path, &format!("host all gate 127.0.0.1/32 scram-sha-256\n{rules}"));
    postgres.sql("postgres", "SELECT pg_reload_conf()").await;
    until("the server to ask for the password", RECOVERY, async || {
        let first = "SELECT auth_method FROM pg_hba_file_rules ORDER BY line_number LIMIT 1";
        (postgres.sql("postgres", first).await == "scram-sha-256").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_replaced_in_their_files_are_used_for_new_connections_without_a_restart() {
    let keyed = Keyed::start().await;
    let browser = keyed.world.signed_in("alice").await.impatient();
    keyed.change_passwords(SECOND).await;
    assert_eq!(keyed.status(&browser).await, 200, "open connections go on");
    keyed.kill_connections().await;
    keyed.answers(&browser, 503).await;

    keyed.put("redis", &redis_url(&keyed.redis, SECOND));
    keyed.put("postgres", &postgres_url(&keyed.postgres, &keyed.database, SECOND));
    keyed.answers(&browser, 200).await;
    keyed.world.entra.add(Person::named("bob"));
    let bob = keyed.world.signed_in("bob").await;
    let before = renewals(keyed.world.gatepost.internal()).await;
    until("changes to be heard of again", RECOVERY, async || {
        (renewals(keyed.world.gatepost.internal()).await > before).then_some(())
    })
    .await;
    keyed.world.cli(&["user", "disable", "bob@example.com"]).await;
    assert_ne!(keyed.status(&bob).await, 200);
    keyed.world.gatepost.wait_for_line("a secret was replaced in its file").await;
    keyed.has_shown_no_password();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_leads_elsewhere_or_holds_no_address_leaves_the_last_password_in_use_with_one_warning() {
    const NEEDS_RESTART: &str = "differs in more than user and password";
    const MALFORMED: &str = "holds no valid value";
    let keyed = Keyed::start().await;
    let browser = keyed.world.signed_in("alice").await.impatient();
    let elsewhere = postgres_url(&keyed.postgres, &keyed.database, "hunter-3");
    let elsewhere = elsewhere.replace(&keyed.postgres.addr().port().to_string(), &free_port().to_string());
    keyed.put("postgres", &elsewhere);
    keyed.put("redis", "hunter-3");
    // Each refused connection has the next one look at the file.
    keyed.change_passwords(SECOND).await;
    keyed.kill_connections().await;
    keyed.answers(&browser, 503).await;
    until("both warnings", RECOVERY, async || {
        keyed.status(&browser).await;
        (keyed.warnings(NEEDS_RESTART) > 0 && keyed.warnings(MALFORMED) > 0).then_some(())
    })
    .await;
    for name in ["redis", "postgres"] {
        std::fs::remove_file(keyed.folder.path().join(name)).unwrap();
    }
    until("what cannot be read to be said of both", RECOVERY, async || {
        keyed.status(&browser).await;
        (keyed.warnings("cannot be read: the last one") == 2).then_some(())
    })
    .await;
    keyed.change_passwords(FIRST).await;
    keyed.answers(&browser, 200).await;
    assert_eq!((keyed.warnings(NEEDS_RESTART), keyed.warnings(MALFORMED)), (1, 1));
    keyed.has_shown_no_password();
}

/// As a managed Postgres makes passwords: in a URL each of these characters would mean something.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_beside_the_address_needs_no_encoding_and_may_be_replaced_in_its_file() {
    let (postgres, folder) = (Postgres::private().await, TempDir::new().unwrap());
    let database = postgres.database().await.rsplit('/').next().unwrap().to_owned();
    let [first, second] = ["hunter@#!%&:/?%41", "hunter+ ,[]%"];
    postgres.sql("postgres", &format!("CREATE ROLE gate LOGIN CREATEROLE PASSWORD '{first}'")).await;
    postgres.sql("postgres", &format!("ALTER DATABASE {database} OWNER TO gate")).await;
    ask_for_the_password(&postgres).await;
    let file = folder.path().join("password").display().to_string();
    write(&file, first);
    let plan = Plan::default()
        .env("DATABASE_URL", format!("postgres://gate@{}/{database}", postgres.addr()))
        .env("DATABASE_PASSWORD_FILE", &file)
        .env("GATEPOST_VERIFY__CACHE_MEMORY", "0");
    let world = plan.start(Pair::Shared).await;
    world.entra.add(alice());
    let browser = world.signed_in("alice").await;
    postgres.sql("postgres", &format!("ALTER ROLE gate PASSWORD '{second}'")).await;
    write(&file, second);
    postgres.terminate_connections().await;
    assert_eq!(browser.patient().fetch(&world.url(APP, "/")).await.status, 200);
    for line in world.gatepost.logs() {
        assert!(!line.contains("hunter"), "{line}");
    }
}
