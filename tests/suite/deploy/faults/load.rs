//! The load: people who are signed in, requests that ask the stores each time, and sign-ins. Each answer is noted.

use super::site::{CHAT, Site};
use gatepost_kit::client::{Client, Kind};
use reqwest::Method;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

/// Credentials that have ended, of which requests that ask the stores are made.
const MOST_ENDED: usize = 40;
/// Requests with a new session, which one of the replicas has not in memory.
const AFTER_SIGN_IN: usize = 4;

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Requests of people in memory, a second.
    pub warm: u64,
    /// Requests that ask the stores, a second.
    pub cold: u64,
    /// Sign-ins a second.
    pub sign_ins: u64,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// People who stay signed in: 200.
    Warm,
    /// What has ended: 401, after the stores were asked; and new sessions: 200.
    Cold,
    /// A whole sign-in: 200.
    SignIn,
}

impl Lane {
    pub const ALL: [Self; 3] = [Self::Warm, Self::Cold, Self::SignIn];
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Right,
    /// Nothing was said about the person: 5xx, 429, or no answer.
    Failed,
    /// Somebody was let in, or signed out, who was not to be.
    Wrong,
}

#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub lane: Lane,
    /// Which of several that ask.
    pub asker: usize,
    pub sent: Instant,
    pub answered: Instant,
    /// 0: no answer.
    pub status: u16,
    pub outcome: Outcome,
}

/// What opens something for whoever has it.
#[derive(Clone, Debug)]
pub enum Credential {
    Session(Client),
    Key(Client, String),
}

impl Credential {
    /// The status of one request; 0 without an answer.
    pub async fn ask(&self, url: &str) -> u16 {
        let answer = match self {
            Self::Session(browser) => {
                browser.request(Method::GET, url).kind(Kind::Fetch).from(url).try_send()
            }
            Self::Key(client, key) => {
                let request = client.request(Method::GET, url).kind(Kind::Program);
                request.header("authorization", format!("Bearer {key}")).try_send()
            }
        };
        answer.await.map_or(0, |answer| answer.status)
    }
}

/// Everything that was asked, and what has ended.
#[derive(Debug, Default)]
pub struct Load {
    pub is_over: AtomicBool,
    samples: Mutex<Vec<Sample>>,
    ended: Mutex<VecDeque<Credential>>,
    /// When a primary of Redis was lost, and with it what it had not replicated.
    pub redis_lost: Mutex<Vec<Instant>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Load {
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    pub fn samples(&self) -> Vec<Sample> {
        locked(&self.samples).clone()
    }

    /// What has ended may be asked with until the end.
    pub fn has_ended(&self, credential: Credential) {
        let mut ended = locked(&self.ended);
        ended.push_back(credential);
        if ended.len() > MOST_ENDED {
            ended.pop_front();
        }
    }

    /// Whether what was stored at `stored` may have been lost since.
    pub fn may_be_lost(&self, stored: Instant) -> bool {
        // Redis replicates after it has answered; a second is a lot for that.
        locked(&self.redis_lost).iter().any(|lost| *lost < stored + Duration::from_secs(1) && *lost > stored)
    }

    fn note(&self, lane: Lane, asker: usize, sent: Instant, status: u16, right: u16) {
        let outcome = match status {
            status if status == right => Outcome::Right,
            0 | 429 | 500.. => Outcome::Failed,
            _ => Outcome::Wrong,
        };
        locked(&self.samples).push(Sample { lane, asker, sent, answered: Instant::now(), status, outcome });
    }

    /// One person's requests, one in each span.
    pub async fn warm(&self, asker: usize, person: &Credential, every: Duration) {
        let mut pace = interval(every);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_over() {
            pace.tick().await;
            let sent = Instant::now();
            let status = person.ask(CHAT).await;
            self.note(Lane::Warm, asker, sent, status, 200);
        }
    }

    /// Requests that ask the stores: each is with what has ended, of which nothing is in memory.
    pub async fn cold(&self, asker: usize, every: Duration) {
        let mut pace = interval(every);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_over() {
            pace.tick().await;
            let next = {
                let mut ended = locked(&self.ended);
                let next = ended.pop_front();
                ended.extend(next.clone());
                next
            };
            let Some(ended) = next else { continue };
            let sent = Instant::now();
            let status = ended.ask(CHAT).await;
            self.note(Lane::Cold, asker, sent, status, 401);
        }
    }

    /// Sign-ins one after another, and a few requests of each.
    pub async fn sign_ins(&self, site: &Site, people: &[String], every: Duration) {
        let mut pace = interval(every);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for who in people.iter().cycle() {
            if self.is_over() {
                return;
            }
            pace.tick().await;
            let sent = Instant::now();
            let signed_in = site.signed_in(who, CHAT).await;
            self.note(Lane::SignIn, 0, sent, signed_in.as_ref().map_or_else(|status| *status, |_| 200), 200);
            let Ok(browser) = signed_in else { continue };
            let stored = Instant::now();
            let session = Credential::Session(browser);
            for _ in 0..AFTER_SIGN_IN {
                let sent = Instant::now();
                let status = session.ask(CHAT).await;
                if status != 401 || !self.may_be_lost(stored) {
                    self.note(Lane::Cold, usize::MAX, sent, status, 200);
                }
            }
        }
    }
}
