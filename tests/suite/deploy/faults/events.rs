//! Makes the faults happen, one after another, and measures what only their maker sees.

use super::databases::Databases;
use super::load::Load;
use super::schedule::{Kind, Planned};
use super::site::{Site, StandIn};
use gatepost_kit::process::{sentinel::MASTER, until};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const TIMEOUT: Duration = Duration::from_mins(1);
/// Between two looks at who leads.
const LOOK: Duration = Duration::from_millis(20);
/// After everything is well, before the next fault.
const QUIET: Duration = Duration::from_secs(2);
const PARTITION: Duration = Duration::from_secs(5);
/// Less than the second after which Sentinels take a server for lost.
const REDIS_PAUSE: Duration = Duration::from_millis(700);

/// A fault that happened.
#[derive(Clone, Debug)]
pub struct Event {
    pub kind: Kind,
    pub started_at: Instant,
    /// When what was broken could work again: the standby was promoted, the line repaired. Numbers of 9.4 count from there.
    pub repaired_at: Instant,
    /// When everything ran again, and there was a while of quiet.
    pub ended_at: Instant,
    /// Until another replica led, by what happened to the leader.
    pub leaders: Vec<(&'static str, Duration)>,
    pub detail: String,
}

/// Who makes the faults.
pub struct Maker<'a> {
    pub site: &'a Site,
    pub load: &'a Load,
    pub databases: Databases,
    /// How long the leader stands still.
    pub still: Duration,
}

impl Maker<'_> {
    /// Makes it, and waits until everything is well again.
    pub async fn carry_out(&mut self, planned: Planned) -> Event {
        let started_at = Instant::now();
        let mut event = Event {
            kind: planned.kind,
            started_at,
            repaired_at: started_at,
            ended_at: started_at,
            leaders: Vec::new(),
            detail: String::new(),
        };
        match planned.kind {
            Kind::ReplicaKilled => self.kill_replica(planned, &mut event).await,
            Kind::RollingRestart => self.restart_all(planned.stand_in, &mut event).await,
            Kind::LeaderStill => self.stop_leader(&mut event).await,
            Kind::RedisKilled => self.kill_redis(&mut event).await,
            Kind::RedisPaused => {
                self.site.redis_primary().0.pause(REDIS_PAUSE);
                sleep(REDIS_PAUSE).await;
                event.repaired_at = Instant::now();
            }
            Kind::PostgresLost => self.lose_postgres(planned, &mut event).await,
            Kind::Partition => {
                let replica = choose(planned, 2);
                let silently = planned.choice % 4 >= 2;
                event.detail =
                    format!("replica {}, {}", replica + 1, if silently { "silent" } else { "refused" });
                let to_postgres = &self.site.replicas[replica].to_postgres;
                to_postgres.cut(silently).await;
                sleep(PARTITION).await;
                to_postgres.repair().await;
                event.repaired_at = Instant::now();
            }
        }
        self.site.is_well().await;
        sleep(QUIET).await;
        event.ended_at = Instant::now();
        event
    }

    /// The replica that leads.
    async fn leader(&self) -> usize {
        until("a leader", TIMEOUT, async || {
            let [one, other] = &self.site.replicas;
            let leads = (one.leads().await, other.leads().await);
            (leads.0 != leads.1).then_some(usize::from(leads.1))
        })
        .await
    }

    async fn until_led_by(&self, replica: usize) -> Duration {
        let started_at = Instant::now();
        while !self.site.replicas[replica].leads().await {
            assert!(started_at.elapsed() < TIMEOUT, "nobody else leads");
            sleep(LOOK).await;
        }
        started_at.elapsed()
    }

    async fn kill_replica(&self, planned: Planned, event: &mut Event) {
        let victim = choose(planned, 2);
        let leads = self.leader().await == victim;
        event.detail = format!("replica {}{}", victim + 1, if leads { ", the leader" } else { "" });
        event.started_at = Instant::now();
        self.site.replicas[victim].process().sigkill();
        if leads {
            event.leaders.push(("killed", self.until_led_by(1 - victim).await));
        }
        self.site.is_left(victim).await;
        sleep(QUIET).await;
        event.repaired_at = Instant::now();
        // With the setting that it had.
        self.site.replicas[victim].start_again(planned.stand_in).await;
    }

    async fn restart_all(&self, stand_in: StandIn, event: &mut Event) {
        event.detail = format!("STALE_IF_ERROR={} from then on", stand_in.setting());
        for (number, replica) in self.site.replicas.iter().enumerate() {
            let leads = self.leader().await == number;
            let process = replica.process();
            process.sigterm();
            if leads {
                event.leaders.push(("SIGTERM", self.until_led_by(1 - number).await));
            }
            let exit = process.wait_exit().await;
            assert!(exit.success(), "replica {} ended with {exit}", number + 1);
            replica.start_again(stand_in).await;
            self.site.is_well().await;
        }
        event.repaired_at = Instant::now();
    }

    async fn stop_leader(&self, event: &mut Event) {
        let leader = self.leader().await;
        event.detail = format!("replica {}, {:?}", leader + 1, self.still);
        event.started_at = Instant::now();
        let process = self.site.replicas[leader].process();
        process.sigstop();
        event.leaders.push(("stands still", self.until_led_by(1 - leader).await));
        sleep(self.still.saturating_sub(event.started_at.elapsed())).await;
        process.sigcont();
        event.repaired_at = Instant::now();
        until("the former leader to know", TIMEOUT, async || {
            (!self.site.replicas[leader].leads().await).then_some(())
        })
        .await;
    }

    async fn kill_redis(&self, event: &mut Event) {
        let (primary, replica) = self.site.redis_primary();
        event.started_at = Instant::now();
        self.load.redis_lost.lock().unwrap().push(event.started_at);
        primary.sigkill();
        until("the replica to be promoted", TIMEOUT, async || {
            replica.try_command(&["ROLE"]).is_ok_and(|role| role.contains("master")).then_some(())
        })
        .await;
        event.repaired_at = Instant::now();
        event.detail = format!("promoted after {:.1} s", event.started_at.elapsed().as_secs_f32());
        let port = replica.addr().port().to_string();
        for sentinel in &self.site.redis.sentinels {
            until("the Sentinels to agree", TIMEOUT, async || {
                let told = sentinel.command(&["SENTINEL", "get-master-addr-by-name", MASTER]);
                told.contains(&format!("\r\n{port}\r\n")).then_some(())
            })
            .await;
        }
        // It comes back empty, and whoever starts it makes it a replica.
        primary.restart().await;
        until("the former primary to follow", TIMEOUT, async || {
            // Sentinels do so too, and close all connections.
            primary.try_command(&["REPLICAOF", "127.0.0.1", &port]).ok()?;
            let told = primary.try_command(&["INFO", "replication"]).ok()?;
            (told.contains("role:slave") && told.contains("master_link_status:up")).then_some(())
        })
        .await;
    }

    async fn lose_postgres(&mut self, planned: Planned, event: &mut Event) {
        let at_once = planned.choice.is_multiple_of(2);
        if at_once { "SIGKILL" } else { "a fast shutdown" }.clone_into(&mut event.detail);
        self.databases.lose_primary(at_once).await;
        // A tool takes a while to be sure.
        sleep(Duration::from_millis(1_000 + planned.choice % 3_000)).await;
        self.databases.promote().await;
        event.repaired_at = Instant::now();
        sleep(QUIET).await;
        self.databases.follow().await;
        self.site.lead_to(&self.databases);
    }
}

fn choose(planned: Planned, among: u64) -> usize {
    usize::try_from(planned.choice % among).unwrap_or(0)
}
