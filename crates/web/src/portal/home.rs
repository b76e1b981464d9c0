//! The first page: what needs attention, a search over everything, numbers.

use super::change::FormAnswer;
use super::ends::{self, DAY};
use super::forms::LONGEST;
use super::people::entry;
use super::rows::label;
use super::sought::Sought;
use super::waiting_proposals;
use crate::answer::{PageAnswer, Redirect};
use crate::callers::Administrator;
use crate::extract::Query;
use actix_web::{Either, web};
use gatepost_config::{ClientCredential, Config, ProviderConfig};
use gatepost_core::access_request::RequestState;
use gatepost_core::administration::Scope;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_core::host::{HostName, Origin};
use gatepost_core::ids::{GroupId, GroupName, TenantId, ToolServerId};
use gatepost_pages::admin::{
    Attention, Credential, EndingSoon, Found, Home, HomeNumbers, KeyState, PersonEntry, ReplicaTrouble,
};
use gatepost_pages::{Activity, DayNumbers};
use gatepost_runtime::authn::LoadError;
use gatepost_runtime::quotas::SpentDay;
use gatepost_sign_in::Context;
use gatepost_store::directory::{
    DayCount, Directory, DirectoryError, Ending, GroupFilter, GroupRecord, KeyFilter, KeyRecord, LinkSource,
    Page, PeopleCount, Replica, RequestFilter, TenantFilter, TenantRecord, ToolServer, UnlinkedGroup,
    UserFilter, UserSummary,
};
use gatepost_store::session::Sessions;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// Rows of each kind.
const SHOWN: u32 = 10;
/// How much of what ends soon is counted.
const COUNTED: u32 = 99;
/// Unlinked groups that the page shows.
const UNLINKED: u32 = 3;
/// Fewer people with an unlinked group need no attention.
const MANY: u64 = 2;
/// Within how many days a credential at a provider ends that needs attention, as for `check`.
const CREDENTIAL_SOON: u32 = gatepost_check::EXPIRES_SOON_DAYS;
/// The time after which a replica that serves is expected to lead, if no other does.
const STARTING: Duration = Duration::from_mins(1);

#[derive(Deserialize)]
pub(crate) struct Parameters {
    q: Option<String>,
}

/// What a search found.
struct Matches {
    q: String,
    people: Vec<UserSummary>,
    groups: Vec<GroupRecord>,
    tenants: Vec<TenantRecord>,
    keys: Vec<KeyRecord>,
    tool_server: Option<ToolServer>,
}

/// Shows the first page. A search for one thing leads to its page.
///
/// # Errors
/// The directory does not answer.
pub(crate) async fn home(
    administrator: Administrator,
    context: web::Data<Context>,
    system: web::Data<gatepost_admin::Context>,
    Query(Parameters { q }): Query<Parameters>,
) -> FormAnswer {
    let (scope, directory, now) = (&administrator.scope, &context.stores.directory, Timestamp::now());
    let q = q.map(|q| q.trim().chars().take(LONGEST).collect::<String>()).filter(|q| !q.is_empty());
    let sought = match q.as_deref().filter(|_| scope.is_system()) {
        Some(q) => Sought::find(q, async |host| origin_of(&context, host).await).await?,
        None => None,
    };
    if let Some(sought) = sought {
        let to = format!("{}{}", context.site.config.public_url, sought.path());
        return Ok(Either::Left(Redirect { to, cookie: None }));
    }
    let matches = match q {
        Some(q) => Some(Matches::find(directory, scope, q).await?),
        None => None,
    };
    // Side by side, because counting takes as long as everything else. More at once would take connections from other pages.
    let (count, (days, noticed)) = tokio::try_join!(directory.count_people(scope, now.minus(DAY)), async {
        let days = days(directory, scope, now).await?;
        Ok((days, Noticed::read((&context, &system), scope, now).await?))
    })?;
    let numbers = match count {
        Some(count) => {
            let sessions = count_sessions(&context.stores.sessions).await;
            Some(numbers(&count, sessions, (&days, noticed.replicas.len()), now))
        }
        None => None,
    };
    let is_fresh = *scope == Scope::System && is_fresh(directory).await?;
    let (people, groups, tenants) = matches.as_ref().map(Matches::entries).unwrap_or_default();
    let (keys, tool_servers) = matches.as_ref().map(Matches::programs).unwrap_or_default();
    let page = Home {
        frame: administrator.frame(None),
        found: matches.as_ref().map(|matches| Found {
            q: &matches.q,
            people: &people,
            groups: &groups,
            tenants: &tenants,
            keys: &keys,
            tool_servers: &tool_servers,
        }),
        activity: numbers.map(|_| Activity { days: &days, now }),
        numbers,
        attention: &noticed.attention(&context, scope, now),
        is_fresh,
        now,
    };
    Ok(Either::Right(PageAnswer(page.page())))
}

/// The origin of a protected host, also of a tenant's.
async fn origin_of(context: &Context, host: &HostName) -> Result<Option<Origin>, LoadError> {
    Ok(context.hosts.find(host).await?.map(|found| found.origin().clone()))
}

/// What is shown of what was found.
type Entries<'a> =
    (Vec<PersonEntry<'a>>, Vec<(GroupId, &'a GroupName)>, Vec<(&'a TenantId, Option<&'a str>)>);

/// The same of keys and tool servers.
type Programs<'a> = (Vec<(KeyId, &'a str, &'a str)>, Vec<(&'a ToolServerId, Option<&'a str>)>);

impl Matches {
    async fn find(directory: &Directory, scope: &Scope, q: String) -> Result<Self, DirectoryError> {
        let people = UserFilter { q: Some(q.clone()), ..UserFilter::default() };
        let groups = GroupFilter { q: Some(q.clone()), counted: 0, ..GroupFilter::default() };
        let people = directory.search_users(scope, &people, None, SHOWN).await?.items;
        let groups = directory.search_groups(scope, &groups, None, SHOWN).await?.items;
        let tenants = TenantFilter { q: Some(q.clone()), ..TenantFilter::default() };
        let tenants = directory.search_tenants(scope, &tenants, None, SHOWN).await?.items;
        let keys = KeyFilter { q: Some(q.clone()), ..KeyFilter::default() };
        let keys = directory.search_keys(scope, &keys, None, SHOWN).await?.items;
        let tool_server = match q.parse() {
            Ok(id) => directory.find_tool_server(scope, &id).await?,
            Err(_) => None,
        };
        Ok(Self { q, people, groups, tenants, keys, tool_server })
    }

    fn programs(&self) -> Programs<'_> {
        let keys = self.keys.iter().map(|key| (key.id, key.name.as_str(), key.hint.as_str()));
        let servers = self.tool_server.iter().map(|server| (&server.id, server.settings.name.as_deref()));
        (keys.collect(), servers.collect())
    }

    fn entries(&self) -> Entries<'_> {
        let groups = self.groups.iter().map(|group| (group.id, &group.name));
        let tenants = self.tenants.iter().map(|tenant| (&tenant.id, tenant.name.as_deref()));
        (self.people.iter().map(entry).collect(), groups.collect(), tenants.collect())
    }
}

/// What the stores tell that may need attention.
struct Noticed {
    requests: Option<Attention<'static>>,
    proposals: Option<Attention<'static>>,
    unlinked: Vec<UnlinkedGroup>,
    ending: Page<Ending>,
    ending_keys: Page<KeyRecord>,
    spent: Vec<SpentDay>,
    replicas: Vec<Replica>,
}

impl Noticed {
    async fn read(
        (context, system): (&Context, &gatepost_admin::Context),
        scope: &Scope,
        now: Timestamp,
    ) -> Result<Self, DirectoryError> {
        let directory = &context.stores.directory;
        let until = |days| (now, now.plus(DAY * days));
        let proposals = waiting_proposals::count_waiting(context, scope, SHOWN).await?;
        let proposals = proposals.filter(|(waiting, _)| *waiting > 0);
        Ok(Self {
            requests: requests(directory, scope).await?,
            proposals: proposals.map(|(waiting, has_more)| Attention::Proposals { waiting, has_more }),
            unlinked: directory.list_unlinked_groups(scope, UNLINKED).await?,
            ending: directory.list_ending(scope, until(EndingSoon::FIRST), None, COUNTED).await?,
            ending_keys: directory.list_ending_keys(scope, until(KeyState::SOON), None, COUNTED).await?,
            spent: list_spent(system, scope).await,
            replicas: if scope.is_system() { system.list_replicas().await? } else { Vec::new() },
        })
    }

    /// All that needs attention, in the order of the page.
    fn attention<'a>(&'a self, context: &'a Context, scope: &Scope, now: Timestamp) -> Vec<Attention<'a>> {
        let unlinked = self.unlinked.iter().filter(|group| group.people.number >= MANY);
        let waiting = self.requests.into_iter().chain(self.proposals);
        let attention = waiting.chain(unlinked.map(|group| nameless(context, group)));
        let attention = attention.chain(ends(&self.ending)).chain(keys(&self.ending_keys));
        let attention = attention.chain(quotas(&self.spent));
        let attention = attention.chain(credentials(&context.site.config, scope, now));
        attention.chain(troubles(&self.replicas, now)).collect()
    }
}

async fn days(
    directory: &Directory,
    scope: &Scope,
    now: Timestamp,
) -> Result<Vec<DayNumbers>, DirectoryError> {
    let days = directory.count_days(scope, Activity::begins_at(now), now.plus(DAY)).await?;
    let counted = |day: DayCount| DayNumbers {
        day: day.day,
        sign_ins: day.sign_ins.unsigned_abs(),
        refusals: day.refusals.unsigned_abs(),
    };
    Ok(days.into_iter().map(counted).collect())
}

fn numbers(
    count: &PeopleCount,
    sessions: Option<u64>,
    (days, replicas): (&[DayNumbers], usize),
    now: Timestamp,
) -> HomeNumbers {
    let midnight = Timestamp::from_unix(now.unix() - now.unix().rem_euclid(86_400));
    let today = days.iter().find(|day| day.day >= midnight);
    HomeNumbers {
        people: count.people.unsigned_abs(),
        signed_in: count.signed_in.unsigned_abs(),
        disabled: count.disabled.unsigned_abs(),
        sessions,
        sign_ins: today.map_or(0, |day| day.sign_ins),
        refusals: today.map_or(0, |day| day.refusals),
        replicas: replicas as u64,
    }
}

/// The page does without this number while the session store is away.
async fn count_sessions(sessions: &Sessions) -> Option<u64> {
    let counted = sessions.count_in_use().await;
    counted
        .inspect_err(|error| {
            tracing::warn!(error = %Chain(error), "the first page of the portal does not say how many sessions there are");
        })
        .ok()
}

/// The requests that the reader may decide, if there are any.
async fn requests(
    directory: &Directory,
    scope: &Scope,
) -> Result<Option<Attention<'static>>, DirectoryError> {
    let open = RequestFilter { state: Some(RequestState::Open), ..RequestFilter::default() };
    let found = directory.search_requests(scope, &open, None, SHOWN).await?;
    let (waiting, has_more) = (found.items.len(), found.next.is_some());
    Ok((waiting > 0).then_some(Attention::Requests { waiting, has_more }))
}

/// Whether every group here is one that a provider brought, under no name of its own.
async fn is_fresh(directory: &Directory) -> Result<bool, DirectoryError> {
    let filter = GroupFilter { counted: 0, ..GroupFilter::default() };
    let groups = directory.search_groups(&Scope::System, &filter, None, 50).await?;
    let is_brought = |group: &GroupRecord| {
        !group.links.is_empty() && group.links.iter().all(|link| link.source == LinkSource::Auto)
    };
    Ok(groups.next.is_none() && groups.items.iter().all(is_brought))
}

fn nameless<'a>(context: &'a Context, group: &'a UnlinkedGroup) -> Attention<'a> {
    let external = &group.link.external;
    Attention::Unlinked {
        group: group.group,
        name: group.link.display_name.as_deref().unwrap_or(&external.external_id),
        provider: label(&context.site, &external.provider),
        people: group.people.number,
        has_more: group.people.is_more,
    }
}

fn ends(ending: &Page<Ending>) -> Option<Attention<'_>> {
    let (count, has_more) = (ending.items.len(), ending.next.is_some());
    Some(Attention::Ends { count, has_more, next: ends::entry(ending.items.first()?) })
}

fn keys(ending: &Page<KeyRecord>) -> Option<Attention<'_>> {
    let next = ending.items.first()?;
    let (count, has_more) = (ending.items.len(), ending.next.is_some());
    Some(Attention::Keys { count, has_more, name: &next.name, until: next.limits.expires_at? })
}

/// The counters are in the session store, and the page is needed most while a store is away: then it does without them.
async fn list_spent(admin: &gatepost_admin::Context, scope: &Scope) -> Vec<SpentDay> {
    admin.quotas.list_spent(scope).await.unwrap_or_else(|error| {
        tracing::warn!(error = %Chain(&error), "the first page of the portal does not say which quotas are used up");
        Vec::new()
    })
}

/// The tenants that have nearly used up their requests of today, if there are any.
fn quotas(spent: &[SpentDay]) -> Option<Attention<'_>> {
    let SpentDay { tenant, used, limit } = spent.first()?;
    Some(Attention::Quotas { count: spent.len(), tenant, used: *used, limit: *limit })
}

/// The credentials at the configuration's providers that end soon, for administrators of the system.
fn credentials<'a>(config: &'a Config, scope: &Scope, now: Timestamp) -> Vec<Attention<'a>> {
    let providers = if scope.is_system() { config.providers.as_slice() } else { &[] };
    let soon = now.plus(DAY * CREDENTIAL_SOON);
    let ending = |own: &'a ProviderConfig| {
        let until = gatepost_check::credential_ends_at(own).filter(|until| *until <= soon)?;
        let what = match own.credential {
            ClientCredential::Certificate(_) => Credential::Certificate,
            ClientCredential::Secret(_) | ClientCredential::AssertionFile(_) => Credential::Secret,
        };
        Some(Attention::Credential { provider: &own.label, what, until, has_ended: until <= now })
    };
    providers.iter().filter_map(ending).collect()
}

/// What is wrong with the replicas. One that has just started may not lead yet.
fn troubles(replicas: &[Replica], now: Timestamp) -> Vec<Attention<'static>> {
    let leads = replicas.iter().any(|one| one.is_leader || one.started_at > now.minus(STARTING));
    let versions = replicas.iter().map(|one| &one.version).collect::<BTreeSet<_>>().len();
    let no_leader =
        (!replicas.is_empty() && !leads).then_some(ReplicaTrouble::NoLeader { replicas: replicas.len() });
    let differ = (versions > 1).then_some(ReplicaTrouble::Versions { versions });
    no_leader.into_iter().chain(differ).map(Attention::Replicas).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(replicas: &[(&str, i64, bool)]) -> Vec<String> {
        let replica = |(version, started_at, is_leader): &(&str, i64, bool)| Replica {
            id: "r".to_owned(),
            version: (*version).to_owned(),
            started_at: Timestamp::from_unix(*started_at),
            seen_at: Timestamp::from_unix(1000),
            is_leader: *is_leader,
        };
        let replicas: Vec<Replica> = replicas.iter().map(replica).collect();
        let troubles = troubles(&replicas, Timestamp::from_unix(1000));
        troubles.iter().map(|trouble| format!("{trouble:?}")).collect()
    }

    #[test]
    fn replicas_need_attention_if_none_leads_or_their_versions_differ() {
        assert_eq!(told(&[]), Vec::<String>::new(), "a tenant's administrator");
        assert_eq!(told(&[("1", 0, true), ("1", 0, false)]), Vec::<String>::new());
        assert_eq!(told(&[("1", 0, false), ("1", 990, false)]), Vec::<String>::new(), "one has just started");
        assert_eq!(told(&[("1", 0, false), ("1", 900, false)]), ["Replicas(NoLeader { replicas: 2 })"]);
        assert_eq!(told(&[("1", 0, true), ("2", 0, false)]), ["Replicas(Versions { versions: 2 })"]);
    }

    #[test]
    fn a_credential_that_ends_within_30_days_needs_attention_of_the_systems_administrators() {
        let shown = |end: &str, scope: &Scope| {
            let text = format!(
                "public_url = 'https://auth.example.com'\nhosts = ['wiki.example.com']\n[providers.kc]\nkind = 'oidc'\n\
                 issuer = 'https://id.example.com'\nlabel = 'Staff'\nclient_id = 'x'\nclient_secret = 'y'\n{end}"
            );
            let config = Config::parse(&text, std::iter::empty()).expect("a configuration");
            let now = "2027-01-01T00:00:00Z".parse().expect("a time");
            let found = credentials(&config, scope, now);
            found.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>()
        };
        let end = |day: &str| shown(&format!("client_secret_expires_at = '{day}'"), &Scope::System);
        assert!(shown("", &Scope::System).is_empty(), "nobody said when it ends");
        assert!(end("2027-02-01").is_empty(), "31 days");
        for (day, has_ended) in
            [("2027-01-31", false), ("2027-01-02", false), ("2027-01-01", true), ("2026-12-31", true)]
        {
            let found = end(day);
            assert!(found.len() == 1 && found[0].contains("Secret"), "{day}: {found:?}");
            assert!(found[0].contains(&format!("has_ended: {has_ended}")), "{day}: {found:?}");
        }
        let of_a_tenant = Scope::Tenants(["a".parse().expect("a tenant")].into());
        assert!(shown("client_secret_expires_at = '2027-01-02'", &of_a_tenant).is_empty());
    }
}
