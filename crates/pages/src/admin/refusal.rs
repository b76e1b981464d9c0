//! A refusal: what happened, whether the same request would pass now, and a form that gives what is missing.

use super::ends::{Ends, EnteredEnd};
use super::parts::ApiCall;
use crate::explanation::{Explanation, GrantFacts, Mark, PastRequest, RefusalFacts, RemedyFacts, Step};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, Tone, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{Moment, capitalised};
use askama::Template;
use gatepost_core::clock::Timestamp;
use serde_json::json;

/// 200: a refusal. 400, if the form was wrong.
#[derive(Clone, Copy, Debug)]
pub struct RefusalDetails<'a> {
    pub frame: Frame<'a>,
    pub past: &'a PastRequest,
    pub refused: &'a RefusalFacts,
    pub form: &'a GrantingForm,
    pub now: Timestamp,
}

/// The form that gives what is missing, as it was sent.
#[derive(Clone, Debug, Default)]
pub struct GrantingForm {
    /// The choices, one for each step.
    pub chosen: Vec<String>,
    pub end: EnteredEnd,
    pub end_error: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "admin/refusal.html")]
struct View<'a> {
    chrome: Chrome,
    refused: &'a RefusalFacts,
    who: String,
    /// The page of who was refused. `None`: an application.
    link: Option<String>,
    /// The name of the key that sent it for a person, and its page.
    by_key: Option<(String, Option<String>)>,
    at: Moment,
    now: Option<NowView>,
    grant: Option<GrantView<'a>>,
    api: Vec<ApiCall>,
}

/// Whether the same request would pass now.
struct NowView {
    passes: bool,
    /// Why it does not pass, as a sentence. Empty: it passes.
    reason: String,
    steps: Vec<StepView>,
    obstacles: Vec<String>,
}

struct StepView {
    title: String,
    mark: &'static str,
    class: &'static str,
    text: String,
    details: Vec<String>,
}

struct GrantView<'a> {
    action: String,
    heading: String,
    steps: Vec<GrantStep>,
    ends: Ends<'a>,
}

/// One choice of it is enough.
struct GrantStep {
    name: String,
    legend: &'static str,
    choices: Vec<GrantChoice>,
}

struct GrantChoice {
    value: String,
    text: String,
    remark: &'static str,
    is_chosen: bool,
}

impl RefusalDetails<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let refused = self.refused;
        let who = refused.who();
        let of_key = refused.key_id.map(paths::admin_key);
        let (link, by_key) = if refused.is_person {
            let by_key = refused.via.clone().map(|name| (name, of_key));
            (Some(paths::admin_user(refused.user_id)), by_key)
        } else {
            (of_key, None)
        };
        let now = self.past.now.as_ref().map(present);
        let remedy = self.past.now.as_ref().and_then(|now| now.remedy.as_ref());
        let grant = remedy.filter(|remedy| !remedy.steps.is_empty()).map(|remedy| self.grant(remedy, &who));
        let tone = if now.as_ref().is_some_and(|now| now.passes) { Tone::Calm } else { Tone::Stop };
        let number = self.past.id;
        let above = [("Refusals", paths::ADMIN_REFUSALS.to_owned())];
        let chrome = Chrome::portal("A refusal", &self.frame, Section::Access, Some(&above));
        let view = View {
            chrome: chrome.with_tone(tone),
            refused,
            link,
            by_key,
            at: Moment(refused.at.0),
            now,
            grant,
            api: vec![ApiCall::of("POST", "/explain").with_body(&json!({ "request": number.to_string() }))],
            who,
        };
        Page::public(if self.form.end_error.is_some() { 400 } else { 200 }, render(&view), &[])
    }

    fn grant(&self, remedy: &RemedyFacts, who: &str) -> GrantView<'_> {
        let step = |(place, choices): (usize, &Vec<GrantFacts>)| {
            let chosen = self.form.chosen.get(place);
            let chosen = choices.iter().position(|grant| Some(&grant.key()) == chosen).unwrap_or(0);
            let choice = |(at, grant): (usize, &GrantFacts)| choice(grant, at == chosen);
            GrantStep {
                name: format!("step{place}"),
                legend: if choices.len() > 1 { "One of these is enough" } else { "What is missing" },
                choices: choices.iter().enumerate().map(choice).collect(),
            }
        };
        GrantView {
            action: format!("{}/grant", paths::admin_refusal(self.past.id)),
            heading: format!("Let {who} in"),
            steps: remedy.steps.iter().enumerate().map(step).collect(),
            ends: Ends::new("granting", "How long?", &self.form.end, self.form.end_error, self.now),
        }
    }
}

fn choice(grant: &GrantFacts, is_chosen: bool) -> GrantChoice {
    let name = grant.name.as_deref().unwrap_or_default();
    let text = match &*grant.kind {
        "group" => format!("Add to the group {name}"),
        "tenant" => format!("Add to the tenant {name}, as a member"),
        _ => "Make an administrator of the system".to_owned(),
    };
    let remark = match (grant.is_new, grant.makes_admin && grant.kind == "group") {
        (_, true) => "Its members are administrators of the system.",
        (true, false) => "This group does not exist yet. It is created.",
        (false, false) => "",
    };
    GrantChoice { value: grant.key(), text, remark, is_chosen }
}

fn present(explanation: &Explanation) -> NowView {
    let passes = explanation.decision().is_some_and(|decision| decision.is_allowed);
    let step = |step: &Step| {
        let (mark, class) = match step.mark() {
            Mark::Ok => ("ok", ""),
            Mark::No => ("no", "wrong"),
            Mark::Note => ("note", "aside"),
        };
        let title = capitalised(step.title());
        StepView { title, mark, class, text: step.text(), details: step.details() }
    };
    let decision = explanation.steps.iter().rev().find(|step| matches!(step, Step::Decision(_)));
    // The decision names what is missing. Of a key that counts no more the step about it says more.
    let of_key =
        explanation.steps.iter().find(|step| matches!(step, Step::Key(_)) && step.mark() == Mark::No);
    let reason = of_key.map(|step| format!("The key {}.", step.text()));
    let reason = reason.or_else(|| decision.map(|step| format!("{}.", capitalised(&step.text()))));
    NowView {
        passes,
        reason: reason.filter(|_| !passes).unwrap_or_default(),
        steps: explanation.steps.iter().map(step).collect(),
        obstacles: explanation.remedy.iter().flat_map(|remedy| remedy.obstacles.clone()).collect(),
    }
}
