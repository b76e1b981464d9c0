//! An explanation as data: each step that `/verify` takes for a request, with what it found there.

use gatepost_core::access::Role;
use gatepost_core::calendar;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Missing;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupName, ProviderId, TenantId, UserId};
use gatepost_telemetry::Reason;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// How a step came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Nothing stands in the way here.
    Ok,
    /// This is why the request does not pass.
    No,
    /// Nothing depends on it, but it is worth knowing.
    Note,
}

/// A point in time: RFC 3339 for programs, UTC to the minute for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&calendar::rfc3339(self.0))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} UTC", calendar::minute(self.0))
    }
}

/// One step, in the order in which `/verify` takes them. A request that fails early has only the first ones.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// What the proxy says about the request.
    Request(RequestFacts),
    /// The host among the protected ones.
    Host(HostFacts),
    /// The path below `/.gatepost/`, or not.
    Path(PathFacts),
    /// What the router demands.
    Requirement(RequirementFacts),
    /// Who it is.
    Person(PersonFacts),
    /// Where they are signed in.
    Sessions(SessionsFacts),
    /// Whose page asks.
    Origin(OriginFacts),
    /// Groups, and who says so.
    Groups(GroupsFacts),
    /// Tenants, and which group opens them.
    Tenants(TenantsFacts),
    /// Whether an admin, and why.
    Admin(AdminFacts),
    /// Step-up.
    MaxAge(MaxAgeFacts),
    /// What follows from all that.
    Decision(DecisionFacts),
}

/// See [`Step::Request`].
#[derive(Clone, Debug, Serialize)]
pub struct RequestFacts {
    /// The method.
    pub method: String,
    /// The address, without its query.
    pub url: String,
    /// Why it is malformed.
    pub problem: Option<String>,
}

/// See [`Step::Host`].
#[derive(Clone, Debug, Serialize)]
pub struct HostFacts {
    /// The host's name as the request has it.
    pub name: String,
    /// The entry of `GATEPOST_HOSTS` that covers it.
    pub pattern: Option<String>,
    /// The origin that it is guarded as.
    pub origin: Option<String>,
    /// It is Gatepost's own public host.
    pub is_public: bool,
}

/// See [`Step::Path`].
#[derive(Clone, Debug, Serialize)]
pub struct PathFacts {
    /// Gatepost itself answers here, whatever the router demands.
    pub is_reserved: bool,
}

/// See [`Step::Requirement`].
#[derive(Clone, Debug, Serialize)]
pub struct RequirementFacts {
    /// The middleware's query.
    pub query: String,
    /// Why it is not understood.
    pub problem: Option<String>,
    /// Any of these groups.
    pub groups: Vec<GroupName>,
    /// Any of these tenants.
    pub tenants: Vec<TenantId>,
    /// An admin.
    pub admin: bool,
    /// Signed in at most so many seconds ago.
    pub max_age: Option<u64>,
    /// Never redirected.
    pub api: bool,
    /// The application gets the signed header too.
    pub assertion: bool,
}

/// See [`Step::Person`].
#[derive(Clone, Debug, Serialize)]
pub struct PersonFacts {
    /// Stable id.
    pub id: UserId,
    /// The address; without one nobody passes.
    pub email: Option<EmailAddress>,
    /// Display name.
    pub name: Option<String>,
    /// Since when the person may not sign in.
    pub disabled_at: Option<Moment>,
    /// Sessions begun before this are over.
    pub sessions_not_before: Option<Moment>,
    /// First seen here.
    pub created_at: Moment,
    /// Last sign-in.
    pub last_sign_in_at: Option<Moment>,
    /// The providers that know them; none: nobody has signed in with this address yet.
    pub providers: Vec<ProviderId>,
}

/// See [`Step::Sessions`].
#[derive(Clone, Debug, Serialize)]
pub struct SessionsFacts {
    /// What the session store still knows, the last used first.
    pub sessions: Vec<SessionFacts>,
    /// Further ones that were not looked at.
    pub left_out: usize,
    /// Those that began only after the time in question.
    pub begun_later: usize,
    /// None lives: all that follows assumes a session that has just begun.
    pub is_assumed: bool,
    /// The session store does not answer.
    pub problem: Option<String>,
}

/// One session at the time in question.
#[derive(Clone, Debug, Serialize)]
pub struct SessionFacts {
    /// How `gatepost session` names it.
    pub session: String,
    /// Who vouched.
    pub provider: ProviderId,
    /// First sign-in.
    pub begun_at: Moment,
    /// Last proof of who it is; `None`: the provider did not say when.
    pub auth_time: Option<Moment>,
    /// Last use, exact to a minute.
    pub last_seen_at: Moment,
    /// Over then if it is not used.
    pub idle_until: Moment,
    /// Over then in any case.
    pub expires_at: Moment,
    /// Last answer of the provider; `None`: this one is never asked again.
    pub checked_at: Option<Moment>,
    /// Whether the provider has to be asked.
    pub refresh: Refresh,
    /// What `/verify` says to this session.
    pub reason: Reason,
    /// The steps below are about this one.
    pub is_judged: bool,
}

/// Whether the provider has to be asked about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refresh {
    /// Not now.
    NotDue,
    /// Beside the next request.
    InBackground,
    /// There is no refresh token: the next navigation goes through the provider, the rest passes.
    AtNavigation,
    /// There is no refresh token: nothing passes before a navigation went through the provider.
    BySignIn,
    /// Before anybody passes.
    First,
}

/// See [`Step::Origin`].
#[derive(Clone, Debug, Serialize)]
pub struct OriginFacts {
    /// The origin whose page asks; `None`: the host's own, or the person directly.
    pub asker: Option<String>,
    /// Another origin wants something changed here.
    pub is_cross_origin: bool,
}

/// See [`Step::Groups`].
#[derive(Clone, Debug, Serialize)]
pub struct GroupsFacts {
    /// The groups that the router demands.
    pub required: Vec<GroupFacts>,
    /// The demand is met.
    pub is_met: bool,
    /// All others that the person is in.
    pub others: Vec<GroupFacts>,
}

/// One group and the person.
#[derive(Clone, Debug, Serialize)]
pub struct GroupFacts {
    /// Its name here.
    pub name: GroupName,
    /// The person is in it.
    pub is_member: bool,
    /// Who says so.
    pub sources: Vec<SourceFacts>,
    /// There is such a group at all.
    pub exists: bool,
    /// The providers' groups that it stands for, where the person is not in it.
    pub links: Vec<String>,
    /// Unlinked groups of the person that bear this name at their provider: linking one would mend it.
    pub namesakes: Vec<String>,
}

/// Who says that the person is in a group.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum SourceFacts {
    /// An administrator.
    Manual,
    /// SCIM.
    Scim,
    /// A provider.
    Provider {
        /// Its group, as links are written.
        external: String,
        /// What it is called there.
        display_name: Option<String>,
        /// How that got its name here: `auto`, `trusted`, `config`, `manual`.
        link: &'static str,
    },
}

/// See [`Step::Tenants`].
#[derive(Clone, Debug, Serialize)]
pub struct TenantsFacts {
    /// The tenants that the router demands.
    pub required: Vec<TenantFacts>,
    /// The demand is met.
    pub is_met: bool,
    /// All tenants that the person's groups open, as whom.
    pub opened: BTreeMap<TenantId, Role>,
}

/// One tenant and the person.
#[derive(Clone, Debug, Serialize)]
pub struct TenantFacts {
    /// Its id.
    pub id: TenantId,
    /// There is such a tenant at all.
    pub exists: bool,
    /// As whom the person may enter.
    pub role: Option<Role>,
    /// The person's groups that open it, as whom.
    pub through: BTreeMap<GroupName, Role>,
    /// All groups that open it.
    pub opened_by: BTreeMap<GroupName, Role>,
}

/// See [`Step::Admin`].
#[derive(Clone, Debug, Serialize)]
pub struct AdminFacts {
    /// The result.
    pub is_admin: bool,
    /// The router demands an admin.
    pub is_required: bool,
    /// What was said explicitly.
    pub explicit: Option<bool>,
    /// The groups and roles that make an admin.
    pub reasons: Vec<String>,
}

/// See [`Step::MaxAge`].
#[derive(Clone, Debug, Serialize)]
pub struct MaxAgeFacts {
    /// What the router demands, in seconds.
    pub max_age: u64,
    /// Last proof of who it is; `None`: the provider did not say when, and the demand is never met.
    pub auth_time: Option<Moment>,
    /// The demand is met; `None`: the request fails before that.
    pub is_met: Option<bool>,
}

/// See [`Step::Decision`].
#[derive(Clone, Debug, Serialize)]
pub struct DecisionFacts {
    /// The word for it in the metric `gatepost_decisions_total`.
    pub reason: Reason,
    /// The request passes.
    pub is_allowed: bool,
    /// In none of these groups.
    pub missing_groups: Vec<GroupName>,
    /// May enter none of these tenants.
    pub missing_tenants: Vec<TenantId>,
    /// Is no admin.
    pub missing_admin: bool,
}

impl DecisionFacts {
    /// A decision for this reason, and what was missing.
    pub(super) fn of(reason: Reason, missing: Missing) -> Self {
        let Missing { groups, tenants, admin } = missing;
        Self {
            reason,
            is_allowed: reason == Reason::Met,
            missing_groups: groups,
            missing_tenants: tenants,
            missing_admin: admin,
        }
    }
}

/// What `/verify` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers that depend on the decision, by name; a sealed value in an address is left out.
    pub headers: BTreeMap<String, String>,
}

/// What changed since the time in question.
#[derive(Clone, Debug, Serialize)]
pub struct Changes {
    /// When the audit begins, if that is after the time in question: what changed before is not known.
    pub known_since: Option<Moment>,
    /// Oldest first.
    pub entries: Vec<Change>,
    /// There are more.
    pub is_cut: bool,
}

/// One line of the audit.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// When.
    pub at: Moment,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// Of whom or what.
    pub target: String,
    /// What was: a JSON object.
    pub before: Option<String>,
    /// What is.
    pub after: Option<String>,
}
