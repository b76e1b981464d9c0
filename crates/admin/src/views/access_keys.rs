//! The API keys that can open something.

use super::access::AccessRequirement;
use super::keys::Key;
use crate::access::{self, Question};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::ToSchema;

/// The keys that can open it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OpeningKeyList {
    pub items: Vec<OpeningKey>,
    /// The value of `after` for the next page. `null`: this is the last one.
    pub next: Option<String>,
    /// What is asked for: one of these is enough. Empty: it is not known what the routers of the host require.
    pub requirements: Vec<AccessRequirement>,
}

impl OpeningKeyList {
    pub fn new(question: &Question, keys: &[access::OpeningKey], next: Option<String>) -> Self {
        Self {
            items: keys.iter().map(|opening| OpeningKey::new(question, opening)).collect(),
            next,
            requirements: question.requirements.iter().map(AccessRequirement::from).collect(),
        }
    }
}

/// A key that can open it, within its limits.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OpeningKey {
    #[serde(flatten)]
    pub key: Key,
    /// The requirements that the key meets.
    pub requirements: Vec<String>,
    pub ways: Vec<KeyWay>,
}

impl OpeningKey {
    pub fn new(question: &Question, opening: &access::OpeningKey) -> Self {
        let met = opening.meets.iter().map(|place| question.requirements[*place].query.clone());
        Self {
            key: (&opening.key).into(),
            requirements: met.collect(),
            ways: opening.ways.iter().map(KeyWay::from).collect(),
        }
    }
}

/// What lets a key in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyWay {
    /// `key`: nothing else is required. `group`, `tenant`, or `rule` of a tool server. `people`: a program may send
    /// requests for people with it, each of whom must be able to open it, too.
    #[schema(value_type = String, example = "tenant")]
    pub by: Cow<'static, str>,
    pub group: Option<String>,
    pub tenant: Option<String>,
    /// The same in words.
    pub text: String,
}

impl From<&access::KeyWay> for KeyWay {
    fn from(way: &access::KeyWay) -> Self {
        use access::KeyWay as Way;
        let (by, group, tenant) = match way {
            Way::Key => ("key", None, None),
            Way::Group(name) => ("group", Some(name.to_string()), None),
            Way::Tenant(id) => ("tenant", None, Some(id.to_string())),
            Way::Rule => ("rule", None, None),
            Way::People => ("people", None, None),
        };
        Self { by: by.into(), group, tenant, text: way.text() }
    }
}
