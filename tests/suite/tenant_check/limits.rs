//! How many checks of tenants a replica makes at once, and how long one may take, by the API and by the page alike.

use super::PROOF;
use crate::cli::sql;
use crate::portal::start_of;
use crate::world::{PUBLIC, Pair, Plan, World};
use gatepost_kit::client::{Answer, Client, retry};
use gatepost_kit::dns::DnsServer;
use gatepost_kit::process::until;
use reqwest::Method;
use sqlx::AssertSqlSafe;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(15);
const BUSY: &str = "Another check of a tenant runs.";
const SLOW: &str = "The DNS or the provider is too slow";
/// What one check may take.
const LONGEST: Duration = Duration::from_secs(20);
/// So many questions to a silent DNS take longer, a few at a time.
const HOSTS: u32 = 120;

#[derive(Clone, Copy, Debug)]
enum By {
    Api,
    Page,
}

impl By {
    /// On a busy machine a store may miss its deadline before a check begins, which is not what these tests are about.
    async fn check(self, world: &World, browser: &Client, tenant: &str) -> Answer {
        let is_outage = |answer: &Answer| answer.status == 503 && !is_of_check(answer);
        retry(|| self.send(world, browser, tenant), is_outage).await
    }

    async fn send(self, world: &World, browser: &Client, tenant: &str) -> Answer {
        match self {
            Self::Api => browser.fetch(&world.url(PUBLIC, &format!("/api/v1/tenants/{tenant}/check"))).await,
            Self::Page => {
                let here = world.url(PUBLIC, &format!("/admin/tenants/{tenant}/check"));
                browser.request(Method::POST, &here).from(&here).form(&[]).send().await
            }
        }
    }

    /// As [`By::check`], until one is made.
    async fn made(self, world: &World, browser: &Client, tenant: &str) {
        let answer =
            retry(|| self.send(world, browser, tenant), |answer: &Answer| answer.status == 503).await;
        assert_eq!(answer.status, 200, "{self:?}: {}", answer.body);
    }
}

/// Whether a check was refused or ended, and not the request before it.
fn is_of_check(answer: &Answer) -> bool {
    [BUSY, SLOW].iter().any(|said| answer.body.contains(said))
}

/// A world with the tenant `slow`, whose hosts are asked for at a DNS that is silent, and the tenant `quick`, which has none.
async fn slow_world(pair: Pair) -> (World, Client, DnsServer) {
    let dns = DnsServer::start().await;
    let plan = Plan::default().env("GATEPOST_TENANTS__RESOLVER", dns.address().to_string());
    let (world, root) = start_of(plan, pair).await;
    world.cli_all(&[&["tenant", "create", "slow"], &["tenant", "create", "quick"]]).await;
    let hosts: Vec<_> = (0..HOSTS)
        .map(|number| format!("('h{number}.slow.example', 'slow', 'proposed', '{PROOF}', 1)"))
        .collect();
    let columns = "(host, tenant_id, state, proof, created_at)";
    let rows = format!("INSERT INTO tenant_hosts {columns} VALUES {}", hosts.join(", "));
    sql(&world, AssertSqlSafe(rows)).await;
    dns.silence(true);
    (world, root.impatient(), dns)
}

fn refused(answer: &Answer, says: &str, why: &str) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{why}: {}", answer.body);
    assert!(answer.body.contains(says) && answer.body.contains("Try again"), "{why}: {}", answer.body);
}

both_pairs! {
    async fn while_a_check_runs_another_one_is_refused_and_made_afterwards(pair) {
        let (world, root, dns) = slow_world(pair).await;
        let world = &world;
        for first in [By::Api, By::Page] {
            dns.silence(true);
            let before = dns.asked().len();
            let others = async {
                let is_asked = async || (dns.asked().len() > before).then_some(());
                until("the first check to ask the DNS", TIMEOUT, is_asked).await;
                for second in [By::Api, By::Page] {
                    let answer = second.check(world, &root, "quick").await;
                    refused(&answer, BUSY, &format!("{second:?} during {first:?}"));
                }
                dns.silence(false);
            };
            let (answer, ()) = tokio::join!(first.check(world, &root, "slow"), others);
            assert_eq!(answer.status, 200, "{first:?}: {}", answer.body);
            for second in [By::Api, By::Page] {
                second.made(world, &root, "quick").await;
            }
        }
    }
}

/// The check that was ended is none that still runs.
async fn is_ended(by: By) {
    let (world, root, dns) = slow_world(Pair::Embedded).await;
    let begun = Instant::now();
    let answer = by.check(&world, &root, "slow").await;
    refused(&answer, SLOW, &format!("{by:?}"));
    assert!(begun.elapsed() >= LONGEST, "{:?}", begun.elapsed());
    by.made(&world, &root, "quick").await;
    dns.silence(false);
    by.made(&world, &root, "slow").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_by_the_api_ends_after_twenty_seconds() {
    is_ended(By::Api).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_by_the_page_ends_after_twenty_seconds() {
    is_ended(By::Page).await;
}
