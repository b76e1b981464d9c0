//! Memory answers what the stores would, whatever was asked before: for every pair of requirements, for everybody who may
//! something else, the answer to the second does not depend on the first, which brought the pass into memory.

use super::TIMEOUT;
use crate::answers::{Asked, Told};
use crate::replicas::another_with;
use crate::world::{MCP_GITHUB, Pair, Plan, Stores, World, alice};
use gatepost_kit::client::Client;
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Gatepost, Postgres, until};

/// Each kind of condition, met by some and by others not, and some of them together.
const REQUIREMENTS: [&str; 14] = [
    "",
    "group=MCP-GitHub",
    "group=Nobody",
    "tenant=github",
    "tenant=github&tenant=wiki",
    "admin=true",
    "api=true",
    "assertion=true",
    "max_age=600",
    "max_age=0",
    "max_age=0&group=Nobody",
    "tenant=wiki&assertion=true",
    "admin=true&group=MCP-GitHub&api=true",
    "of=nobodys",
];

/// All that an answer says about the person. Sealed values and signatures are others each time; that they are there is
/// not.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    status: u16,
    headers: Vec<(&'static str, Vec<String>)>,
    there: Vec<(&'static str, usize)>,
}

impl Said {
    fn of(told: &Told) -> Self {
        let values = |name| told.all(name).into_iter().map(str::to_owned).collect();
        let same = [
            "x-user-email",
            "x-user-groups",
            "x-user-admin",
            "x-user-id",
            "x-user-name",
            "x-user-tenants",
            "x-user-role",
            "x-tenant-id",
            "cookie",
            "cache-control",
        ];
        let there = ["x-user-assertion", "set-cookie", "location", "retry-after"];
        Self {
            status: told.status,
            headers: same.map(|name| (name, values(name))).to_vec(),
            there: there.map(|name| (name, told.all(name).len())).to_vec(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_requests_change_no_answer() {
    let world = Plan::default().env("GATEPOST_VERIFY__CACHE_MEMORY", "64").start(Pair::Shared).await;
    let without = another_with(&world, &[("GATEPOST_VERIFY__CACHE_MEMORY", "0")]).await;
    without.wait_ready().await;
    let people = people(&world).await;
    let mut expected = Vec::new();
    for person in &people {
        for requirement in REQUIREMENTS {
            let [fetch, navigation] = kinds(person, requirement);
            expected.push([said(&without, &fetch).await, said(&without, &navigation).await]);
        }
    }
    for first in REQUIREMENTS {
        everybody_is_forgotten(&world).await;
        for (person, expected) in people.iter().zip(expected.chunks(REQUIREMENTS.len())) {
            let [fetch, _] = kinds(person, first);
            said(&world.gatepost, &fetch).await;
            for (second, expected) in REQUIREMENTS.into_iter().zip(expected) {
                for (asked, expected) in kinds(person, second).iter().zip(expected) {
                    assert_eq!(said(&world.gatepost, asked).await, *expected, "{first:?}, then {second:?}");
                }
            }
        }
    }
}

fn kinds(person: &Client, requirement: &str) -> [Asked; 2] {
    [Asked::fetch("/a"), Asked::navigation("/a")].map(|asked| asked.by(person).requiring(requirement))
}

/// Browsers of somebody in a group that opens a tenant, of an admin, of an admin in the group, and of somebody else.
async fn people(world: &World) -> Vec<Client> {
    world.cli(&["tenant", "create", "github"]).await;
    world.cli(&["tenant", "create", "wiki"]).await;
    world.cli(&["group", "link", "MCP-GitHub", &format!("entra:{MCP_GITHUB}")]).await;
    world.cli(&["tenant", "map", "MCP-GitHub", "github", "--role", "viewer"]).await;
    let mut browsers = Vec::new();
    for person in [
        alice(),
        Person::named("boss"),
        Person::named("lead").group(MCP_GITHUB, "MCP-GitHub"),
        Person::named("guest"),
    ] {
        let name = person.handle.clone();
        world.entra.add(person);
        browsers.push(world.signed_in(&name).await);
    }
    world.cli(&["admin", "grant", "boss@example.com"]).await;
    world.cli(&["admin", "grant", "lead@example.com"]).await;
    browsers
}

async fn said(replica: &Gatepost, asked: &Asked) -> Said {
    let told = until("an answer", TIMEOUT, async || {
        let told = asked.at(replica).await;
        (told.status != 503).then_some(told)
    });
    Said::of(&told.await)
}

async fn everybody_is_forgotten(world: &World) {
    let Stores::Shared { database, .. } = &world.stores else { panic!("on Postgres") };
    let database = database.rsplit('/').next().unwrap();
    Postgres::shared().await.sql(database, "SELECT pg_notify('gatepost', '*')").await;
    world.has_heard().await;
}
