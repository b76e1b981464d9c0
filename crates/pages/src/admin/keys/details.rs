//! One key: what it may, since when, and why it does not count.

use super::super::parts::ApiCall;
use super::facts::{KeyFacts, KeyPages, KeyState};
use crate::frame::Frame;
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{self, Moment};
use askama::Template;
use gatepost_core::clock::Timestamp;

/// One key. 200.
#[derive(Clone, Copy, Debug)]
pub struct KeyDetails<'a> {
    pub frame: Frame<'a>,
    pub pages: KeyPages,
    pub key: KeyFacts<'a>,
    /// Why it does not count, beside its state: sentences.
    pub obstacles: &'a [String],
    /// The reader may change and rotate it. Whoever sees a key may revoke it.
    pub may_change: bool,
    /// Whoever made it, as pages name them.
    pub maker: &'a str,
    pub now: Timestamp,
}

#[derive(Template)]
#[template(path = "keys/details.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a KeyDetails<'a>,
    here: String,
    state: KeyState,
    beginning: String,
    until: Option<Moment>,
    created_at: Moment,
    revoked_at: Option<Moment>,
    previous_until: Option<Moment>,
    last_used: Option<(Moment, String)>,
    owner: Option<(String, String)>,
    tenant: Option<(String, String)>,
    obstacles: Vec<String>,
    all_changes: Option<String>,
    /// Only administrators of the system see refusals.
    refusals: Option<String>,
    api: Vec<ApiCall>,
}

impl KeyDetails<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (key, is_portal) = (&self.key, self.pages == KeyPages::Portal);
        let state = key.state(self.now);
        let target = format!("key:{}", key.id);
        let own = match state {
            KeyState::Ended => Some("It has ended. Give it another end, or make another key.".to_owned()),
            KeyState::Revoked => Some("It was revoked, which is for good. Make another key.".to_owned()),
            KeyState::Stopped => {
                Some("Its owner is disabled. It counts again when the person is enabled.".to_owned())
            }
            KeyState::Valid | KeyState::EndsWithin(_) => None,
        };
        let api = format!("{}/{}", self.pages.api(), key.id);
        let view = View {
            chrome: Chrome::portal(key.name, &self.frame, self.pages.section(), Some(&[])),
            page: self,
            here: self.pages.key(key.id),
            state,
            beginning: key.beginning(),
            until: key.limits.expires_at.map(Moment),
            created_at: Moment(key.created_at),
            revoked_at: key.revoked_at.map(Moment),
            previous_until: key.previous_until.filter(|until| *until > self.now).map(Moment),
            last_used: key.last_used_at.map(|at| (Moment(at), words::ago(self.now.since(at)))),
            owner: key.owner_title().zip(key.owner).map(|(title, (id, _))| {
                let link = if is_portal { paths::admin_user(id) } else { paths::ACCOUNT.to_owned() };
                (link, title)
            }),
            tenant: key.tenant.map(|id| (paths::admin_tenant(id), id.to_string())),
            obstacles: own.into_iter().chain(self.obstacles.iter().cloned()).collect(),
            all_changes: is_portal.then(|| paths::query(paths::ADMIN_AUDIT, &[("target", Some(&target))])),
            refusals: (is_portal && self.frame.scope.is_system())
                .then(|| paths::query(paths::ADMIN_REFUSALS, &[("key", Some(&key.id.to_string()))])),
            api: vec![
                ApiCall::get(&api, &[]),
                ApiCall::of("PATCH", &api).if_match(key.version),
                ApiCall::of("POST", &format!("{api}/rotate")).if_match(key.version),
                ApiCall::of("DELETE", &api).if_match(key.version),
            ],
        };
        Page::public(200, render(&view), &[])
    }

    fn is_portal(&self) -> bool {
        self.pages == KeyPages::Portal
    }
}
