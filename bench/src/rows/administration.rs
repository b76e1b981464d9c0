//! Reads of administrators in a large directory, on both stores: how long each takes at the directory.

use super::Stage;
use crate::site::{Addresses, Provider, Site, Size, id_of_person};
use crate::stats::{Latencies, Spread};
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::{
    AuditFilter, Directory, DirectoryError, GroupFilter, GroupKey, Place, TenantFilter, UserFilter, UserKey,
    UserState, Who,
};
use std::io;
use std::time::{Duration, Instant};

pub(super) const LARGE: Size = Size { people: 100_000, groups: 10_000, tenants: 1_000, audit: 1_000_000 };
pub(super) const SMALL: Size = Size { people: 2_000, groups: 200, tenants: 20, audit: 5_000 };
/// The number of rows of one page.
const PAGE: u32 = 50;
/// p95 of a read, in milliseconds.
const MUST: f64 = 20.0;
const AIM: f64 = 10.0;

/// Measures each read in both stores.
pub async fn run(stage: &mut Stage) -> io::Result<()> {
    let size = if stage.tempo.is_quick { SMALL } else { LARGE };
    let provider = Provider::absent();
    for store in ["Postgres", "SQLite"] {
        let filled = if store == "SQLite" {
            Site::embedded(&provider, Addresses::production()).await?
        } else {
            Site::shared(&provider, Addresses::production()).await?
        };
        let begun = Instant::now();
        filled.fill(size).await?;
        eprintln!("  {store} is full: {:.1} s", begun.elapsed().as_secs_f64());
        let reads = Reads { directory: &filled.state.stores.directory, size, store };
        reads.measure(stage).await.map_err(io::Error::other)?;
    }
    Ok(())
}

struct Reads<'a> {
    directory: &'a Directory,
    size: Size,
    store: &'static str,
}

/// A filter of people with this name in the table.
type NamedFilter = (&'static str, Scope, UserFilter);

impl Reads<'_> {
    async fn measure(&self, stage: &mut Stage) -> Result<(), DirectoryError> {
        for (name, scope, filter) in self.filters() {
            self.time(stage, name, async |number| {
                let place = self.place(number);
                self.directory.search_users(&scope, &filter, place.as_ref(), PAGE).await.map(drop)
            })
            .await?;
        }
        self.people(stage).await?;
        self.groups(stage).await?;
        self.tenants(stage).await?;
        self.audit(stage).await
    }

    /// The beginning, and places throughout the list.
    fn place(&self, number: usize) -> Option<Place> {
        let at = number * 7_919 % self.size.people;
        (!number.is_multiple_of(4)).then(|| id_of_person(at / 2).parse().ok()).flatten()
    }

    fn filters(&self) -> Vec<NamedFilter> {
        let all = UserFilter::default;
        let q = |text: &str| UserFilter { q: Some(text.to_owned()), ..all() };
        let tenant = |id: &str| Some(id.parse().expect("a tenant's id"));
        let of = |id: &str| Scope::Tenants([id.parse().expect("a tenant's id")].into());
        let everybody =
            gatepost_core::ids::GroupId::from_number(i64::try_from(self.size.groups).unwrap_or_default() + 1);
        vec![
            ("people, all", Scope::System, all()),
            ("people, q of one", Scope::System, q("person-777@")),
            ("people, q of a few", Scope::System, q("p001")),
            ("people, q of everybody", Scope::System, q("von")),
            ("people, q of two words", Scope::System, q("von n77")),
            ("people, q of nobody", Scope::System, q("zzz")),
            (
                "people, by address",
                Scope::System,
                UserFilter { email: "person-7@example.com".parse().ok(), ..all() },
            ),
            (
                "people, of a group",
                Scope::System,
                UserFilter { group: Some(gatepost_core::ids::GroupId::from_number(7)), ..all() },
            ),
            ("people, of the largest group", Scope::System, UserFilter { group: Some(everybody), ..all() }),
            ("people, of a tenant", Scope::System, UserFilter { tenant: tenant("t-7"), ..all() }),
            ("people, of the largest tenant", Scope::System, UserFilter { tenant: tenant("all"), ..all() }),
            ("people, active", Scope::System, UserFilter { state: Some(UserState::Active), ..all() }),
            ("people, disabled", Scope::System, UserFilter { state: Some(UserState::Disabled), ..all() }),
            ("people, awaited", Scope::System, UserFilter { state: Some(UserState::Awaited), ..all() }),
            ("people, admins", Scope::System, UserFilter { state: Some(UserState::Admin), ..all() }),
            (
                "people, disabled of the largest tenant",
                Scope::System,
                UserFilter { tenant: tenant("all"), state: Some(UserState::Disabled), ..all() },
            ),
            ("people, read by a tenant's admin", of("t-7"), all()),
            ("people, q read by a tenant's admin", of("t-7"), q("von")),
            ("people, read by the largest tenant's admin", of("all"), all()),
        ]
    }

    async fn people(&self, stage: &mut Stage) -> Result<(), DirectoryError> {
        let id = |number: usize| id_of_person(number * 7_919 % self.size.people).parse().expect("an id");
        self.time(stage, "person", async |number| {
            self.directory.find_user(&Scope::System, &UserKey::Id(id(number))).await.map(drop)
        })
        .await?;
        self.time(stage, "person, memberships", async |number| {
            self.directory.list_memberships(&Scope::System, id(number)).await.map(drop)
        })
        .await?;
        self.time(stage, "person, ways to tenants", async |number| {
            self.directory.list_tenant_ways(&Scope::System, id(number)).await.map(drop)
        })
        .await?;
        self.time(stage, "admins", async |_| {
            self.directory.list_admins(&Scope::System, None, PAGE).await.map(drop)
        })
        .await
    }

    async fn groups(&self, stage: &mut Stage) -> Result<(), DirectoryError> {
        for (name, q) in
            [("groups, all", None), ("groups, q", Some("am 77")), ("groups, q of nothing", Some("zzz"))]
        {
            let filter = GroupFilter { q: q.map(str::to_owned), ..GroupFilter::default() };
            self.time(stage, name, async |_| {
                self.directory.search_groups(&Scope::System, &filter, None, PAGE).await.map(drop)
            })
            .await?;
        }
        let everybody = GroupKey::Name("Everybody".parse().expect("a name"));
        let team = GroupKey::Name("Team 7".parse().expect("a name"));
        for (name, key) in [("group", &team), ("group, the largest", &everybody)] {
            self.time(stage, name, async |_| self.directory.find_group(&Scope::System, key).await.map(drop))
                .await?;
        }
        for (name, key, q) in [
            ("members", &team, None),
            ("members of the largest group", &everybody, None),
            ("members of the largest group, q", &everybody, Some("n77")),
        ] {
            self.time(stage, name, async |number| {
                let place = self.place(number);
                self.directory.list_members(&Scope::System, (key, q), place.as_ref(), PAGE).await.map(drop)
            })
            .await?;
        }
        self.time(stage, "unlinked groups", async |_| {
            self.directory.list_unlinked_groups(&Scope::System, PAGE).await.map(drop)
        })
        .await
    }

    async fn tenants(&self, stage: &mut Stage) -> Result<(), DirectoryError> {
        let (one, all) = ("t-7".parse().expect("an id"), "all".parse().expect("an id"));
        for (name, q) in [("tenants, all", None), ("tenants, q", Some("client 7"))] {
            let filter = TenantFilter { q: q.map(str::to_owned), ..TenantFilter::default() };
            self.time(stage, name, async |_| {
                self.directory.search_tenants(&Scope::System, &filter, None, PAGE).await.map(drop)
            })
            .await?;
        }
        for (name, id) in [("tenant", &one), ("tenant, the largest", &all)] {
            self.time(stage, name, async |_| self.directory.find_tenant(&Scope::System, id).await.map(drop))
                .await?;
        }
        self.time(stage, "tenant, direct members", async |_| {
            self.directory.list_tenant_members(&Scope::System, &one, None, PAGE).await.map(drop)
        })
        .await
    }

    async fn audit(&self, stage: &mut Stage) -> Result<(), DirectoryError> {
        let all = AuditFilter::default;
        let user = id_of_person(77).parse().expect("an id");
        let at = |seconds: i64| Some(Timestamp::from_unix(1_790_000_000 - seconds));
        let tenants = Scope::Tenants(["t-20".parse().expect("an id")].into());
        let action = |action: &str| vec![action.to_owned()];
        let filters = [
            ("audit, all", Scope::System, all()),
            ("audit, of a person", Scope::System, AuditFilter { user: Some(user), ..all() }),
            ("audit, by an actor", Scope::System, AuditFilter { actor: Some(Who::Person(user)), ..all() }),
            (
                "audit, of an action",
                Scope::System,
                AuditFilter { actions: action("tenant.add_member"), ..all() },
            ),
            (
                "audit, of an action that never was",
                Scope::System,
                AuditFilter { actions: action("x"), ..all() },
            ),
            ("audit, of a tenant", Scope::System, AuditFilter { tenant: "t-20".parse().ok(), ..all() }),
            (
                "audit, of a day",
                Scope::System,
                AuditFilter { since: at(9_000_000), until: at(9_000_000 - 86_400), ..all() },
            ),
            ("audit, read by a tenant's admin", tenants.clone(), all()),
            (
                "audit, sign-ins read by a tenant's admin",
                tenants,
                AuditFilter { actions: action("user.sign_in"), ..all() },
            ),
        ];
        for (name, scope, filter) in filters {
            self.time(stage, name, async |_| {
                self.directory.list_audit(&scope, &filter, PAGE).await.map(drop)
            })
            .await?;
        }
        let since = Timestamp::from_unix(1_790_000_000 - 14 * 86_400);
        let until = Timestamp::from_unix(1_790_000_000);
        self.time(stage, "sign-ins of 14 days", async |_| {
            self.directory.count_days(&Scope::System, since, until).await.map(drop)
        })
        .await
    }

    async fn time(
        &self,
        stage: &mut Stage,
        name: &str,
        read: impl AsyncFn(usize) -> Result<(), DirectoryError>,
    ) -> Result<(), DirectoryError> {
        let (rounds, limit) = if stage.tempo.is_quick { (20, 1) } else { (200, 5) };
        // The first calls open connections and prepare statements.
        for number in 0..4 {
            read(number).await?;
        }
        let (mut latencies, begun) = (Latencies::with_room(), Instant::now());
        for number in 0..rounds {
            let started = Instant::now();
            read(number).await?;
            latencies.note(started.elapsed());
            if begun.elapsed() > Duration::from_secs(limit) && number >= 10 {
                break;
            }
        }
        let [median, p95] = [500, 950].map(|rank| latencies.per_mille(rank) / 1000.0);
        eprintln!("  {}: {name}: p50 {median:.2} ms, p95 {p95:.2} ms", self.store);
        let value = Spread { median, min: median, max: p95 };
        let note = format!("p50 to p95 of {} reads", latencies.len());
        let p95 = Spread { median: p95, min: p95, max: p95 };
        let fact = stage.report.fact(
            &format!("{}: {name}", self.store),
            p95,
            "ms",
            &format!("{note}: {:.2} to {:.2}", value.min, value.max),
        );
        fact.must("a read of administrators, p95", MUST, AIM);
        Ok(())
    }
}
