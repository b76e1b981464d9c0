//! People and their sessions.
//!
//! Gatepost's own code creates the sessions in this process, with the key ring of the measured process, because a
//! million sign-ins would take too long.

use super::{Site, Stores};
use crate::load::Visitor;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use gatepost_config::{AddressChanges, AssertableDomains, GroupNames, IdentityPolicy};
use gatepost_core::auth_time::AuthTime;
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::{AssertedGroup, AssertedGroups, AssertedIdentity, GroupKind, SubjectKey};
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;
use gatepost_store::directory::{Actor, SignInContext, SignInOutcome, Who};
use gatepost_store::session::Started;
use gatepost_store::session::record::{SessionRecord, Token};
use gatepost_store::session::sealed::Purpose;
use gatepost_store::session::tokens::{BrowserBinding, HostValue, SessionId};
use std::io;

/// A group that everybody is in. There are two more.
pub const GROUP: &str = "MCP-GitHub";
const GROUPS: [&str; 3] = ["Everybody", GROUP, "Wiki-Editors"];
/// The number of concurrent sign-ins.
const AT_ONCE: usize = 64;
const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";

/// A person in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The person's id in the directory.
    pub id: UserId,
    /// The person's address.
    pub email: Box<str>,
}

impl Site {
    /// Creates people, each in three groups, one of which gives access to a tenant.
    ///
    /// # Errors
    /// The directory failed.
    pub async fn people(&self, count: usize) -> io::Result<Vec<Person>> {
        match &self.stores {
            Stores::Embedded => {
                let mut people = Vec::with_capacity(count);
                for number in 0..count {
                    people.push(self.admit(number).await?);
                }
                Ok(people)
            }
            // Creating a hundred thousand people one by one would take minutes.
            Stores::Shared { postgres, .. } => {
                for statement in statements(count) {
                    postgres.sql("test_0", &statement).await;
                }
                (0..count).map(person).collect()
            }
        }
    }

    async fn admit(&self, number: usize) -> io::Result<Person> {
        let email = email(number);
        let group = |name: &str| AssertedGroup {
            kind: GroupKind::Group,
            external_id: name.to_owned(),
            display_name: Some(name.to_owned()),
        };
        let identity = AssertedIdentity {
            provider: "entra".parse().map_err(io::Error::other)?,
            subject: subject(number),
            email: Some(email.parse().map_err(io::Error::other)?),
            refused: None,
            name: Some(format!("Person {number}")),
            groups: AssertedGroups::Known(GROUPS.map(group).to_vec()),
        };
        let now = Timestamp::now();
        let context = SignInContext {
            new_session: SessionId::generate().hash(),
            current_session: None,
            sid_hash: None,
            issued_at: now,
            now,
        };
        let actor = Actor::internal(Who::CommandLine("benchmark".to_owned()));
        let policy = IdentityPolicy {
            group_names: GroupNames::Trust,
            address_changes: AddressChanges::Follow,
            domains: AssertableDomains::Any,
            revision: None,
        };
        let outcome = self.state.stores.directory.sign_in(&identity, &policy, &context, &actor).await;
        match outcome.map_err(io::Error::other)? {
            SignInOutcome::Admitted { user_id, .. } => Ok(Person { id: user_id, email: email.into() }),
            other => Err(io::Error::other(format!("nobody is admitted: {other:?}"))),
        }
    }

    /// Starts sessions for one person after another, with or without a refresh token. Returns the cookies that their
    /// browsers have on `host`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sessions(
        &self,
        people: &[Person],
        count: usize,
        host: &str,
        token: Option<&str>,
    ) -> io::Result<Vec<Visitor>> {
        let starts =
            (0..count).map(|number| self.session(&people[number % people.len()], number, host, token));
        stream::iter(starts).buffered(AT_ONCE).try_collect().await
    }

    /// Starts a session for each person, and returns the cookie that the browser has at the next of these hosts.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sessions_at(&self, people: &[Person], hosts: &[Box<str>]) -> io::Result<Vec<Visitor>> {
        let starts = people
            .iter()
            .enumerate()
            .map(|(number, person)| self.session(person, number, &hosts[number % hosts.len()], None));
        stream::iter(starts).buffered(AT_ONCE).try_collect().await
    }

    async fn session(
        &self,
        person: &Person,
        number: usize,
        host: &str,
        token: Option<&str>,
    ) -> io::Result<Visitor> {
        let now = Timestamp::now();
        let session = self.start_session(person, number, now, token).await?.session.id;
        let value = HostValue { session, user: person.id, auth_time: AuthTime::at(now) };
        let cookie = self.state.site.ring.seal(Purpose::HostCookie, host, value);
        Ok(Visitor { cookie: cookie.into(), email: person.email.clone() })
    }

    /// Starts a session. Returns the cookie that the browser has on the public host.
    ///
    /// # Errors
    /// The store failed.
    pub async fn public_cookie(&self, person: &Person, number: usize) -> io::Result<String> {
        Ok(self.start_session(person, number, Timestamp::now(), None).await?.handover.cookie)
    }

    async fn start_session(
        &self,
        person: &Person,
        number: usize,
        now: Timestamp,
        token: Option<&str>,
    ) -> io::Result<Started> {
        // Derived from the session, so that a second thousand does not share the values of the first.
        let id = SessionId::generate();
        let browser = BrowserBinding::to(&id.hash().to_string());
        let record = record(person, number, now, token);
        self.state.stores.sessions.start(&browser, id, record, None).await.map_err(io::Error::other)
    }
}

fn email(number: usize) -> String {
    format!("person-{number}@example.com")
}

fn subject(number: usize) -> SubjectKey {
    SubjectKey {
        issuer: "https://login.microsoftonline.com/00000000-0000-4000-8000-0000000000aa/v2.0".to_owned(),
        subject: format!("00000000-0000-4000-9000-{number:012x}"),
    }
}

fn person(number: usize) -> io::Result<Person> {
    let id = format!("00000000-0000-4000-8000-{number:012x}").parse().map_err(io::Error::other)?;
    Ok(Person { id, email: email(number).into() })
}

/// SQL that creates the people of [`person`] in Postgres.
fn statements(count: usize) -> [String; 6] {
    let groups = GROUPS.join("', '");
    [
        format!("INSERT INTO gatepost.groups (name) SELECT unnest(ARRAY['{groups}']) ON CONFLICT DO NOTHING"),
        "INSERT INTO gatepost.tenants (id, created_at) VALUES ('github', 0) ON CONFLICT DO NOTHING".to_owned(),
        format!(
            "INSERT INTO gatepost.group_tenants (group_id, tenant_id) SELECT id, 'github' FROM gatepost.groups WHERE name = '{GROUP}' \
             ON CONFLICT DO NOTHING"
        ),
        format!(
            "INSERT INTO gatepost.users (id, email, name, created_at) \
             SELECT '00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'), 'person-' || n || '@example.com', \
             'Person ' || n, 0 FROM generate_series(0, {count} - 1) n ON CONFLICT DO NOTHING"
        ),
        "INSERT INTO gatepost.manual_memberships (user_id, group_id, source) \
         SELECT u.id, g.id, 'manual' FROM gatepost.users u CROSS JOIN gatepost.groups g ON CONFLICT DO NOTHING"
            .to_owned(),
        "VACUUM ANALYZE".to_owned(),
    ]
}

fn record(person: &Person, number: usize, now: Timestamp, token: Option<&str>) -> SessionRecord {
    SessionRecord {
        user: person.id,
        provider: "entra".parse().expect("a provider's id"),
        subject: subject(number),
        sid: Some(format!("00000000-0000-4000-a000-{number:012x}")),
        started_at: now,
        issued_at: Some(now),
        auth_time: AuthTime::at(now),
        last_seen_at: now,
        checked_at: now,
        unreachable_at: None,
        public_secret: Hash::of(&[b"set at the start"]),
        replaced_secret: None,
        refresh_token: token.map(|token| Token::new(token.to_owned().into())),
        nonce: "n".repeat(43),
        id_token: None,
        logout_hint: None,
        user_agent: Some(USER_AGENT.to_owned()),
        address: "192.0.2.7".parse().ok(),
    }
}
