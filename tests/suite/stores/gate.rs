//! A world whose stores are reached through proxies that fail, and one outage from its beginning to its end.

use crate::world::{APP, COOKIE, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_kit::entra::Endpoint;
use gatepost_kit::faulty::{FaultyProxy, Mode};
use gatepost_kit::process::{Postgres, Redis, until};
use gatepost_store::session::store::USER_RULES;
use reqwest::Method;
use std::time::{Duration, Instant};

/// `/verify` answers within this time, also while a store is away.
const DEADLINE: Duration = Duration::from_millis(250);
/// What a machine busy with other tests may add to one answer; the fastest of several shows the deadline.
const SCHEDULING: Duration = Duration::from_secs(5);
/// Recovery, by itself.
pub const RECOVERY: Duration = Duration::from_secs(30);

/// Every request is looked up; what memory answers has tests of its own.
const FORGETFUL: [(&str, &str); 1] = [("GATEPOST_VERIFY__CACHE_MEMORY", "0")];

/// One replica behind the edge; fields drop in order, so the stores outlive it.
pub struct Gate {
    pub world: World,
    pub to_redis: FaultyProxy,
    pub to_postgres: FaultyProxy,
    pub redis: Redis,
    pub postgres: Server,
    pub database: String,
}

/// The database server: that of all tests, or one to stop.
pub enum Server {
    Shared(&'static Postgres),
    Private(Box<Postgres>),
}

impl std::ops::Deref for Server {
    type Target = Postgres;

    fn deref(&self) -> &Postgres {
        match self {
            Self::Shared(postgres) => postgres,
            Self::Private(postgres) => postgres,
        }
    }
}

impl Gate {
    pub async fn start() -> Self {
        Self::on(Server::Shared(Postgres::shared().await), None, &FORGETFUL).await
    }

    /// Whose replica remembers who holds which cookie, as it does in production.
    pub async fn remembering(variables: &[(&str, &str)]) -> Self {
        Self::on(Server::Shared(Postgres::shared().await), None, variables).await
    }

    /// As [`Self::remembering`], with a database server of its own.
    pub async fn remembering_with_own_postgres(variables: &[(&str, &str)]) -> Self {
        Self::on(Server::Private(Box::new(Postgres::private().await)), None, variables).await
    }

    /// With a database server that the test may stop. `role`: Gatepost owns its database as this one, no superuser.
    pub async fn with_own_postgres(role: Option<&str>) -> Self {
        Self::on(Server::Private(Box::new(Postgres::private().await)), role, &FORGETFUL).await
    }

    async fn on(postgres: Server, role: Option<&str>, variables: &[(&str, &str)]) -> Self {
        let url = postgres.database().await;
        let database = url.rsplit('/').next().unwrap().to_owned();
        let redis = Redis::start().await;
        allow(&redis);
        let to_redis = FaultyProxy::start(redis.addr()).await;
        let to_postgres = FaultyProxy::start(postgres.addr()).await;
        let mut through = url.replace(&postgres.addr().to_string(), &to_postgres.addr().to_string());
        if let Some(role) = role {
            postgres.sql("postgres", &format!("CREATE ROLE {role} LOGIN CREATEROLE")).await;
            postgres.sql("postgres", &format!("ALTER DATABASE {database} OWNER TO {role}")).await;
            let (_, rest) = through.split_once('@').unwrap();
            through = format!("postgres://{role}@{rest}");
        }
        let plan = Plan::default()
            .env("REDIS_URL", format!("redis://gate:first@{}/0", to_redis.addr()))
            .env("DATABASE_URL", through);
        let plan = variables.iter().fold(plan, |plan, (name, value)| plan.env(name, *value));
        let world = plan.start(Pair::Shared).await;
        world.entra.add(alice());
        Self { world, to_redis, to_postgres, redis, postgres, database }
    }

    /// The primary goes, and its address leads to this standby of it, which has heard of everything.
    pub async fn fail_over(&self, standby: &Postgres) {
        self.postgres.stop().await;
        self.to_postgres.lead_to(standby.addr());
        self.to_postgres.set(Mode::Pass).await;
    }

    /// Stops the replica where it is; when it goes on it hears of no change, until Postgres passes again.
    pub async fn stop_unheard(&self) {
        self.world.gatepost.sigstop();
        self.to_postgres.set(Mode::Stall).await;
    }

    pub fn url(&self, host: &str, path: &str) -> String {
        self.world.url(host, path)
    }

    /// A browser in which Alice has signed in; from then on 503 is an answer.
    pub async fn signed_in(&self) -> Client {
        self.world.signed_in("alice").await.impatient()
    }
}

/// A user of the gate's own, with the rights that the documents name: its password changes under Gatepost.
pub fn allow(redis: &Redis) {
    let reply = redis.command(&["ACL", "SETUSER", "gate", "on", ">first", USER_RULES]);
    assert!(reply.starts_with("+OK"), "{reply}");
}

/// What an outage does.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    /// What `/verify` answers to who is signed in.
    pub verify: u16,
    /// What a ticket is answered: it is consumed in Redis and nothing is written to Postgres.
    pub ticket: u16,
    /// Whether who is signed in still is afterwards.
    pub keeps_sessions: bool,
}

impl Outage {
    /// Nothing can be looked up, and nothing is lost.
    pub const BLIND: Self = Self { verify: 503, ticket: 503, keeps_sessions: true };
    /// Nothing can be looked up, and the store comes back empty.
    pub const EMPTYING: Self = Self { verify: 503, ticket: 503, keeps_sessions: false };
    /// What is there can be read, nothing can be written.
    pub const READ_ONLY: Self = Self { verify: 200, ticket: 503, keeps_sessions: true };

    /// One outage, from `begin` to some time after `end`.
    pub async fn run(self, gate: &Gate, begin: impl AsyncFnOnce(&Gate), end: impl AsyncFnOnce(&Gate)) {
        let world = &gate.world;
        let alice = gate.signed_in().await;
        let healthy = fastest(&alice, &gate.url(APP, "/"), 200).await;
        let (at_callback, at_ticket) = (world.browser().impatient(), world.browser().impatient());
        let callback = up_to(&at_callback, &gate.url(APP, "/callback"), "/callback/").await;
        let ticket = up_to(&at_ticket, &gate.url(APP, "/ticket"), "/.gatepost/enter").await;
        let redeemed = world.entra.codes_redeemed();

        begin(gate).await;
        let taken = fastest(&alice, &gate.url(APP, "/"), self.verify).await;
        assert!(
            taken <= DEADLINE + healthy * 10 + Duration::from_millis(100),
            "{taken:?}, healthy {healthy:?}"
        );
        println!("/verify: {taken:?} in the outage, {healthy:?} before");
        strangers_are_answered_as_ever(gate).await;
        self.signed_in_is_not_signed_out(gate, &alice).await;
        is_unavailable(&at_callback.get(&callback).await);
        let entered = at_ticket.get(&ticket).await;
        assert_eq!(entered.status, self.ticket, "{}", entered.body);
        if self.ticket == 503 {
            is_unavailable(&entered);
        }
        assert_eq!(world.entra.codes_redeemed(), redeemed, "no code was used");

        end(gate).await;
        self.recover(gate, &alice).await;
        let asked = world.entra.count(Endpoint::Authorize);
        let trip = at_callback.patient().navigate(&callback).await;
        assert_eq!(trip.end().echoed().uri, "/callback", "{}", trip.describe());
        assert_eq!(world.entra.count(Endpoint::Authorize), asked, "the very same code:\n{}", trip.describe());
        let trip = at_ticket.patient().navigate(&ticket).await;
        assert_eq!(trip.end().echoed().uri, "/ticket", "{}", trip.describe());
        let again = usize::from(!self.keeps_sessions);
        assert_eq!(
            world.entra.count(Endpoint::Authorize),
            asked + again,
            "the very same ticket:\n{}",
            trip.describe()
        );
        assert_eq!(world.entra.most_presentations_of_a_code(), 1);
    }

    async fn signed_in_is_not_signed_out(self, gate: &Gate, alice: &Client) {
        let page = expecting(alice, self.verify).get(&gate.url(APP, "/")).await;
        assert_eq!(page.status, self.verify, "{}", page.body);
        if self.verify != 200 {
            is_unavailable(&page);
            // The public host looks up the same session.
            for path in ["/", "/login"] {
                is_unavailable(&alice.get(&gate.url(PUBLIC, path)).await);
            }
        }
    }

    /// Waits until the session is answered as it must be, and never wrongly meanwhile.
    async fn recover(self, gate: &Gate, alice: &Client) {
        let begun = Instant::now();
        let wanted = if self.keeps_sessions { 200 } else { 401 };
        until("the gate to recover by itself", RECOVERY, async || {
            let answer = alice.fetch(&gate.url(APP, "/")).await;
            assert!([wanted, 503].contains(&answer.status), "{}: {}", answer.status, answer.body);
            (answer.status == wanted).then_some(())
        })
        .await;
        println!("recovered after {:?}", begun.elapsed());
        let trip = alice.patient().navigate(&gate.url(APP, "/again")).await;
        assert_eq!(trip.end().echoed().uri, "/again", "back unseen:\n{}", trip.describe());
    }
}

/// Only who expects to pass tries again when a busy machine made a store miss its deadline.
fn expecting(browser: &Client, status: u16) -> Client {
    if status == 503 { browser.impatient() } else { browser.patient() }
}

/// The fastest of a few answers, each of this status; the others had to wait for the machine.
async fn fastest(browser: &Client, url: &str, status: u16) -> Duration {
    let mut fastest = Duration::MAX;
    for _ in 0..6 {
        let begun = Instant::now();
        let answer = expecting(browser, status).fetch(url).await;
        let taken = begun.elapsed();
        assert_eq!(answer.status, status, "{}", answer.body);
        if status == 503 {
            assert!(taken <= DEADLINE + SCHEDULING, "{taken:?}");
            is_unavailable(&answer);
        }
        fastest = fastest.min(taken);
    }
    fastest
}

/// "Cannot know" is neither signed in nor signed out.
pub fn is_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}: {}", answer.url, answer.body);
    let retry_after = answer.header("retry-after").map(str::parse::<u64>);
    assert!(matches!(retry_after, Some(Ok(1..=60))), "{}: {retry_after:?}", answer.url);
    assert_eq!(answer.values("set-cookie"), Vec::<&str>::new(), "{}", answer.url);
    assert_eq!(answer.header("location"), None, "{}", answer.url);
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.url);
}

/// Without a cookie, or with garbage, nothing needs to be looked up.
pub async fn strangers_are_answered_as_ever(gate: &Gate) {
    let url = gate.url(APP, "/");
    for garbage in [None, Some(format!("{COOKIE}=garbage")), Some(format!("{COOKIE}={}", "A".repeat(200)))] {
        let stranger = gate.world.browser().impatient();
        let ask = |kind| {
            let request = stranger.request(Method::GET, &url).kind(kind).from(&url);
            garbage.iter().fold(request, |request, value| request.header("cookie", value))
        };
        let page = ask(Kind::Navigation).send().await;
        assert_eq!(page.status, 302, "{}", page.body);
        assert_eq!(page.location().unwrap().path(), "/login");
        assert_eq!(ask(Kind::Fetch).send().await.status, 401);
    }
}

/// Follows redirects up to the one that leads below `path`, which is returned and not followed.
pub async fn up_to(browser: &Client, url: &str, path: &str) -> String {
    let browser = browser.patient();
    let mut answer = browser.get(url).await;
    loop {
        let next =
            answer.location().unwrap_or_else(|| panic!("{} ended at {}: {}", url, answer.url, answer.body));
        if next.path().starts_with(path) {
            return next.into();
        }
        answer = browser.get(next.as_str()).await;
    }
}

/// The proxy in `mode`, for old connections as well as for new ones.
pub async fn fail(proxy: &FaultyProxy, mode: Mode) {
    proxy.set(mode).await;
    if matches!(mode, Mode::Refuse | Mode::Reset) {
        proxy.cut();
    }
}
