//! What pages show of a key, and where they stand.

use crate::frame::Section;
use crate::paths;
use gatepost_core::administration::Version;
use gatepost_core::api_key::{KeyId, KeyLimits};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// Where pages about keys stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPages {
    /// In the portal, for administrators.
    Portal,
    /// In one's own account: there are one's own keys alone.
    Account,
}

impl KeyPages {
    /// The path of the list.
    pub const fn root(self) -> &'static str {
        match self {
            Self::Portal => paths::ADMIN_KEYS,
            Self::Account => paths::OWN_KEYS,
        }
    }

    /// The path of the page of a key.
    pub fn key(self, id: KeyId) -> String {
        format!("{}/{id}", self.root())
    }

    /// The path of the list below the root of the API.
    pub(super) const fn api(self) -> &'static str {
        match self {
            Self::Portal => "/keys",
            Self::Account => "/me/keys",
        }
    }

    /// The part of the navigation.
    pub const fn section(self) -> Section {
        match self {
            Self::Portal => Section::Keys,
            Self::Account => Section::OwnKeys,
        }
    }
}

/// A key, without its secret.
#[derive(Clone, Copy, Debug)]
pub struct KeyFacts<'a> {
    pub id: KeyId,
    pub name: &'a str,
    /// The first characters of the secret's random part.
    pub hint: &'a str,
    /// The local part of the address that applications get.
    pub machine_name: &'a str,
    pub tenant: Option<&'a TenantId>,
    /// The person with whom it ends, and their address.
    pub owner: Option<(UserId, Option<&'a EmailAddress>)>,
    /// The owner is disabled, so that the key does not count.
    pub is_stopped: bool,
    pub created_by: &'a str,
    pub created_at: Timestamp,
    pub limits: &'a KeyLimits,
    pub groups: &'a [GroupName],
    /// Why it never ends.
    pub endless_reason: Option<&'a str>,
    /// Until then the secret from before the last rotation counts too.
    pub previous_until: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub last_used_from: Option<&'a str>,
    pub revoked_at: Option<Timestamp>,
    pub version: Version,
}

/// Whether a key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    Valid,
    /// It ends within this many days, and there are at most 14.
    EndsWithin(u64),
    /// Its owner is disabled.
    Stopped,
    Ended,
    Revoked,
}

impl KeyState {
    /// From so many days before its end on a key is marked.
    pub const SOON: u32 = 14;

    pub(in super::super) fn word(self) -> String {
        match self {
            Self::Valid => "valid".to_owned(),
            Self::EndsWithin(0) => "ends today".to_owned(),
            Self::EndsWithin(1) => "ends in 1 day".to_owned(),
            Self::EndsWithin(days) => format!("ends in {days} days"),
            Self::Stopped => "stopped: its owner is disabled".to_owned(),
            Self::Ended => "ended".to_owned(),
            Self::Revoked => "revoked".to_owned(),
        }
    }

    /// The class of its tag. The last three days stand out most.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Valid => "",
            Self::EndsWithin(0..=3) | Self::Ended | Self::Stopped => "wrong",
            Self::EndsWithin(_) => "soon",
            Self::Revoked => "aside",
        }
    }
}

impl KeyFacts<'_> {
    /// Whether it counts.
    pub fn state(&self, now: Timestamp) -> KeyState {
        match self.limits.expires_at {
            _ if self.revoked_at.is_some() => KeyState::Revoked,
            Some(end) if end <= now => KeyState::Ended,
            _ if self.is_stopped => KeyState::Stopped,
            Some(end) if end <= now.plus(DAY * KeyState::SOON) => {
                KeyState::EndsWithin(end.since(now).as_secs() / DAY.as_secs())
            }
            _ => KeyState::Valid,
        }
    }

    /// What its secret begins with, as lists of secrets show it.
    pub(super) fn beginning(&self) -> String {
        let tenant = self.tenant.map(|tenant| format!("{tenant}_")).unwrap_or_default();
        format!("gp_{tenant}{}\u{2026}", self.hint)
    }

    /// What it may, in few words.
    pub(super) fn uses(&self) -> String {
        let scopes: Vec<String> = self.limits.scopes.iter().map(ToString::to_string).collect();
        let hosts = match self.limits.hosts.len() {
            0 => String::new(),
            1 => format!(" at {}", self.limits.hosts[0]),
            number => format!(" at {number} hosts"),
        };
        format!("{}{hosts}", scopes.join(", "))
    }

    /// How pages name its owner: the address, else the id.
    pub(super) fn owner_title(&self) -> Option<String> {
        self.owner.map(|(id, email)| email.map_or_else(|| id.to_string(), ToString::to_string))
    }
}
