//! The directory's rules, each on Postgres and on SQLite ([`both_stores!`]).

use gatepost_config::{AddressChanges, AssertableDomains, Config, GroupNames, IdentityPolicy, StoresConfig};
use gatepost_core::access::Standing;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::{AssertedGroup, AssertedGroups, AssertedIdentity, GroupKind, SubjectKey};
use gatepost_core::ids::UserId;
use gatepost_core::secret::{Hash, Secret};
use gatepost_kit::process::{Database, until};
use gatepost_store::directory::{
    Actor, AuditFilter, AuditRecord, Directory, Leading, SignInContext, SignInOutcome, Term, UserFilter,
    UserKey, UserSummary, Via, Who,
};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// How long a test waits for what must come about.
pub const SOON: Duration = Duration::from_secs(20);

/// Runs each test on both stores.
macro_rules! both_stores {
    ($($(#[$meta:meta])* async fn $name:ident($store:ident) $body:block)*) => {
        $(
            $(#[$meta])*
            async fn $name($store: crate::directory::Opened) $body

            mod $name {
                #[tokio::test(flavor = "multi_thread")]
                async fn postgres() {
                    super::$name(crate::directory::Opened::postgres().await).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn sqlite() {
                    super::$name(crate::directory::Opened::sqlite().await).await;
                }
            }
        )*
    };
}

mod access;
mod access_keys;
mod addresses;
pub mod administration;
mod admins;
mod audit;
mod audit_chain;
mod configuration;
mod door;
mod ends;
mod erasures;
mod faults;
mod files;
mod groups;
mod hot_reads;
mod key_actors;
mod key_changes;
mod key_erasure;
mod key_files;
mod key_life;
mod keys;
mod leader;
mod lists;
mod many_rows;
mod members;
mod names;
mod overview;
mod privileges;
mod refusals;
mod repeats;
mod requests;
mod retention;
mod round_trip;
mod sessions;
mod sign_in;
mod store;
mod tenant_life;
mod tenant_people;
mod tenant_proposals;
mod tenant_providers;
mod tool_servers;
mod usage;
mod users;
mod views;

/// An empty directory, and a door of its own to what lies in it.
pub struct Opened {
    pub directory: Directory,
    pub stores: StoresConfig,
    pub url: String,
    raw: Raw,
    term: OnceCell<Term>,
    _folder: Option<TempDir>,
    _database: Option<Database>,
}

enum Raw {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Opened {
    pub async fn postgres() -> Self {
        let database = crate::world::migrated_database().await;
        let opened = Self::at(database.to_string(), None).await;
        Self { _database: Some(database), ..opened }
    }

    pub async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        Self::at(format!("sqlite://{}", folder.path().join("gatepost.db").display()), Some(folder)).await
    }

    pub async fn at(url: String, folder: Option<TempDir>) -> Self {
        let stores =
            StoresConfig::Shared { redis_url: "redis://unused".into(), database_url: url.clone().into() };
        let directory = Directory::open(&stores, None).unwrap();
        directory.migrate().await.unwrap();
        let raw = match &folder {
            None => Raw::Postgres(PgPool::connect_lazy(&url).unwrap()),
            Some(_) => Raw::Sqlite(SqlitePool::connect_lazy(&url).unwrap()),
        };
        Self { directory, stores, url, raw, term: OnceCell::new(), _folder: folder, _database: None }
    }

    /// The term in which this directory leads.
    pub async fn term(&self) -> Term {
        let lead = async || self.directory.hold_leader_lease("test", None).await.unwrap().term.unwrap();
        *self.term.get_or_init(lead).await
    }

    /// The work of the leader.
    pub async fn leading(&self) -> Leading<'_> {
        self.directory.leading(self.term().await)
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.raw, Raw::Postgres(_))
    }

    /// One statement, as another program would run it; `gatepost.` names tables of Postgres' schema.
    pub async fn try_sql(&self, sql: &str) -> Result<(), sqlx::Error> {
        match &self.raw {
            Raw::Postgres(pool) => sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.map(drop),
            Raw::Sqlite(pool) => {
                sqlx::raw_sql(AssertSqlSafe(sql.replace("gatepost.", ""))).execute(pool).await.map(drop)
            }
        }
    }

    pub async fn sql(&self, sql: &str) {
        self.try_sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The first column of every row, as text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        match &self.raw {
            Raw::Postgres(pool) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap(),
            Raw::Sqlite(pool) => {
                sqlx::query_scalar(AssertSqlSafe(sql.replace("gatepost.", ""))).fetch_all(pool).await.unwrap()
            }
        }
    }

    /// How the database would carry out a statement, from its `EXPLAIN`.
    pub async fn plan(&self, explain: &str) -> String {
        match &self.raw {
            Raw::Postgres(_) => self.texts(explain).await.join("\n"),
            Raw::Sqlite(pool) => {
                let sql = AssertSqlSafe(explain.replace("gatepost.", ""));
                let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(sql).fetch_all(pool).await.unwrap();
                steps.into_iter().map(|step| step.3).collect::<Vec<_>>().join("\n")
            }
        }
    }

    /// `user_email group_name` of every membership, sorted.
    pub async fn memberships(&self) -> Vec<String> {
        self.texts("SELECT user_email || ' ' || group_name FROM user_group_membership ORDER BY 1").await
    }

    pub async fn sign_in(&self, identity: &AssertedIdentity, names: GroupNames) -> SignInOutcome {
        self.sign_in_by(identity, &follow(names)).await
    }

    pub async fn sign_in_by(&self, identity: &AssertedIdentity, policy: &IdentityPolicy) -> SignInOutcome {
        self.directory.sign_in(identity, policy, &context(now()), &actor()).await.unwrap()
    }

    /// Signs in, which must be admitted, with `GROUP_NAMES=link`.
    pub async fn admitted(&self, identity: &AssertedIdentity) -> UserId {
        admitted(&self.sign_in(identity, GroupNames::Link).await)
    }

    /// The hot read, again and again while it misses its deadline: on a busy machine that is no failure of a rule.
    pub async fn find_standing(&self, user: UserId, session: &Hash) -> Option<Standing> {
        until("the hot read to answer", SOON, async || self.directory.find_standing(user, session).await.ok())
            .await
    }

    pub async fn standing(&self, user: UserId) -> Standing {
        self.find_standing(user, &Secret::generate().digest()).await.unwrap()
    }

    pub async fn groups(&self, user: UserId) -> Vec<String> {
        self.standing(user).await.access.groups.iter().map(ToString::to_string).collect()
    }

    /// Everybody, as the system's administrators list them.
    pub async fn people(&self) -> Vec<UserSummary> {
        let everybody = UserFilter::default();
        self.directory.search_users(&Scope::System, &everybody, None, 1000).await.unwrap().items
    }

    pub async fn audit(&self) -> Vec<AuditRecord> {
        self.directory.list_audit(&Scope::System, &AuditFilter::default(), 1000).await.unwrap()
    }

    pub async fn audited(&self, action: &str) -> Vec<AuditRecord> {
        self.audit().await.into_iter().filter(|entry| entry.action == action).collect()
    }

    pub async fn configure(&self, variables: &[(&str, &str)]) {
        self.directory.sync_configuration(&config(variables)).await.unwrap();
    }
}

pub fn now() -> Timestamp {
    Timestamp::now()
}

pub fn actor() -> Actor {
    Actor {
        who: Who::CommandLine("test".to_owned()),
        key: None,
        address: "192.0.2.7".parse().ok(),
        request_id: None,
        via: Via::CommandLine,
    }
}

pub fn context(now: Timestamp) -> SignInContext {
    let new_session = Secret::generate().digest();
    SignInContext { new_session, current_session: None, sid_hash: None, issued_at: now, now }
}

/// Addresses follow, whatever their domain.
pub fn follow(group_names: GroupNames) -> IdentityPolicy {
    let (address_changes, domains) = (AddressChanges::Follow, AssertableDomains::Any);
    IdentityPolicy { group_names, address_changes, domains, revision: None }
}

pub fn sid(text: &str) -> Hash {
    Hash::of(&[text.as_bytes()])
}

pub fn admitted(outcome: &SignInOutcome) -> UserId {
    match outcome {
        SignInOutcome::Admitted { user_id, .. } => *user_id,
        refusal => panic!("{refusal:?}"),
    }
}

pub fn email(text: &str) -> UserKey {
    UserKey::Email(text.parse().unwrap())
}

/// `subject` at the provider `entra`, with this address (none if empty) and in these groups.
pub fn person(subject: &str, email: &str, groups: &[&str]) -> AssertedIdentity {
    AssertedIdentity {
        provider: "entra".parse().unwrap(),
        subject: SubjectKey {
            issuer: "https://login.example.test/t/v2.0".to_owned(),
            subject: subject.to_owned(),
        },
        email: email.parse().ok(),
        refused: None,
        name: Some(subject.to_owned()),
        groups: known(groups),
    }
}

/// The same at another provider.
pub fn at_provider(provider: &str, mut identity: AssertedIdentity) -> AssertedIdentity {
    identity.subject.issuer = format!("https://{provider}.example.test");
    identity.provider = provider.parse().unwrap();
    identity
}

/// `id`, `role:id` or `id=display name`.
pub fn known(groups: &[&str]) -> AssertedGroups {
    let group = |text: &&str| {
        let (id, display_name) =
            text.split_once('=').map_or((*text, None), |(id, name)| (id, Some(name.to_owned())));
        let (kind, id) = id.strip_prefix("role:").map_or((GroupKind::Group, id), |id| (GroupKind::Role, id));
        AssertedGroup { kind, external_id: id.to_owned(), display_name }
    };
    AssertedGroups::Known(groups.iter().map(group).collect())
}

/// Two providers: `entra` with `link`, `corp` with `trust`.
pub fn config(variables: &[(&str, &str)]) -> Config {
    let plain = [
        ("GATEPOST_PUBLIC_URL", "https://auth.example.test"),
        ("GATEPOST_HOSTS", "app.example.test"),
        ("GATEPOST_PROVIDERS__ENTRA__KIND", "entra"),
        ("GATEPOST_PROVIDERS__ENTRA__TENANT_ID", "11111111-2222-3333-4444-555555555555"),
        ("GATEPOST_PROVIDERS__ENTRA__CLIENT_ID", "gatepost"),
        ("GATEPOST_PROVIDERS__ENTRA__CLIENT_SECRET", "not one"),
        ("GATEPOST_PROVIDERS__CORP__KIND", "oidc"),
        ("GATEPOST_PROVIDERS__CORP__ISSUER", "https://corp.example.test"),
        ("GATEPOST_PROVIDERS__CORP__CLIENT_ID", "gatepost"),
        ("GATEPOST_PROVIDERS__CORP__CLIENT_SECRET", "not one"),
        ("GATEPOST_PROVIDERS__CORP__ALLOWED_DOMAINS", "example.com"),
    ];
    let environment =
        plain.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let environment: std::collections::BTreeMap<String, String> = environment.collect();
    Config::parse("", environment.into_iter()).unwrap()
}
