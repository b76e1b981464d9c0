//! Tenants at the gate: what their states open and close, within the second and at every replica.

use crate::answers::{Asked, Told};
use crate::keys::create;
use crate::replicas::another;
use crate::world::{Pair, World};
use gatepost_kit::client::retry;
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Gatepost, until};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(30);
/// In which every change binds.
const SECOND: Duration = Duration::from_secs(1);

/// Asks until a replica does not miss a deadline of its stores.
pub async fn settled(asked: &Asked, replica: &Gatepost) -> Told {
    retry(|| asked.at(replica), |told| told.status == 503).await
}

/// After a change was acknowledged, each replica answers with this status within a second, and never with the old one
/// later. Returns the last answer.
pub async fn binds(asked: &Asked, replicas: &[&Gatepost], old: u16, new: u16) -> Told {
    let acknowledged = Instant::now();
    let mut last = None;
    for replica in replicas {
        let told = until("the change to bind", TIMEOUT, async || {
            let sent = Instant::now();
            let told = asked.at(replica).await;
            let late = sent.saturating_duration_since(acknowledged);
            assert!(told.status != old || late < SECOND, "{old} {late:?} later");
            (told.status == new).then_some(told)
        });
        last = Some(told.await);
    }
    last.unwrap()
}

/// A world with the tenant `acme`, in which bob is a member.
async fn world(pair: Pair) -> World {
    let world = World::start(pair).await;
    world.entra.add(Person::named("bob"));
    world.cli(&["tenant", "create", "acme"]).await;
    world.cli(&["tenant", "add-member", "acme", "bob@example.com"]).await;
    world
}

both_pairs! {
    async fn a_suspended_tenant_is_closed_to_people_and_keys_until_it_is_resumed(pair) {
        let world = world(pair).await;
        let second = if pair == Pair::Shared { Some(another(&world).await) } else { None };
        let replicas: Vec<_> = std::iter::once(&world.gatepost).chain(&second).collect();
        let (bob, root) = (world.signed_in("bob").await, world.signed_in("alice").await);
        world.cli(&["admin", "grant", "alice@example.com"]).await;
        let key = create(&world, "ci", &["--tenant", "acme", "--scope", "gate", "--scope", "api.read"]).await;
        let accept = |asked: Asked| asked.requiring("tenant=acme").with("Accept", "application/json");
        let person = accept(Asked::fetch("/x").by(&bob));
        let admin = accept(Asked::fetch("/x").by(&root));
        let program = accept(Asked::for_uri("/x").with("Authorization", format!("Bearer {key}")));
        let elsewhere = Asked::for_uri("/x").with("Authorization", format!("Bearer {key}"));
        for asked in [&person, &admin, &program, &elsewhere] {
            for replica in &replicas {
                assert_eq!(settled(asked, replica).await.status, 200);
            }
        }
        world.cli(&["tenant", "suspend", "acme", "--reason", "unpaid since October"]).await;
        let told = binds(&person, &replicas, 200, 403).await;
        let said = told.json();
        assert_eq!(said["error"], "tenant_suspended", "{told:?}");
        assert!(!told.body.contains("unpaid"), "the reason is for administrators: {told:?}");
        assert!(said["message"].as_str().unwrap().contains("Ask whoever runs"), "{told:?}");
        binds(&admin, &replicas, 200, 403).await;
        for asked in [&program, &elsewhere] {
            let told = binds(asked, &replicas, 200, 403).await;
            assert_eq!(told.json()["error"], "tenant_suspended", "{told:?}");
        }
        assert_eq!(settled(&Asked::fetch("/x").by(&bob), &world.gatepost).await.status, 200, "no tenant is named");
        let page = Asked::navigation("/x").by(&bob).requiring("tenant=acme");
        let page = settled(&page, &world.gatepost).await;
        assert!(page.status == 403 && page.body.contains("This tenant is suspended"), "{page:?}");

        world.cli(&["tenant", "resume", "acme"]).await;
        for asked in [&person, &admin, &program] {
            binds(asked, &replicas, 403, 200).await;
        }
        world.cli(&["tenant", "delete", "acme"]).await;
        let told = binds(&person, &replicas, 200, 403).await;
        assert_eq!(told.json()["error"], "forbidden", "as if it were not there: {told:?}");
        binds(&program, &replicas, 200, 401).await;
        world.cli(&["tenant", "restore", "acme"]).await;
        binds(&person, &replicas, 403, 200).await;
        binds(&program, &replicas, 401, 200).await;
    }
}
