//! Would this person's request pass, and why: what `/verify` decides, step by step, for people.
//!
//! Guarantee: nothing is decided here. Each step asks the code that `/verify` asks (the protected hosts, the forwarded
//! request, the requirement, the directory's standing, `verify::judge_at`) and adds what explains it: sources, links,
//! times. An explanation holds no secret: no cookie, no token, no query of an address.

mod evidence;
mod question;
mod refused;
mod steps;
#[cfg(test)]
mod tests;
mod trail;
mod words;

pub use gatepost_core::asking::{AskedKind, Asker};
pub use question::{AskedUrl, AskedUrlError, Question, requirement_of_groups};
pub use refused::{PastRequest, RefusalFacts, explain_request};
pub use steps::{
    AdminFacts, Answer, Change, Changes, DecisionFacts, GroupFacts, GroupsFacts, HostFacts, Mark,
    MaxAgeFacts, Moment, OriginFacts, PathFacts, PersonFacts, Refresh, RequestFacts, RequirementFacts,
    SessionFacts, SessionsFacts, SourceFacts, Step, TenantFacts, TenantsFacts,
};

use crate::state::State;
use evidence::Evidence;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::RequestId;
use gatepost_store::directory::{AuditFilter, AuditRecord, DirectoryError, UserKey};
use serde_json::{Value, json};
use std::time::Duration;
use trail::Trail;

/// Lines of the audit that are shown.
const MAX_CHANGES: u32 = 50;
/// Lines of the audit that say what happened, not what changed.
const CHANGES_NOTHING: [&str; 2] = ["user.sign_in", "user.refuse"];

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// Nobody has this id, or this address.
    #[error("there is no user {user}")]
    UnknownUser {
        /// Who was asked about.
        user: UserKey,
        /// Addresses that are nearly the same, the most alike first.
        similar: Vec<String>,
    },
    /// No refusal and no change has this number, or not any more.
    #[error("nothing is kept of a request {0}")]
    UnknownRequest(RequestId),
    /// The directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl ExplainError {
    fn unknown(user: &UserKey) -> Self {
        Self::UnknownUser { user: user.clone(), similar: Vec::new() }
    }
}

/// What `/verify` decides about a request, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The time that it is about.
    pub at: Moment,
    /// That is the present.
    pub is_now: bool,
    /// In the order in which `/verify` takes them.
    pub steps: Vec<Step>,
    /// What it answers; `None`: Gatepost itself answers below `/.gatepost/`, never with 200.
    pub answer: Option<Answer>,
    /// The person has no session that lives: what it answers first. [`Self::answer`] is for after the sign-in.
    pub sign_in_first: Option<Answer>,
    /// For a time that is past.
    pub changes: Option<Changes>,
}

impl Explanation {
    /// The decision, the last of the steps.
    pub fn decision(&self) -> Option<&DecisionFacts> {
        self.steps.iter().rev().find_map(|step| match step {
            Step::Decision(decision) => Some(decision),
            _ => None,
        })
    }

    /// For programs: names that stay as they are, times as RFC 3339.
    pub fn to_json(&self) -> Value {
        let step = |step: &Step| {
            let mut value = json!(step);
            value["mark"] = json!(step.mark());
            value["text"] = step.says().into();
            value
        };
        json!({
            "at": self.at,
            "is_now": self.is_now,
            "allowed": self.decision().is_some_and(|decision| decision.is_allowed),
            "reason": self.decision().map(|decision| decision.reason),
            "answer": self.answer,
            "sign_in_first": self.sign_in_first,
            "steps": self.steps.iter().map(step).collect::<Vec<_>>(),
            "changed_since": self.changes,
        })
    }
}

/// Explains a request. Must be called within a runtime.
///
/// # Errors
/// [`ExplainError`]. A host that is not protected, a requirement that cannot be read, a session store that does not
/// answer are explanations.
pub async fn explain(state: &State, question: &Question) -> Result<Explanation, ExplainError> {
    let evidence = Evidence::load(state, &question.user).await?;
    let now = Timestamp::now();
    let at = question.at.unwrap_or(now);
    let mut trail = Trail::new(state, question, &evidence, at);
    trail.walk().await?;
    let targets = trail.targets();
    let Trail { steps, answer, sign_in_first, .. } = trail;
    let changes = if at < now { Some(find_changes(state, at, &targets).await?) } else { None };
    Ok(Explanation { at: Moment(at), is_now: question.at.is_none(), steps, answer, sign_in_first, changes })
}

/// The directory keeps no history of memberships, but it says what was changed.
async fn find_changes(state: &State, at: Timestamp, targets: &[String]) -> Result<Changes, DirectoryError> {
    let filter = AuditFilter {
        targets: targets.to_vec(),
        except: CHANGES_NOTHING.map(str::to_owned).to_vec(),
        since: Some(at.plus(Duration::from_secs(1))),
        ..AuditFilter::default()
    };
    let mut records = state.directory.list_audit(&filter, MAX_CHANGES + 1).await?;
    let is_cut = records.len() > MAX_CHANGES as usize;
    records.truncate(MAX_CHANGES as usize);
    records.reverse();
    let begins_at = state.directory.audit_begins_at().await?;
    Ok(Changes {
        known_since: begins_at.filter(|begins_at| *begins_at > at).map(Moment),
        entries: records.into_iter().map(Change::from).collect(),
        is_cut,
    })
}

impl From<AuditRecord> for Change {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { at, actor, action, target, before, after, .. } = record;
        Self { at: Moment(at), actor: actor.to_string(), action, target, before, after }
    }
}
