//! The data of an explanation: each step of `/verify` with its result.

use gatepost_core::access::Role;
use gatepost_core::calendar;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{KeyLack, Missing};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupName, ProviderId, TenantId, UserId};
use gatepost_telemetry::Reason;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The step does not prevent the request from passing.
    Ok,
    /// The step prevents the request from passing.
    No,
    /// For information: the decision does not depend on the step.
    Note,
}

/// A time that is serialised as RFC 3339 and displayed in UTC to the minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UtcTime(pub Timestamp);

impl Serialize for UtcTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&calendar::rfc3339(self.0))
    }
}

impl<'de> Deserialize<'de> for UtcTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} UTC", calendar::minute(self.0))
    }
}

/// One step, in the order of `/verify`. If a request fails early, the later steps are missing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The request as the proxy describes it.
    Request(RequestFacts),
    /// Whether the host is protected.
    Host(HostFacts),
    /// Whether the path is below `/.gatepost/`.
    Path(PathFacts),
    /// What the router requires.
    Requirement(RequirementFacts),
    /// The person.
    Person(PersonFacts),
    /// The API key, in place of a person.
    Key(KeyFacts),
    /// The person's sessions.
    Sessions(SessionsFacts),
    /// The origin of the page that sends the request.
    Origin(OriginFacts),
    /// The person's groups, and the sources of each membership.
    Groups(GroupsFacts),
    /// The person's tenants, and the groups that give access.
    Tenants(TenantsFacts),
    /// Whether the person is an admin, and why.
    Admin(AdminFacts),
    /// Whether the sign-in is recent enough for `max_age`.
    MaxAge(MaxAgeFacts),
    /// What of a tool server may be used.
    Tool(ToolFacts),
    /// The decision.
    Decision(DecisionFacts),
}

/// See [`Step::Key`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyFacts {
    /// The id of the key.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Why the key does not count for this request, if it does not.
    pub problem: Option<String>,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// The hosts at which it counts.
    pub hosts: Vec<String>,
    /// The networks from which it counts. Empty: from everywhere.
    pub networks: Vec<String>,
    /// The tools to which it is limited. Empty: to none.
    pub tools: Vec<String>,
    /// Its groups.
    pub groups: Vec<GroupName>,
    /// The tenant that it opens.
    pub tenant: Option<TenantId>,
    /// The person with whom it ends.
    pub owner: Option<UserId>,
    /// When it expires.
    pub expires_at: Option<UtcTime>,
    /// When it was revoked.
    pub revoked_at: Option<UtcTime>,
}

/// See [`Step::Tool`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToolFacts {
    /// Whether the router asks about tools.
    pub is_judged: bool,
    /// The tool server that the request is for. `None`: none of the router's tenant and mode has this address.
    pub server: Option<String>,
    /// What the question asks for: `tool`, `prompt` or `resource`, and its name.
    pub kind: Option<Cow<'static, str>>,
    /// See `kind`.
    pub name: Option<String>,
    /// By which way it may be used, as in `group:MCP-GitHub`, `open` (no rule is about the kind) or `administrator`.
    pub way: Option<String>,
    /// The groups whose members may use it, if it may not be used.
    pub missing_groups: Vec<GroupName>,
    /// What the key lacks, if that is why it may not be used.
    pub missing_key: Option<KeyLack>,
    /// The patterns of what may be used of this kind, or of the tools.
    pub patterns: Vec<String>,
}

/// See [`Step::Request`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestFacts {
    /// The method.
    pub method: String,
    /// The URL without its query.
    pub url: String,
    /// Why the request is malformed, if it is.
    pub problem: Option<String>,
}

/// See [`Step::Host`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostFacts {
    /// The host's name in the request.
    pub name: String,
    /// The entry of `GATEPOST_HOSTS` that matches it.
    pub pattern: Option<String>,
    /// The origin under which it is protected.
    pub origin: Option<String>,
    /// The tenant whose host it is, which a person must be allowed to enter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Whether it is Gatepost's own public host.
    pub is_public: bool,
}

/// See [`Step::Path`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PathFacts {
    /// Whether Gatepost itself answers here, regardless of the requirement.
    pub is_reserved: bool,
}

/// See [`Step::Requirement`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequirementFacts {
    /// The query of the middleware's address.
    pub query: String,
    /// Why it is not a valid requirement, if it is not.
    pub problem: Option<String>,
    /// The person must be in one of these groups. Empty: no group is required.
    pub groups: Vec<GroupName>,
    /// The person must have access to one of these tenants. Empty: no tenant is required.
    pub tenants: Vec<TenantId>,
    /// Whether the person must be an admin.
    pub admin: bool,
    /// The person must have signed in at most this many seconds ago.
    pub max_age: Option<u64>,
    /// Whether requests are never redirected to sign in.
    pub api: bool,
    /// Whether the application also gets the signed assertion.
    pub assertion: bool,
}

/// See [`Step::Person`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PersonFacts {
    /// The person's id, which never changes.
    pub id: UserId,
    /// The e-mail address. A person without one never passes.
    pub email: Option<EmailAddress>,
    /// The display name.
    pub name: Option<String>,
    /// When the person was disabled, if they are.
    pub disabled_at: Option<UtcTime>,
    /// Sessions that started before this have ended.
    pub sessions_not_before: Option<UtcTime>,
    /// When the person was created here.
    pub created_at: UtcTime,
    /// The last sign-in.
    pub last_sign_in_at: Option<UtcTime>,
    /// The providers at which the person has signed in. Empty: the person has not signed in yet.
    pub providers: Vec<ProviderId>,
}

/// See [`Step::Sessions`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionsFacts {
    /// The examined sessions in the session store, the last used first.
    pub sessions: Vec<SessionFacts>,
    /// The number of sessions that were not examined.
    pub left_out: usize,
    /// The number of sessions that started after the time of the question.
    pub begun_later: usize,
    /// Whether no session is valid. The following steps then assume a new session.
    pub is_assumed: bool,
    /// Why the session store could not be read, if it could not.
    pub problem: Option<String>,
}

/// One session at the time of the question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionFacts {
    /// The session's hash, as `gatepost session` shows it.
    pub session: String,
    /// The provider at which the person signed in.
    pub provider: ProviderId,
    /// When the session started.
    pub begun_at: UtcTime,
    /// When the person last proved their identity. `None`: the provider did not send the time.
    pub auth_time: Option<UtcTime>,
    /// The last use, to the minute.
    pub last_seen_at: UtcTime,
    /// When the session ends if it is not used.
    pub idle_until: UtcTime,
    /// When the session ends at the latest.
    pub expires_at: UtcTime,
    /// When the provider last confirmed the session. `None`: it is never checked again.
    pub checked_at: Option<UtcTime>,
    /// Whether the session has to be checked at the provider.
    pub refresh: Refresh,
    /// The decision of `/verify` with this session.
    pub reason: Reason,
    /// Whether the following steps are about this session.
    pub is_judged: bool,
}

/// Whether a session has to be checked at its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refresh {
    /// A check is not due.
    NotDue,
    /// The next request starts a refresh in the background.
    InBackground,
    /// There is no refresh token. The next navigation is redirected through the provider; other requests pass.
    AtNavigation,
    /// There is no refresh token. No request passes before a navigation was redirected through the provider.
    BySignIn,
    /// A refresh must succeed before a request passes.
    First,
}

/// See [`Step::Origin`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OriginFacts {
    /// The origin whose page sends the request. `None`: the host's own, or the person directly.
    pub asker: Option<String>,
    /// Whether a page of another origin requests a change.
    pub is_cross_origin: bool,
}

/// See [`Step::Groups`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GroupsFacts {
    /// The groups in the requirement.
    pub required: Vec<GroupFacts>,
    /// Whether the requirement is met.
    pub is_met: bool,
    /// The other groups that the person is in.
    pub others: Vec<GroupFacts>,
}

/// One group and the person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GroupFacts {
    /// The group's name in Gatepost.
    pub name: GroupName,
    /// Whether the person is a member.
    pub is_member: bool,
    /// The sources of the membership.
    pub sources: Vec<SourceFacts>,
    /// Whether the group exists.
    pub exists: bool,
    /// The provider groups that are linked to it, if the person is not a member.
    pub links: Vec<String>,
    /// The person's unlinked provider groups that have this name at their provider. Linking one would make the person a
    /// member.
    pub namesakes: Vec<String>,
}

/// The source of a membership.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum SourceFacts {
    /// Added by an administrator.
    Manual,
    /// Added through SCIM.
    Scim,
    /// Asserted by a provider.
    Provider {
        /// The provider group in the notation of links: `PROVIDER:ID`.
        external: String,
        /// The group's name at the provider.
        display_name: Option<String>,
        /// How the provider group was linked: `auto`, `trusted`, `config`, `manual`.
        link: Cow<'static, str>,
    },
}

/// See [`Step::Tenants`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TenantsFacts {
    /// The tenants in the requirement.
    pub required: Vec<TenantFacts>,
    /// Whether the requirement is met.
    pub is_met: bool,
    /// All tenants to which the person's groups give access, with the role.
    pub opened: BTreeMap<TenantId, Role>,
}

/// One tenant and the person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TenantFacts {
    /// The tenant's id.
    pub id: TenantId,
    /// Whether the tenant exists.
    pub exists: bool,
    /// The person's role there. `None`: no access.
    pub role: Option<Role>,
    /// The person's groups that give access, with the role.
    pub through: BTreeMap<GroupName, Role>,
    /// All groups that give access, with the role.
    pub opened_by: BTreeMap<GroupName, Role>,
}

/// See [`Step::Admin`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdminFacts {
    /// Whether the person is an admin.
    pub is_admin: bool,
    /// Whether the router requires an admin.
    pub is_required: bool,
    /// An explicit grant (`true`) or revocation (`false`). `None`: neither.
    pub explicit: Option<bool>,
    /// The groups and roles that make the person an admin.
    pub reasons: Vec<String>,
}

/// See [`Step::MaxAge`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MaxAgeFacts {
    /// The `max_age` of the router, in seconds.
    pub max_age: u64,
    /// When the person last proved their identity. `None`: the provider did not send the time, and the requirement is
    /// not met.
    pub auth_time: Option<UtcTime>,
    /// Whether the requirement is met. `None`: the request is refused before this step.
    pub is_met: Option<bool>,
}

/// See [`Step::Decision`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DecisionFacts {
    /// The reason as it is named in the metric `gatepost_decisions_total`.
    pub reason: Reason,
    /// Whether the request passes.
    pub is_allowed: bool,
    /// The required groups, if the person is in none of them.
    pub missing_groups: Vec<GroupName>,
    /// The required tenants, if the person has access to none of them.
    pub missing_tenants: Vec<TenantId>,
    /// Whether an admin is required and the person is not one.
    pub missing_admin: bool,
    /// What of a tool server no rule allows the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_tool: Option<String>,
    /// The key that was sent is what makes it impossible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_key: Option<KeyLack>,
    /// The required tenant that the person could enter if it were not suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_tenant: Option<TenantId>,
    /// The tenant whose own provider identifies the person, where the request is not about that tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confined_to: Option<TenantId>,
}

impl DecisionFacts {
    /// A decision with this reason and what is missing.
    pub fn of(reason: Reason, missing: Missing) -> Self {
        let Missing { groups, tenants, admin, tool, key, suspended, confined_to } = missing;
        Self {
            reason,
            is_allowed: reason == Reason::Met,
            missing_groups: groups,
            missing_tenants: tenants,
            missing_admin: admin,
            missing_tool: tool,
            missing_key: key,
            suspended_tenant: suspended,
            confined_to,
        }
    }
}

/// The answer of `/verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers that depend on the decision, by name. Sealed values are left out.
    pub headers: BTreeMap<String, String>,
}

/// What has changed since the time of the question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Changes {
    /// When the audit begins, if that is after the time of the question. Earlier changes are not known.
    pub known_since: Option<UtcTime>,
    /// The changes, the oldest first.
    pub entries: Vec<Change>,
    /// Whether there are more.
    pub is_cut: bool,
}

/// One record of the audit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// When the change was made.
    pub at: UtcTime,
    /// Who made the change.
    pub actor: String,
    /// The action.
    pub action: String,
    /// What was changed.
    pub target: String,
    /// The state before: a JSON object.
    pub before: Option<String>,
    /// The state after: a JSON object.
    pub after: Option<String>,
}
