//! Two replicas behind the real Traefik, with the files as docs/scaling.md switches them, under load: one of them stops, and
//! one is killed.

use super::stage::{CHAT, Others, PUBLIC, Stage, files_for_two};
use gatepost_kit::process::until;
use reqwest::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const DEADLINE: Duration = Duration::from_secs(40);
/// Requests at a time.
const AT_A_TIME: usize = 8;
/// How many requests more must pass after something happened.
const MORE: u64 = 200;

/// What became of the requests.
#[derive(Debug, Default)]
struct Tally {
    passed: AtomicU64,
    failed: AtomicU64,
    /// 503 of Gatepost itself: a store was late, as happens on a busy machine.
    unknown: AtomicU64,
    is_over: AtomicBool,
}

/// Alice's requests, until the tally says that it is over.
struct Load {
    tally: Arc<Tally>,
    running: JoinSet<()>,
}

impl Load {
    async fn start(stage: &Stage) -> Self {
        let url = format!("{CHAT}/");
        let browser = stage.signed_in("alice", &url).await;
        let (tally, mut running) = (Arc::new(Tally::default()), JoinSet::new());
        for _ in 0..AT_A_TIME {
            let (browser, tally, url) = (browser.impatient(), Arc::clone(&tally), url.clone());
            running.spawn(async move {
                while !tally.is_over.load(Ordering::Relaxed) {
                    let answer = browser.fetch(&url).await;
                    let counter = match answer.status {
                        200 => &tally.passed,
                        503 if answer.header("retry-after").is_some() => &tally.unknown,
                        500 | 502 | 504 => &tally.failed,
                        other => panic!("{other}: {}", answer.body),
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let load = Self { tally, running };
        load.more_pass().await;
        load
    }

    async fn more_pass(&self) {
        let before = self.tally.passed.load(Ordering::Relaxed);
        until("requests to pass", DEADLINE, async || {
            (self.tally.passed.load(Ordering::Relaxed) > before + MORE).then_some(())
        })
        .await;
    }

    fn failed(&self) -> u64 {
        self.tally.failed.load(Ordering::Relaxed)
    }

    async fn end(mut self) {
        self.tally.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.running.join_next().await {
            ended.expect("each answer is one of those");
        }
        println!("{:?}", self.tally);
    }
}

async fn both_are_found(stage: &Stage) {
    let replica = stage.replica.as_ref().expect("two");
    for server in [stage.gatepost.internal(), replica.internal()] {
        until("Traefik to find both ready", DEADLINE, async || {
            stage.traefik.finds_ready("gatepost-verify", &format!("https://{server}")).await.then_some(())
        })
        .await;
    }
}

/// Requests to the public host until Traefik has left the first replica, which was killed. A POST is among them, because nothing of
/// it was sent to that replica.
async fn the_public_host_answers(stage: &Stage) {
    let (stranger, killed) = (stage.browser(), format!("http://{}", stage.gatepost.public()));
    let mut is_left = false;
    // Each replica is asked in turn, so the killed one is among so many.
    for asked in 0.. {
        for method in [Method::GET, Method::POST] {
            let answer = stranger.request(method.clone(), &format!("{PUBLIC}/logout")).send().await;
            assert_ne!(answer.status, 502, "{method}, the other one was not asked");
        }
        if is_left && asked >= AT_A_TIME {
            return;
        }
        is_left = is_left || !stage.traefik.finds_ready("gatepost-replicas", &killed).await;
    }
}

#[test]
fn each_router_that_leads_to_gatepost_itself_leads_to_both_replicas() {
    let mut of_both = 0;
    for (path, text) in files_for_two() {
        for service in text.lines().filter_map(|line| line.trim().strip_prefix("service: ")) {
            assert!(!["gatepost", "gatepost@file"].contains(&service), "{path}");
            of_both += usize::from(service == "gatepost-replicas");
        }
    }
    // The public host, both routers of the debugger, and the metadata of tool servers.
    assert_eq!(of_both, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_when_a_replica_stops_and_few_when_one_is_killed() {
    let mut stage = Stage::start_with(Others { has_replica: true, ..Others::default() }).await;
    both_are_found(&stage).await;
    let load = Load::start(&stage).await;

    let stopped = stage.replica.take().expect("two");
    stopped.sigterm();
    assert!(stopped.wait_exit().await.success());
    load.more_pass().await;
    assert_eq!(load.failed(), 0, "of those that the replica had, and those after");

    drop(stopped);
    stage.start_replica_again().await;
    both_are_found(&stage).await;
    load.more_pass().await;
    assert_eq!(load.failed(), 0);

    let (killed, failed) = (Instant::now(), load.failed());
    stage.gatepost.sigkill();
    the_public_host_answers(&stage).await;
    load.more_pass().await;
    until("Traefik to leave it", DEADLINE, async || {
        let server = format!("https://{}", stage.gatepost.internal());
        (!stage.traefik.finds_ready("gatepost-verify", &server).await).then_some(())
    })
    .await;
    let (took, failed) = (killed.elapsed(), load.failed() - failed);
    load.more_pass().await;
    println!("{failed} requests failed; Traefik left the killed replica after {took:?}");
    assert!(failed <= AT_A_TIME as u64, "{failed}: only requests that the replica had");
    assert_eq!(load.failed(), failed, "none since Traefik has left it");
    // The other one knows the session, and people sign in there.
    stage.signed_in("carol", &format!("{CHAT}/")).await;
    load.end().await;
}
