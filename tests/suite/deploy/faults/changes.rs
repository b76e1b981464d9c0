//! Changes of the directory while faults happen, and the history of each: who was let in when, and what was acknowledged.

use super::load::{Credential, Load};
use super::site::{CHAT, EDITORS, Site, WIKI};
use gatepost_kit::history::{Dice, Out};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Between two requests of one asker.
const PAUSE: Duration = Duration::from_millis(40);
/// Who ask with each credential; the replicas answer them in turn.
const ASKERS: usize = 2;
/// How often a command is tried again that ends something for good.
const ATTEMPTS: usize = 5;

/// The answer to one request. Errors of the server are not noted: they say nothing about who asks. 429 is: who counts again must
/// pass.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub sent: Instant,
    pub answered: Instant,
    pub status: u16,
}

/// An answer that was as before a change which was acknowledged a second before the request was sent.
#[derive(Clone, Debug)]
pub struct Late {
    pub what: String,
    pub answer: Answer,
    pub after: Duration,
}

/// What one credential opened, and when it was to open it.
#[derive(Debug, Default)]
pub struct Track {
    answers: Mutex<Vec<Answer>>,
    /// It may not open anything.
    outs: Mutex<Vec<Out>>,
    /// It must open.
    ins: Mutex<Vec<Out>>,
    /// Whether it does not come back with what gives access back.
    ends_for_good: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Track {
    /// The answers that do not fit what was acknowledged.
    pub fn late(&self, what: &str) -> Vec<Late> {
        let (outs, ins) = (locked(&self.outs), locked(&self.ins));
        let late = |answer: &Answer| {
            let spans = if answer.status == 200 { &*outs } else { &*ins };
            let after = spans.iter().find_map(|span| span.forbids(answer.sent, answer.answered))?;
            Some(Late { what: what.to_owned(), answer: *answer, after })
        };
        locked(&self.answers).iter().filter_map(late).collect()
    }

    async fn ask(&self, credential: &Credential, url: &str, is_over: impl Fn() -> bool) {
        while !is_over() {
            let sent = Instant::now();
            let status = credential.ask(url).await;
            if matches!(status, 200..=499) {
                locked(&self.answers).push(Answer { sent, answered: Instant::now(), status });
            }
            sleep(PAUSE).await;
        }
    }
}

/// The histories of one kind of change.
#[derive(Debug, Default)]
pub struct History {
    tracks: Mutex<Vec<(String, Arc<Track>)>>,
    /// Changes that were acknowledged, and commands that failed.
    pub done: Mutex<(usize, Vec<String>)>,
}

impl History {
    pub fn late(&self) -> Vec<Late> {
        locked(&self.tracks).iter().flat_map(|(what, track)| track.late(what)).collect()
    }

    pub fn answers(&self) -> usize {
        locked(&self.tracks).iter().map(|(_, track)| locked(&track.answers).len()).sum()
    }

    fn track(&self, what: impl Into<String>, ends_for_good: bool) -> Arc<Track> {
        let track = Arc::new(Track { ends_for_good, ..Track::default() });
        locked(&self.tracks).push((what.into(), Arc::clone(&track)));
        track
    }

    /// Runs a command. `None`: it failed, and may have had its effect.
    async fn change(&self, site: &Site, arguments: &[&str]) -> Option<(String, Instant)> {
        let done = site.command(arguments).await;
        let acknowledged = Instant::now();
        let mut counts = locked(&self.done);
        match done {
            Ok(told) => {
                counts.0 += 1;
                Some((told, acknowledged))
            }
            Err(error) => {
                counts.1.push(error);
                None
            }
        }
    }
}

/// A time in which people are asked for and nothing is changed.
async fn while_nothing_changes(dice: &mut Dice) {
    sleep(Duration::from_millis(1_400 + dice.roll(1_600))).await;
}

/// What takes somebody's access, and what gives it back.
struct Toggle<'a> {
    back: &'a [&'a str],
    end: &'a [&'a str],
}

impl Toggle<'_> {
    /// Changes to and fro. The access is there at the beginning.
    async fn run(&self, site: &Site, load: &Load, history: &History, tracks: &[Arc<Track>], mut dice: Dice) {
        let mut acknowledged = Some(Instant::now());
        let (mut is_in, mut is_first) = (true, true);
        while !load.is_over() {
            while_nothing_changes(&mut dice).await;
            let started_at = Instant::now();
            let span = acknowledged.map(|acknowledged| Out { acknowledged, over: started_at });
            for track in tracks {
                let opens = is_in && (is_first || !track.ends_for_good);
                locked(if opens { &track.ins } else { &track.outs }).extend(span);
            }
            is_first = false;
            let change = if is_in { self.end } else { self.back };
            acknowledged = history.change(site, change).await.map(|(_, acknowledged)| acknowledged);
            is_in = !is_in;
        }
    }
}

/// A member of a group, and the holder of a key with an owner who is disabled and enabled.
pub struct Toggled {
    pub member: Credential,
    pub owner: Credential,
    pub key: Credential,
}

impl Toggled {
    /// Signs in whom it takes, and makes the key.
    pub async fn prepare(site: &Site, [member, owner]: [&str; 2]) -> Self {
        let add = ["group", "add", EDITORS, &format!("{member}@example.com")];
        site.command(&add).await.unwrap();
        let sign_in =
            async |who: &str, url: &str| Credential::Session(site.signed_in(who, url).await.unwrap());
        let (member, session) = (sign_in(member, WIKI).await, sign_in(owner, CHAT).await);
        let of = format!("{owner}@example.com");
        let key = site.command(&key("hers", &["--owner", &of])).await.unwrap();
        let key = Credential::Key(site.browser(), key.trim().to_owned());
        Self { member, owner: session, key }
    }

    /// Memberships and people who are disabled, until it is over.
    pub async fn run(
        &self,
        site: &Site,
        load: &Load,
        history: &History,
        [member, owner]: [&str; 2],
        dice: Dice,
    ) {
        let (member, owner) = (format!("{member}@example.com"), format!("{owner}@example.com"));
        let tracks = [
            history.track("a member's session", false),
            // Disabling ends all sessions of a person.
            history.track("a disabled person's session", true),
            history.track("a disabled person's key", false),
        ];
        let asked = [(&self.member, WIKI), (&self.owner, CHAT), (&self.key, CHAT)];
        let asking = tracks.iter().zip(asked).flat_map(|(track, (credential, url))| {
            (0..ASKERS).map(move |_| track.ask(credential, url, move || load.is_over()))
        });
        let membership =
            Toggle { back: &["group", "add", EDITORS, &member], end: &["group", "remove", EDITORS, &member] };
        let standing = Toggle { back: &["user", "enable", &owner], end: &["user", "disable", &owner] };
        tokio::join!(
            futures_util::future::join_all(asking),
            membership.run(site, load, history, &tracks[..1], dice),
            standing.run(site, load, history, &tracks[1..], Dice(dice.0.rotate_left(17) | 1)),
        );
    }
}

fn key<'a>(name: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["key", "create", name, "--host", "chat.example.com"], more].concat()
}

/// Sessions and keys that are ended for good, one after another.
pub async fn end_for_good(
    site: Arc<Site>,
    load: Arc<Load>,
    history: Arc<History>,
    leavers: Vec<String>,
    mut dice: Dice,
) {
    let mut asking = JoinSet::new();
    for (number, leaver) in leavers.iter().cycle().enumerate() {
        if load.is_over() {
            break;
        }
        let is_key = number % 2 == 1;
        let Some((credential, what, end)) = begin(&site, &history, leaver, is_key, number).await else {
            sleep(PAUSE).await;
            continue;
        };
        let stored = Instant::now();
        let track = history.track(what, true);
        let has_ended = Arc::new(Mutex::new(None::<Instant>));
        for _ in 0..ASKERS {
            let (track, credential, load) = (Arc::clone(&track), credential.clone(), Arc::clone(&load));
            let has_ended = Arc::clone(&has_ended);
            asking.spawn(async move {
                let is_over = || {
                    let long_ago = |at: Instant| at.elapsed() > Duration::from_secs(4);
                    load.is_over() || locked(&has_ended).is_some_and(long_ago)
                };
                track.ask(&credential, CHAT, is_over).await;
            });
        }
        while_nothing_changes(&mut dice).await;
        let started_at = Instant::now();
        // A sign-in of the last moment may be lost with a primary of Redis.
        if is_key || !load.may_be_lost(stored) {
            locked(&track.ins).push(Out { acknowledged: stored, over: started_at });
        }
        let end: Vec<&str> = end.iter().map(String::as_str).collect();
        let mut ended = None;
        for _ in 0..ATTEMPTS {
            ended = history.change(&site, &end).await;
            if ended.is_some() || load.is_over() {
                break;
            }
        }
        if let Some((_, acknowledged)) = ended {
            let over = acknowledged + Duration::from_hours(1);
            locked(&track.outs).push(Out { acknowledged, over });
            // What is known of a key that has ended is in memory.
            if !is_key {
                load.has_ended(credential);
            }
        }
        *locked(&has_ended) = Some(Instant::now());
    }
    asking.join_all().await;
}

/// A new session or key, what it is called in a report, and the command that ends it.
async fn begin(
    site: &Site,
    history: &History,
    leaver: &str,
    is_key: bool,
    number: usize,
) -> Option<(Credential, String, Vec<String>)> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    if !is_key {
        let session = Credential::Session(site.signed_in(leaver, CHAT).await.ok()?);
        let end = words(&["session", "end", "--user", &format!("{leaver}@example.com")]);
        return Some((session, format!("session {number} of {leaver}"), end));
    }
    let name = format!("key-{number}");
    let (made, _) = history.change(site, &key(&name, &["--json"])).await?;
    let made: serde_json::Value = serde_json::from_str(&made).ok()?;
    let text = made["key"].as_str()?.to_owned();
    let end = words(&["key", "revoke", made["id"].as_str()?]);
    Some((Credential::Key(site.browser(), text), name, end))
}

#[test]
fn an_answer_as_before_a_change_is_late_from_a_second_after_it() {
    let (started_at, track) = (Instant::now(), Track::default());
    let at = |millis| started_at + Duration::from_millis(millis);
    locked(&track.ins).push(Out { acknowledged: at(0), over: at(10_000) });
    locked(&track.outs).push(Out { acknowledged: at(10_000), over: at(20_000) });
    for (sent, status) in [
        // As they must be.
        (5_000, 200),
        (15_000, 401),
        // Within the second.
        (900, 403),
        (10_900, 200),
        // Under way when the next change began.
        (9_990, 401),
        (19_990, 200),
        // Signed out, let in.
        (1_100, 401),
        (11_100, 200),
    ] {
        let answer = Answer { sent: at(sent), answered: at(sent + 20), status };
        locked(&track.answers).push(answer);
    }
    let late: Vec<u16> = track.late("it").iter().map(|late| late.answer.status).collect();
    assert_eq!(late, [401, 200]);
}
