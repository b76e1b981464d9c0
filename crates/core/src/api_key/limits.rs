//! What a key allows, beside what its access opens.

use super::NotAKey;
use crate::clock::Timestamp;
use crate::host::HostName;
use crate::ids::{SpeakerId, ToolServerId};
use crate::tool_pattern::ToolPattern;
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

/// What a key may be used for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyScope {
    /// Requests to protected hosts, as a machine.
    Gate,
    /// Reading by the REST API.
    ApiRead,
    /// Changes by the REST API.
    ApiWrite,
    /// Reporting usage.
    UsageWrite,
    /// Pushing people and groups (RFC 7644).
    Scim,
    /// Requests to protected hosts for a person whom a signed word names.
    ActAs(ActAs),
}

/// Whose signed words a key may send.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActAs {
    /// Those of every configured speaker.
    EverySpeaker,
    /// Those of the speaker with this id.
    Speaker(SpeakerId),
}

const ACT_AS: &str = "act-as";

impl fmt::Display for KeyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gate => f.write_str("gate"),
            Self::ApiRead => f.write_str("api.read"),
            Self::ApiWrite => f.write_str("api.write"),
            Self::UsageWrite => f.write_str("usage.write"),
            Self::Scim => f.write_str("scim"),
            Self::ActAs(ActAs::EverySpeaker) => f.write_str(ACT_AS),
            Self::ActAs(ActAs::Speaker(id)) => write!(f, "{ACT_AS}:{id}"),
        }
    }
}

/// The text is not the name of a scope.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is not a scope: expected gate, api.read, api.write, usage.write, scim, act-as or act-as:SPEAKER"
)]
pub struct KeyScopeError(String);

impl FromStr for KeyScope {
    type Err = KeyScopeError;

    fn from_str(text: &str) -> Result<Self, KeyScopeError> {
        match text {
            "gate" => Ok(Self::Gate),
            "api.read" => Ok(Self::ApiRead),
            "api.write" => Ok(Self::ApiWrite),
            "usage.write" => Ok(Self::UsageWrite),
            "scim" => Ok(Self::Scim),
            ACT_AS => Ok(Self::ActAs(ActAs::EverySpeaker)),
            _ => {
                let speaker = text.strip_prefix(ACT_AS).and_then(|rest| rest.strip_prefix(':'));
                let id = speaker.and_then(|id| id.parse().ok());
                let id = id.ok_or_else(|| KeyScopeError(text.to_owned()))?;
                Ok(Self::ActAs(ActAs::Speaker(id)))
            }
        }
    }
}

/// A network from which a key counts.
pub type KeyNetwork = IpNet;

/// What a key allows. An empty list of hosts allows none. An empty list of networks or tools does not limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// It is worth nothing any more: it was revoked, or its owner may not sign in.
    pub is_ended: bool,
    /// From this second on the key is worth nothing. `None`: never.
    pub expires_at: Option<Timestamp>,
    /// What it may be used for.
    pub scopes: Vec<KeyScope>,
    /// The protected hosts at which it counts.
    pub hosts: Vec<HostName>,
    /// The networks of the client from which it counts.
    pub networks: Vec<IpNet>,
    /// The tools that it may call.
    pub tools: Vec<ToolPattern>,
    /// How many requests a minute it may send.
    pub requests_per_minute: Option<u32>,
    /// The tool server that it tries: whether that refuses messages whose headers and body differ. Until this is known, the
    /// gate lets no other key pass there without reading the body.
    pub trial: Option<ToolServerId>,
}

/// One request that carries a key.
#[derive(Clone, Copy, Debug)]
pub struct KeyUse<'a> {
    /// The current time.
    pub now: Timestamp,
    /// The protected host.
    pub host: &'a HostName,
    /// The client's address, if the proxy named it.
    pub client: Option<IpAddr>,
}

/// Why a key does not count for a request. The text helps who holds the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyDenial {
    /// The text is not a key.
    #[error(transparent)]
    NotAKey(#[from] NotAKey),
    /// The directory knows no such key, or not any more.
    #[error("the key is unknown or revoked")]
    Unknown,
    /// It was revoked, or its owner is disabled.
    #[error("the key was revoked, or its owner may not sign in")]
    Ended,
    /// It has expired.
    #[error("the key has expired")]
    Expired,
    /// The client is in none of the key's networks, or its address is unknown.
    #[error("the key does not count from this network")]
    Network,
    /// The key is not for requests to protected hosts.
    #[error("the key lacks the scope gate")]
    Scope,
    /// The key is not for this host.
    #[error("the key does not count at this host")]
    Host,
    /// The tenant whose key it is is suspended.
    #[error("the tenant of the key is suspended")]
    TenantSuspended,
    /// The router requires a recent sign-in, and a key never signs in.
    #[error("this address requires a recent sign-in of a person, which a key cannot show")]
    NoSignIn,
    /// The key, or its address with wrong keys, has sent too many requests. Holds the time to wait.
    #[error("too many requests")]
    TooMany(Duration),
}

impl KeyDenial {
    /// Whether the key is worth nothing here (401). Otherwise it is known, and lacks something (403).
    pub const fn is_invalid(self) -> bool {
        matches!(self, Self::NotAKey(_) | Self::Unknown | Self::Ended | Self::Expired | Self::Network)
    }
}

impl KeyLimits {
    /// Whether the key has a scope.
    pub fn has(&self, scope: &KeyScope) -> bool {
        self.scopes.contains(scope)
    }

    /// Whether the key may send requests for people.
    pub fn acts_for_people(&self) -> bool {
        self.scopes.iter().any(|scope| matches!(scope, KeyScope::ActAs(_)))
    }

    /// An address of a client from which the key counts. `None`: it counts from everywhere.
    pub fn client_within(&self) -> Option<IpAddr> {
        self.networks.first().map(IpNet::addr)
    }

    /// Whether the key may send the words of a speaker.
    pub fn may_act_by(&self, speaker: &SpeakerId) -> bool {
        self.scopes.iter().any(|scope| match scope {
            KeyScope::ActAs(ActAs::EverySpeaker) => true,
            KeyScope::ActAs(ActAs::Speaker(id)) => id == speaker,
            _ => false,
        })
    }

    /// The memory of these limits, in bytes.
    pub fn size(&self) -> usize {
        let Self { scopes, hosts, networks, tools, trial, .. } = self;
        let texts = hosts.iter().map(|host| host.as_str().len()).sum::<usize>()
            + tools.iter().map(|tool| tool.as_str().len()).sum::<usize>()
            + trial.as_ref().map_or(0, |id| id.as_str().len());
        size_of::<Self>()
            + size_of_val(&**scopes)
            + size_of_val(&**hosts)
            + size_of_val(&**networks)
            + size_of_val(&**tools)
            + texts
    }

    /// Whether the key counts at this time for this client, whatever it is used for.
    ///
    /// # Errors
    /// [`KeyDenial`]: it is worth nothing.
    pub fn check_client(&self, now: Timestamp, client: Option<IpAddr>) -> Result<(), KeyDenial> {
        if self.is_ended {
            return Err(KeyDenial::Ended);
        }
        if self.expires_at.is_some_and(|end| now >= end) {
            return Err(KeyDenial::Expired);
        }
        let is_near = |client: IpAddr| self.networks.iter().any(|network| network.contains(&client));
        let is_there = self.networks.is_empty() || client.map(|ip| ip.to_canonical()).is_some_and(is_near);
        if is_there { Ok(()) } else { Err(KeyDenial::Network) }
    }

    /// Whether the key counts for a request to a protected host, apart from its scope.
    ///
    /// # Errors
    /// [`KeyDenial`]. What makes the key worthless comes first.
    pub fn check(&self, request: &KeyUse<'_>) -> Result<(), KeyDenial> {
        self.check_client(request.now, request.client)?;
        if self.hosts.contains(request.host) { Ok(()) } else { Err(KeyDenial::Host) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn limits() -> KeyLimits {
        KeyLimits {
            expires_at: Some(NOW.plus(std::time::Duration::from_secs(1))),
            scopes: vec![KeyScope::Gate],
            hosts: vec!["mcp.example.com".parse().expect("a host")],
            networks: vec!["10.0.0.0/8".parse().expect("a network"), "fd00::/8".parse().expect("a network")],
            ..KeyLimits::default()
        }
    }

    #[test]
    fn a_key_counts_at_its_hosts_from_its_networks_until_it_expires() {
        let [here, elsewhere] =
            ["mcp.example.com", "app.example.com"].map(|host| host.parse().expect("a host"));
        let check = |now, host, client: Option<&str>| {
            let client = client.map(|ip| ip.parse().expect("an address"));
            limits().check(&KeyUse { now, host, client })
        };
        for near in ["10.1.2.3", "fd00::1", "::ffff:10.1.2.3"] {
            assert_eq!(check(NOW, &here, Some(near)), Ok(()), "{near}");
        }
        let later = limits().expires_at.expect("an end");
        for (now, host, client, denial) in [
            (later, &here, Some("10.1.2.3"), KeyDenial::Expired),
            (NOW, &here, Some("11.0.0.1"), KeyDenial::Network),
            (NOW, &here, Some("::1"), KeyDenial::Network),
            (NOW, &here, None, KeyDenial::Network),
            (NOW, &elsewhere, Some("10.1.2.3"), KeyDenial::Host),
            (later, &elsewhere, None, KeyDenial::Expired),
        ] {
            assert_eq!(check(now, host, client), Err(denial));
        }
        let ended = KeyLimits { is_ended: true, ..limits() };
        let request = KeyUse { now: NOW, host: &here, client: Some("10.1.2.3".parse().expect("an address")) };
        assert_eq!(ended.check(&request), Err(KeyDenial::Ended));
        let nowhere = KeyLimits { hosts: Vec::new(), networks: Vec::new(), ..limits() };
        let request = KeyUse { now: NOW, host: &here, client: None };
        assert_eq!(nowhere.check(&request), Err(KeyDenial::Host), "no host means none");
    }

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for text in ["gate", "api.read", "api.write", "usage.write", "scim", "act-as", "act-as:open-webui"] {
            let scope: KeyScope = text.parse().expect(text);
            assert_eq!(scope.to_string(), text);
        }
        for text in ["", "Gate", "act-as:", "act-as:A", "act-as:a b", "admin", "gate,scim", "act-asx"] {
            assert_eq!(text.parse::<KeyScope>(), Err(KeyScopeError(text.to_owned())));
        }
    }

    #[test]
    fn a_key_acts_by_the_speakers_that_it_names() {
        let key = |scopes: &[&str]| {
            let scopes = scopes.iter().map(|scope| scope.parse().expect("a scope")).collect();
            KeyLimits { scopes, ..KeyLimits::default() }
        };
        let [chat, other] = ["chat", "other"].map(|id| id.parse().expect("an id"));
        assert!(key(&["act-as"]).may_act_by(&chat));
        assert!(key(&["gate", "act-as:chat"]).may_act_by(&chat));
        assert!(!key(&["act-as:chat"]).may_act_by(&other));
        assert!(!key(&["gate", "api.write"]).may_act_by(&chat));
    }
}
