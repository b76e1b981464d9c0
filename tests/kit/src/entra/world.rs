//! The state of the fake provider behind one lock: people, browser sessions, and issued codes and tokens.
//!
//! No request holds the lock across an await. The lock stays usable after a handler panicked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rand::Rng as _;

use super::journal::Journal;
use super::keys::KeyRing;
use super::people::Person;
use super::registration::{Registration, Style};
use crate::lies::{Lie, Stage};

/// A sign-in, as codes and tokens refer to it.
#[derive(Clone, Debug)]
pub(crate) struct SignIn {
    pub(crate) oid: String,
    /// The tenant segment of the authorization request. A code is only valid there (AADSTS700005).
    pub(crate) tenant: String,
    pub(crate) scopes: BTreeSet<String>,
    pub(crate) auth_time: i64,
    pub(crate) wants_auth_time: bool,
    pub(crate) sid: String,
}

/// An authorization code.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) sign_in: SignIn,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) nonce: Option<String>,
    pub(crate) issued_at: i64,
    pub(crate) is_redeemed: bool,
}

/// A PKCE challenge (RFC 7636).
#[derive(Clone, Debug)]
pub(crate) struct Challenge {
    pub(crate) is_s256: bool,
    pub(crate) value: String,
}

/// A refresh token. All tokens from the same code are a family.
#[derive(Clone, Debug)]
pub(crate) struct RefreshToken {
    pub(crate) sign_in: SignIn,
    pub(crate) family: String,
    pub(crate) is_used: bool,
    /// The error for a use after it was revoked.
    pub(crate) revoked: Option<u32>,
}

/// An access token for Graph and userinfo.
#[derive(Clone, Debug)]
pub(crate) struct AccessToken {
    pub(crate) oid: String,
    pub(crate) scopes: BTreeSet<String>,
    pub(crate) expires_at: i64,
}

/// A browser's session at the provider.
#[derive(Clone, Debug)]
pub(crate) struct Sso {
    pub(crate) oid: String,
    pub(crate) auth_time: i64,
    pub(crate) sid: String,
}

/// An answer that a test set up in advance.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) retry_after: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ActiveLie {
    pub(crate) lie: Lie,
    pub(crate) once: bool,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) style: Style,
    /// Scheme, host and port under which clients reach the provider.
    pub(crate) base: String,
    pub(crate) tid: String,
    pub(crate) registration: Registration,
    pub(crate) people: Vec<Person>,
    pub(crate) keys: KeyRing,
    pub(crate) codes: BTreeMap<String, Code>,
    pub(crate) access_tokens: BTreeMap<String, AccessToken>,
    pub(crate) refresh_tokens: BTreeMap<String, RefreshToken>,
    pub(crate) sso: BTreeMap<String, Sso>,
    pub(crate) rotates_strictly: bool,
    /// The person who signs in wherever a browser has no session; with `None` the picker is shown.
    pub(crate) at_the_browser: Option<String>,
    pub(crate) clock_offset: i64,
    pub(crate) authorize_errors: VecDeque<(String, String)>,
    pub(crate) token_answers: VecDeque<Scripted>,
    pub(crate) graph_answers: VecDeque<Scripted>,
    pub(crate) used_assertions: Vec<String>,
    pub(crate) redeemed: usize,
    pub(crate) last_logout_token: Option<String>,
    pub(crate) active_lie: Option<ActiveLie>,
    /// The lie that changed the key set. It stays when a lie that is told once is over, so that the keys stay
    /// published.
    pub(crate) last_lie: Option<Lie>,
    pub(crate) lies_told: usize,
}

impl World {
    pub(crate) fn new(style: Style, base: String, tid: String, registration: Registration) -> Self {
        Self {
            style,
            base,
            tid,
            registration,
            people: Vec::new(),
            keys: KeyRing::default(),
            codes: BTreeMap::new(),
            access_tokens: BTreeMap::new(),
            refresh_tokens: BTreeMap::new(),
            sso: BTreeMap::new(),
            rotates_strictly: false,
            at_the_browser: None,
            clock_offset: 0,
            authorize_errors: VecDeque::new(),
            token_answers: VecDeque::new(),
            graph_answers: VecDeque::new(),
            used_assertions: Vec::new(),
            redeemed: 0,
            last_logout_token: None,
            active_lie: None,
            last_lie: None,
            lies_told: 0,
        }
    }

    /// The provider's clock, in seconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        i64::try_from(since).unwrap_or(i64::MAX).saturating_add(self.clock_offset)
    }

    pub(crate) fn find_person(&self, oid: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.oid == oid)
    }

    /// Finds a person by short name, or by user name as typed into "use another account".
    pub(crate) fn find_by_name(&self, name: &str) -> Option<&Person> {
        self.people.iter().find(|person| {
            person.handle == name
                || person.preferred_username.eq_ignore_ascii_case(name)
                || person.login_hint == name
        })
    }

    pub(crate) fn tid_of(&self, person: &Person) -> String {
        if person.is_guest {
            self.tid.clone()
        } else {
            person.tid.clone().unwrap_or_else(|| self.tid.clone())
        }
    }

    /// The `iss` of a tenant's tokens. The generic provider has only one.
    pub(crate) fn issuer_of(&self, tid: &str) -> String {
        match self.style {
            Style::Entra => format!("{}/{tid}/v2.0", self.base),
            Style::Oidc => format!("{}/realms/demo", self.base),
        }
    }

    /// The lie to tell at this stage, if there is one. Counts it as told.
    pub(crate) fn tell(&mut self, stages: &[Stage]) -> Option<Lie> {
        let active = self.active_lie.filter(|active| stages.contains(&active.lie.stage()))?;
        self.lies_told += 1;
        if active.once {
            self.active_lie = None;
        }
        Some(active.lie)
    }

    /// Like [`Self::tell`], for ID tokens. They prepare a lie of userinfo, which is only counted when userinfo tells
    /// it.
    pub(crate) fn tell_about_token(&mut self, stages: &[Stage]) -> Option<Lie> {
        let lie = self.active_lie.map(|active| active.lie).filter(|lie| stages.contains(&lie.stage()))?;
        if lie.stage() == Stage::Userinfo { Some(lie) } else { self.tell(stages) }
    }

    pub(crate) fn revoke_tokens(&mut self, oid: &str, code: u32) {
        for token in self.refresh_tokens.values_mut().filter(|token| token.sign_in.oid == oid) {
            token.revoked = Some(code);
        }
        self.sso.retain(|_, sso| sso.oid != oid);
    }
}

/// The state that all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    pub(crate) journal: Journal,
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self { world: Mutex::new(world), journal: Journal::new() }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A random token of `length` characters, including `prefix`. The callers use the lengths of Entra's tokens.
pub(crate) fn opaque(prefix: &str, length: usize) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut rng = rand::rng();
    let mut token = prefix.to_owned();
    while token.len() < length {
        token.push(char::from(alphabet[rng.random_range(0..alphabet.len())]));
    }
    token
}
