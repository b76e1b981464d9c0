//! What operations about tenants take, in our spelling and in the platform's.

use super::input::Body;
use super::members::{Given, Members};
use crate::problem_document::{Flaw, Problem};
use gatepost_config::Config;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::HostName;
use gatepost_core::ids::{ServiceName, TenantId, TierId};
use gatepost_core::tier::{Allowances, JsonObject, TierTerms};
use gatepost_core::usage::Prices;
use gatepost_store::directory::DirectoryError;
use gatepost_store::directory::changes::{ObjectEdit, TenantEdit, TenantHostName};
use std::str::FromStr;
use utoipa::ToSchema;

/// Bytes of features and of limits.
pub(crate) const MOST_ALLOWANCES: usize = 8 * 1024;
/// Bytes of settings.
const MOST_SETTINGS: usize = 16 * 1024;
/// Hosts of one body.
const MOST_HOSTS: usize = 100;

const ID: [&str; 2] = ["id", "tenant_id"];
const NAME: [&str; 2] = ["name", "display_name"];
const TIER: [&str; 2] = ["tier", "plan"];
const LIMITS: [&str; 3] = ["limits", "resources", "resource_quota"];
const HOSTS: [&str; 2] = ["hosts", "custom_domains"];
const SETTINGS: [&str; 2] = ["settings", "metadata"];

/// A name that people see.
#[derive(Debug)]
struct TenantName(String);

impl FromStr for TenantName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_valid = (1..=256).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if is_valid {
            Ok(Self(text.to_owned()))
        } else {
            Err("a name has 1 to 256 characters, none of them a control character")
        }
    }
}

/// What a body says about a tenant.
struct Said {
    id: Option<TenantId>,
    name: Given<TenantName>,
    tier: Given<TierId>,
    features: Given<JsonObject>,
    limits: Given<JsonObject>,
    settings: Given<JsonObject>,
    service: Given<ServiceName>,
    hosts: Given<Vec<HostName>>,
    admin: Option<EmailAddress>,
}

impl Said {
    /// `null` in features and limits deletes in a patch, and is a flaw elsewhere.
    fn read(members: &mut Members<'_>, needs_id: bool, is_patch: bool) -> Option<Self> {
        let [id, name, tier] = [&ID, &NAME, &TIER].map(|spellings| members.spelled(spellings));
        let (limits_at, hosts_at) = (members.spelled(&LIMITS), members.spelled(&HOSTS));
        let settings = members.spelled(&SETTINGS);
        let id = if needs_id { members.required(id).map(Some) } else { members.text(id).map(Given::value) };
        let (name, tier) = (members.text(name), members.text(tier));
        let features = members.object("features", MOST_ALLOWANCES);
        let limits = members.object(limits_at, MOST_ALLOWANCES);
        let settings = members.object(settings, MOST_SETTINGS);
        let service = members.text("service");
        let hosts = members.given_texts(hosts_at);
        if matches!(&hosts, Some(Given::Value(hosts)) if hosts.len() > MOST_HOSTS) {
            members.flaw(hosts_at, "too_many", format!("It may have at most {MOST_HOSTS} items."));
        }
        let admin = members.text("admin_email").map(Given::value);
        check(members, limits_at, [&features, &limits], is_patch);
        Some(Self {
            id: id?,
            name: name?,
            tier: tier?,
            features: features?,
            limits: limits?,
            settings: settings?,
            service: service?,
            hosts: hosts?,
            admin: admin?,
        })
    }

    /// # Errors
    /// `HostUnfit`, `HostReserved`, `UnknownService`.
    fn edit(self, config: &Config, is_patch: bool) -> Result<TenantEdit, DirectoryError> {
        let object = |given: Given<JsonObject>| match given {
            Given::Absent => None,
            Given::Null => Some(ObjectEdit::Replace(JsonObject::default())),
            Given::Value(object) if is_patch => Some(ObjectEdit::Merge(object)),
            Given::Value(object) => Some(ObjectEdit::Replace(object)),
        };
        let hosts = match self.hosts {
            Given::Absent => None,
            given => {
                let hosts = given.value().unwrap_or_default().into_iter();
                Some(hosts.map(|host| TenantHostName::new(host, config)).collect::<Result<Vec<_>, _>>()?)
            }
        };
        let service = nullable(self.service);
        if let Some(Some(unknown)) = service
            .as_ref()
            .filter(|given| given.as_ref().is_some_and(|name| !config.services.contains_key(name)))
        {
            return Err(DirectoryError::UnknownService(unknown.clone()));
        }
        Ok(TenantEdit {
            service,
            name: nullable(self.name).map(|name| name.map(|TenantName(name)| name)),
            tier: nullable(self.tier),
            features: object(self.features),
            limits: object(self.limits),
            settings: object(self.settings),
            hosts,
            admin: self.admin,
        })
    }
}

#[expect(
    clippy::option_option,
    reason = "no change, none, or a value, as the changes of the directory say it"
)]
pub(super) fn nullable<T>(given: Given<T>) -> Option<Option<T>> {
    match given {
        Given::Absent => None,
        Given::Null => Some(None),
        Given::Value(value) => Some(Some(value)),
    }
}

/// Notes what is wrong in features and limits.
fn check(members: &mut Members<'_>, limits: &str, given: [&Option<Given<JsonObject>>; 2], is_patch: bool) {
    let [features, own_limits] = given.map(|given| match given {
        Some(Given::Value(object)) if is_patch => JsonObject::default().merged(object),
        Some(Given::Value(object)) => object.clone(),
        _ => JsonObject::default(),
    });
    for flaw in (Allowances { features, limits: own_limits }).flaws() {
        let place = if flaw.part == "limits" { limits } else { flaw.part };
        let detail = match &flaw.member {
            Some(member) => format!("The member {member:?} must be {}.", flaw.expected),
            None => format!("It must have {}.", flaw.expected),
        };
        members.flaw(place, "malformed", detail);
    }
}

/// A new tenant. The platform's spellings are taken too; two that are both there must say the same.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made of it; `Said` reads the members")]
pub(super) struct NewTenant {
    /// The id, which never changes. Or `tenant_id`.
    #[schema(example = "acme-corp", pattern = "^[A-Za-z0-9._-]{1,64}$")]
    id: String,
    /// The name that people see. Or `display_name`.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// `free`, `pro`, `enterprise` or one of your own. `null` or absent: no tier limits it. Or `plan`.
    #[schema(example = "pro")]
    tier: Option<String>,
    /// What it may use, over its tier's.
    #[schema(value_type = Option<Object>, example = json!({"sso_enabled": true}))]
    features: Option<JsonObject>,
    /// How much it may have, over its tier's. Or `resources`, `resource_quota`.
    #[schema(value_type = Option<Object>, example = json!({"storage_size": "50Gi"}))]
    limits: Option<JsonObject>,
    /// The platform's, up to 16 KiB. Or `metadata`.
    #[schema(value_type = Option<Object>)]
    settings: Option<JsonObject>,
    /// The upstream in `GATEPOST_SERVICES` to which its hosts lead. `null` or absent: no routers are made for them.
    #[schema(example = "chat")]
    service: Option<String>,
    /// Its hosts, which are proposed. Or `custom_domains`.
    #[schema(max_items = 100)]
    hosts: Option<Vec<String>>,
    /// Who is to administer it: whoever signs in with this address is invited to.
    #[schema(format = "email")]
    admin_email: Option<String>,
}

/// A tenant as a whole: what is absent is as if the tenant were new, but for its hosts. The platform's spellings are taken too.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made of it; `Said` reads the members")]
pub(super) struct WholeTenant {
    /// The id of the path. Or `tenant_id`.
    id: Option<String>,
    /// As for a new tenant.
    #[schema(max_length = 256)]
    name: Option<String>,
    tier: Option<String>,
    #[schema(value_type = Option<Object>)]
    features: Option<JsonObject>,
    #[schema(value_type = Option<Object>)]
    limits: Option<JsonObject>,
    #[schema(value_type = Option<Object>)]
    settings: Option<JsonObject>,
    service: Option<String>,
    /// All of its hosts: others are removed. Absent: they stay.
    #[schema(max_items = 100)]
    hosts: Option<Vec<String>>,
    #[schema(format = "email")]
    admin_email: Option<String>,
}

/// A change of a tenant (RFC 7396): what is absent stays. The platform's spellings are taken too.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made of it; `Said` reads the members")]
pub(super) struct TenantPatch {
    /// `null`: none.
    #[schema(max_length = 256)]
    name: Option<String>,
    tier: Option<String>,
    #[schema(value_type = Option<Object>)]
    features: Option<JsonObject>,
    #[schema(value_type = Option<Object>)]
    limits: Option<JsonObject>,
    #[schema(value_type = Option<Object>)]
    settings: Option<JsonObject>,
    service: Option<String>,
    /// All of its hosts: others are removed.
    #[schema(max_items = 100)]
    hosts: Option<Vec<String>>,
    #[schema(format = "email")]
    admin_email: Option<String>,
}

/// What creates a tenant.
pub(super) struct Created {
    id: TenantId,
    said: Said,
}
/// What puts a tenant.
pub(super) struct Put(Said);
/// What patches a tenant.
pub(super) struct Patched(Said);

impl Body for Created {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let mut said = Said::read(members, true, false)?;
        Some(Self { id: said.id.take()?, said })
    }
}

impl Body for Put {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Said::read(members, false, false).map(Self)
    }
}

impl Body for Patched {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Said::read(members, false, true).map(Self)
    }
}

impl Created {
    /// # Errors
    /// `HostUnfit`, `HostReserved`.
    pub(super) fn edit(self, config: &Config) -> Result<(TenantId, TenantEdit), DirectoryError> {
        Ok((self.id, self.said.edit(config, false)?))
    }
}

impl Put {
    /// # Errors
    /// The body names another tenant than the path; `HostUnfit`, `HostReserved`.
    pub(super) fn edit(self, id: &TenantId, config: &Config) -> Result<TenantEdit, super::refused::Refused> {
        demand_same(self.0.id.as_ref(), id)?;
        Ok(self.0.edit(config, false)?)
    }
}

impl Patched {
    /// # Errors
    /// As [`Put::edit`].
    pub(super) fn edit(self, id: &TenantId, config: &Config) -> Result<TenantEdit, super::refused::Refused> {
        demand_same(self.0.id.as_ref(), id)?;
        Ok(self.0.edit(config, true)?)
    }
}

fn demand_same(said: Option<&TenantId>, id: &TenantId) -> Result<(), Problem> {
    match said {
        Some(other) if other != id => {
            Err(Problem::invalid(vec![Flaw::at("/id", "disagrees", "The path names another tenant.")]))
        }
        _ => Ok(()),
    }
}

/// What a tier allows.
#[derive(ToSchema)]
pub(super) struct TierBody {
    #[schema(value_type = Option<Object>, example = json!({"custom_domains": true}))]
    features: JsonObject,
    #[schema(value_type = Option<Object>, example = json!({"members": 25}))]
    limits: JsonObject,
    /// What it costs. `null` or absent: nothing has a price.
    #[schema(value_type = Option<gatepost_admin::views::TierPrices>)]
    prices: Option<Prices>,
}

impl Body for TierBody {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let features = members.object("features", MOST_ALLOWANCES);
        let limits = members.object("limits", MOST_ALLOWANCES);
        check(members, "limits", [&features, &limits], false);
        let given = members.object("prices", MOST_ALLOWANCES);
        let prices = read_prices(members, given);
        let object = |given: Option<Given<JsonObject>>| Some(given?.value().unwrap_or_default());
        Some(Self { features: object(features)?, limits: object(limits)?, prices: prices? })
    }
}

#[expect(clippy::option_option, reason = "flaws, or prices that may be absent")]
fn read_prices(members: &mut Members<'_>, given: Option<Given<JsonObject>>) -> Option<Option<Prices>> {
    let Some(object) = given?.value() else { return Some(None) };
    match Prices::read(object.members()) {
        Ok(prices) => Some(Some(prices)),
        Err(flaws) => {
            for flaw in flaws {
                let detail = format!("The member {:?} must be {}.", flaw.at, flaw.expected);
                members.flaw("prices", "malformed", detail);
            }
            None
        }
    }
}

impl From<TierBody> for TierTerms {
    fn from(TierBody { features, limits, prices }: TierBody) -> Self {
        Self { allowances: Allowances { features, limits }, prices }
    }
}
