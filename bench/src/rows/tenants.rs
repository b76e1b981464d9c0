//! Compares a Gatepost that has one tenant with one that has a thousand, each tenant with two hosts, all warm: how many tenants
//! there are must not matter to a request.
//!
//! Both have as many people and sessions. Everybody is in one tenant and opens one of its hosts, so that with a thousand tenants
//! the requests are spread over all hosts.

use super::Stage;
use super::production::{CONNECTIONS, contestant};
use crate::cpu::Watched;
use crate::load::Requests;
use crate::measure::Contestant;
use crate::site::{Addresses, Ground, Provider, Site, Stores};
use gatepost_kit::process::Gatepost;
use std::io;
use std::sync::Arc;

const TENANTS: usize = 1_000;
const HOSTS: usize = 2;
/// One session each.
const PEOPLE: usize = TENANTS * HOSTS;

/// A Gatepost with so many tenants.
struct Town {
    contestant: Contestant,
    _gatepost: Gatepost,
    _site: Site,
}

/// Measures over http.
pub async fn run(stage: &mut Stage) -> io::Result<()> {
    let (ground, schedule) = (stage.ground.clone(), stage.tempo.deciding());
    let towns = [
        Town::build(&ground, 1, "one tenant, 2 hosts").await?,
        Town::build(&ground, TENANTS, "1,000 tenants, 2,000 hosts").await?,
    ];
    let contestants = [towns[0].contestant.clone(), towns[1].contestant.clone()];
    for contestant in &contestants {
        contestant.become_known(ground.cores).await?;
    }
    let title = format!("Warm, http, {CONNECTIONS} connections: hosts of one tenant, and of 1,000");
    let row = stage.row(&title, &contestants, schedule).await?;
    if let Some(ratio) = row.cpu_ratio(1) {
        let note = "a request at one of 2,000 hosts of 1,000 tenants by one at the 2 hosts of the only tenant; 2,000 sessions each";
        let fact = stage.report.fact("CPU of a warm /verify with 1,000 tenants", ratio, "ratio", note);
        fact.must("CPU of a warm /verify with 1,000 tenants of 2 hosts : with one", 1.02, 1.0);
    }
    Ok(())
}

impl Town {
    async fn build(ground: &Ground, tenants: usize, name: &str) -> io::Result<Self> {
        let site = Site::shared(&Provider::of(&ground.entra), Addresses::production()).await?;
        let people = site.people(PEOPLE).await?;
        let Stores::Shared { postgres, .. } = &site.stores else {
            return Err(io::Error::other("no Postgres"));
        };
        for statement in statements(tenants) {
            postgres.sql("test_0", &statement).await;
        }
        let hosts: Arc<[Box<str>]> = (0..tenants * HOSTS).map(host).collect();
        let visitors = site.sessions_at(&people, &hosts).await?.into();
        let gatepost = site.start(ground, &site.builder(ground)).await?;
        let requests = Requests::pages("/verify", site.addresses.host).at(hosts);
        let requests = Arc::new(requests.by(site.addresses.cookie, visitors).ready());
        let watched = vec![Watched::new("gatepost", gatepost.running().pid())];
        let contestant = contestant(name, gatepost.internal(), requests, watched);
        Ok(Self { contestant, _gatepost: gatepost, _site: site })
    }
}

/// Names of one length, so that requests are as long with one tenant as with many.
fn host(number: usize) -> Box<str> {
    format!("h{number:04}.example.net").into()
}

/// SQL that creates the tenants with their hosts, and makes each person a member of the tenant whose host they open.
fn statements(tenants: usize) -> [String; 4] {
    let hosts = tenants * HOSTS;
    let tenant = |number: &str| format!("'t-' || lpad(({number})::text, 4, '0')");
    [
        format!(
            "INSERT INTO gatepost.tenants (id, created_at) SELECT {}, 0 FROM generate_series(0, {tenants} - 1) n",
            tenant("n")
        ),
        format!(
            "INSERT INTO gatepost.tenant_hosts (host, tenant_id, state, proof, created_at) \
             SELECT 'h' || lpad(n::text, 4, '0') || '.example.net', {}, 'active', md5(n::text), 0 \
             FROM generate_series(0, {hosts} - 1) n",
            tenant(&format!("n / {HOSTS}"))
        ),
        format!(
            "INSERT INTO gatepost.tenant_members (tenant_id, user_id, created_at) \
             SELECT {}, '00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'), 0 FROM generate_series(0, {PEOPLE} - 1) n",
            tenant(&format!("n % {hosts} / {HOSTS}"))
        ),
        "VACUUM ANALYZE".to_owned(),
    ]
}
