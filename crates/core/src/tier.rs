//! What a tenant may have and how much of it: by its tier, and by itself.

use crate::usage::Prices;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

/// A JSON object that is kept as a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonObject(Map<String, Value>);

impl JsonObject {
    /// The members.
    pub const fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This object with the members of `patch` merged into it (RFC 7396).
    #[must_use]
    pub fn merged(&self, patch: &Self) -> Self {
        let mut object = self.clone();
        merge(&mut object.0, &patch.0);
        object
    }

    /// This object where `other` says nothing: the members of both, those of `other` if both have one.
    #[must_use]
    pub fn overridden_by(&self, other: &Self) -> Self {
        let mut object = self.clone();
        object.0.extend(other.0.clone());
        object
    }

    /// Each member as a text, as [`AllowanceMember`] reads it: `keys=10`.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(|(name, value)| format!("{name}={}", text_of(value))).collect()
    }

    /// How many of something there may be at most. `None`: as many as one likes.
    pub fn limit(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// Whether a feature is there. One that nothing is said about is.
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name).is_none_or(|value| *value == true)
    }
}

/// Arrays and other values are replaced, `null` deletes.
fn merge(object: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match (object.get_mut(name), value) {
            (_, Value::Null) => drop(object.remove(name)),
            (Some(Value::Object(own)), Value::Object(patch)) => merge(own, patch),
            (_, Value::Object(patch)) => {
                let mut own = Map::new();
                merge(&mut own, patch);
                object.insert(name.clone(), own.into());
            }
            _ => drop(object.insert(name.clone(), value.clone())),
        }
    }
}

impl From<Map<String, Value>> for JsonObject {
    fn from(members: Map<String, Value>) -> Self {
        Self(members)
    }
}

impl fmt::Display for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Value::Object(self.0.clone()).to_string())
    }
}

impl FromStr for JsonObject {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }
}

/// A member of features or limits as people write it: `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowanceMember {
    pub name: String,
    /// `null`: none was given.
    pub value: Value,
}

impl FromStr for AllowanceMember {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
        Ok(Self { name: name.trim().to_owned(), value: value_of(value.trim()) })
    }
}

/// A number, `true`, `false` and a text in quotes are that; everything else is a text.
fn value_of(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Bool(_) | Value::Number(_) | Value::String(_))) => value,
        _ if text.is_empty() => Value::Null,
        _ => text.into(),
    }
}

/// A text that would be read as something else has quotes.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) if value_of(text) == *value && text.trim() == text => text.clone(),
        other => other.to_string(),
    }
}

/// What a tier or a tenant may have and how much of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowances {
    /// What it may use, as `"sso_enabled": true`.
    pub features: JsonObject,
    /// How much, as `"members": 25`.
    pub limits: JsonObject,
}

impl Allowances {
    /// These, where `other` says nothing.
    #[must_use]
    pub fn overridden_by(&self, other: &Self) -> Self {
        Self {
            features: self.features.overridden_by(&other.features),
            limits: self.limits.overridden_by(&other.limits),
        }
    }

    /// Every member that is not what it must be.
    pub fn flaws(&self) -> Vec<AllowanceFlaw> {
        let mut flaws = Vec::new();
        for (part, object, is_known, expected) in [
            ("features", &self.features, is_feature as fn(&str, &Value) -> bool, EXPECTED_FEATURE),
            ("limits", &self.limits, is_limit, EXPECTED_LIMIT),
        ] {
            if object.0.len() > MOST_MEMBERS {
                flaws.push(AllowanceFlaw { part, member: None, expected: "at most 64 members" });
            }
            for (name, value) in &object.0 {
                let expected = if !is_member(name) {
                    "a name of 1 to 64 of a-z, A-Z, 0-9, . - and _"
                } else if !is_plain(value) {
                    "a number, a truth value, or a text of at most 256 characters"
                } else if is_known(name, value) {
                    continue;
                } else {
                    expected
                };
                flaws.push(AllowanceFlaw { part, member: Some(name.clone()), expected });
            }
        }
        flaws
    }
}

/// What a tier says: what its tenants may have, and what it costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TierTerms {
    pub allowances: Allowances,
    /// `None`: nothing has a price.
    pub prices: Option<Prices>,
}

impl From<Allowances> for TierTerms {
    fn from(allowances: Allowances) -> Self {
        Self { allowances, prices: None }
    }
}

/// A member of features or limits that is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowanceFlaw {
    /// `features` or `limits`.
    pub part: &'static str,
    /// `None`: there are too many.
    pub member: Option<String>,
    pub expected: &'static str,
}

/// The limits that are enforced.
pub const ENFORCED: [&str; 5] = [API_REQUESTS_PER_DAY, REQUESTS_PER_MINUTE, MEMBERS, KEYS, HOSTS];
/// Requests with keys and tokens in a day, and those of routers that are metered.
pub const API_REQUESTS_PER_DAY: &str = "api_requests_per_day";
/// Requests with one key or token in a minute.
pub const REQUESTS_PER_MINUTE: &str = "requests_per_minute";
/// People whom a tenant has by itself.
pub const MEMBERS: &str = "members";
/// API keys that count.
pub const KEYS: &str = "keys";
/// Hosts that are not refused.
pub const HOSTS: &str = "hosts";
/// Whether a tenant may have hosts outside of `GATEPOST_TENANTS__DOMAIN`.
pub const CUSTOM_DOMAINS: &str = "custom_domains";
/// The feature of tenants that may have a provider of their own.
pub const SSO: &str = "sso_enabled";

const FEATURES: [&str; 3] = [SSO, CUSTOM_DOMAINS, "white_labeling"];
const MOST_MEMBERS: usize = 64;
const LONGEST_TEXT: usize = 256;
const EXPECTED_FEATURE: &str = "true or false";
const EXPECTED_LIMIT: &str = "a whole number from 0 on, or \"none\"";

fn is_member(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => text.chars().count() <= LONGEST_TEXT && !text.chars().any(char::is_control),
        Value::Number(_) | Value::Bool(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn is_feature(name: &str, value: &Value) -> bool {
    !FEATURES.contains(&name) || value.is_boolean()
}

fn is_limit(name: &str, value: &Value) -> bool {
    !ENFORCED.contains(&name) || value.is_u64() || value == "none"
}

/// The tiers that come with Gatepost.
pub const BUILT_IN: [&str; 3] = ["free", "pro", "enterprise"];

/// What a tier that comes with Gatepost allows. `None`: no such tier comes with it.
pub fn built_in(id: &str) -> Option<Allowances> {
    let (features, limits) = match id {
        "free" => (
            r#"{"sso_enabled":false,"custom_domains":false,"white_labeling":false}"#,
            r#"{"api_requests_per_day":1000,"workflows_per_month":100,"requests_per_minute":60,"members":25,"keys":5,"hosts":1}"#,
        ),
        "pro" => (
            r#"{"sso_enabled":true,"custom_domains":true,"white_labeling":false}"#,
            r#"{"api_requests_per_day":100000,"workflows_per_month":10000,"requests_per_minute":600,"members":500,"keys":50,"hosts":5}"#,
        ),
        "enterprise" => (
            r#"{"sso_enabled":true,"custom_domains":true,"white_labeling":true}"#,
            r#"{"api_requests_per_day":"none","workflows_per_month":"none","requests_per_minute":6000,"members":"none","keys":500,"hosts":50}"#,
        ),
        _ => return None,
    };
    let object = |text: &str| text.parse().unwrap_or_default();
    Some(Allowances { features: object(features), limits: object(limits) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> JsonObject {
        serde_json::from_value(value).map(JsonObject).expect("an object")
    }

    #[test]
    fn a_patch_is_merged_as_rfc_7396_says() {
        let before = object(json!({"a": {"b": 1, "c": [1]}, "d": 2}));
        let patch = object(json!({"a": {"b": null, "e": {"f": null, "g": 1}}, "d": {"h": 1}, "i": null}));
        let after = object(json!({"a": {"c": [1], "e": {"g": 1}}, "d": {"h": 1}}));
        assert_eq!(before.merged(&patch), after);
    }

    #[test]
    fn a_member_is_read_as_it_is_written() {
        let members = json!({
            "keys": 7, "members": "none", "storage": "50Gi", "ratio": 1.5, "on": true, "text": "true", "number": "7",
            "empty": "", "spaces": " a ", "equal": "a=b", "quote": "\"",
        });
        let texts = object(members.clone()).texts();
        assert!(
            ["keys=7", "members=none", "text=\"true\"", "empty=\"\""]
                .iter()
                .all(|text| texts.contains(&(*text).to_owned())),
            "{texts:?}"
        );
        let read = texts.iter().map(|text| text.parse().expect("a member"));
        let read: Map<String, Value> = read.map(|AllowanceMember { name, value }| (name, value)).collect();
        assert_eq!(Value::from(read), members);
        assert_eq!("keys=".parse().map(|member: AllowanceMember| member.value), Ok(Value::Null));
        assert!("keys".parse::<AllowanceMember>().is_err());
    }

    #[test]
    fn a_tenants_own_limits_override_those_of_its_tier() {
        let free = built_in("free").expect("a tier");
        let own =
            Allowances { limits: object(json!({"keys": 7, "members": "none"})), ..Allowances::default() };
        let both = free.overridden_by(&own);
        assert_eq!((both.limits.limit("keys"), both.limits.limit("members")), (Some(7), None));
        assert_eq!((both.limits.limit("hosts"), both.limits.limit("unknown")), (Some(1), None));
    }

    #[test]
    fn the_tiers_that_come_with_gatepost_have_no_flaws() {
        for id in BUILT_IN {
            let tier = built_in(id).expect("a tier");
            assert_eq!(tier.flaws(), [], "{id}");
            assert!(ENFORCED.iter().all(|name| tier.limits.0.contains_key(*name)), "{id}");
            assert!(FEATURES.iter().all(|name| tier.features.0.contains_key(*name)), "{id}");
        }
        assert_eq!(built_in("gold"), None);
    }

    #[test]
    fn what_a_member_must_not_be_is_named() {
        for (features, limits, part, member) in [
            (json!({"sso_enabled": "yes"}), json!({}), "features", Some("sso_enabled")),
            (json!({"other": null}), json!({}), "features", Some("other")),
            (json!({"a b": 1}), json!({}), "features", Some("a b")),
            (json!({}), json!({"keys": -1}), "limits", Some("keys")),
            (json!({}), json!({"keys": 1.5}), "limits", Some("keys")),
            (json!({}), json!({"keys": "many"}), "limits", Some("keys")),
            (json!({}), json!({"storage": {"size": 1}}), "limits", Some("storage")),
            (json!({}), json!({"storage": "x".repeat(257)}), "limits", Some("storage")),
        ] {
            let flaws = Allowances { features: object(features), limits: object(limits) }.flaws();
            let named: Vec<_> = flaws.iter().map(|flaw| (flaw.part, flaw.member.as_deref())).collect();
            assert_eq!(named, [(part, member)]);
        }
    }
}
