//! Would this person's request pass, and why: what `/verify` decides, step by step, for people.
//!
//! Guarantee: nothing is decided here. Each step asks the code that `/verify` asks (the protected hosts, the forwarded
//! request, the requirement, the directory's standing, `gate::decide::judge_at`) and adds what explains it: sources, links,
//! times. An explanation holds no secret: no cookie, no token, no query of an address.

mod context;
mod facts;
pub mod header_diagnosis;
mod question;
mod refused;
mod steps;
#[cfg(test)]
mod tests;
mod trace;
mod words;

pub use context::{Context, ExplainError};
pub use gatepost_core::asking::{AskedKind, Asker};
pub use question::{AskedUrl, AskedUrlError, Question, requirement_of_groups};
pub use refused::{PastRequest, RefusalFacts, explain_request};
pub use steps::{
    AdminFacts, Answer, Change, Changes, DecisionFacts, GroupFacts, GroupsFacts, HostFacts, Mark,
    MaxAgeFacts, Moment, OriginFacts, PathFacts, PersonFacts, Refresh, RequestFacts, RequirementFacts,
    SessionFacts, SessionsFacts, SourceFacts, Step, TenantFacts, TenantsFacts,
};

use facts::Facts;
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::{AuditFilter, AuditRecord, DirectoryError};
use serde_json::{Value, json};
use std::time::Duration;
use trace::Trace;

/// Lines of the audit that are shown.
const MAX_CHANGES: u32 = 50;
/// Lines of the audit that say what happened, not what changed.
const CHANGES_NOTHING: [&str; 2] = ["user.sign_in", "user.refuse"];

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
pub async fn explain(context: &Context, question: &Question) -> Result<Explanation, ExplainError> {
    let facts = Facts::load(context, &question.user).await?;
    let now = Timestamp::now();
    let at = question.at.unwrap_or(now);
    let mut trace = Trace::new(context, question, &facts, at);
    trace.walk().await?;
    let targets = trace.targets();
    let Trace { steps, answer, sign_in_first, .. } = trace;
    let changes = if at < now { Some(find_changes(context, at, &targets).await?) } else { None };
    Ok(Explanation { at: Moment(at), is_now: question.at.is_none(), steps, answer, sign_in_first, changes })
}

/// The directory keeps no history of memberships, but it says what was changed.
async fn find_changes(
    context: &Context,
    at: Timestamp,
    targets: &[String],
) -> Result<Changes, DirectoryError> {
    let filter = AuditFilter {
        targets: targets.to_vec(),
        except: CHANGES_NOTHING.map(str::to_owned).to_vec(),
        since: Some(at.plus(Duration::from_secs(1))),
        ..AuditFilter::default()
    };
    let mut records = context.stores.directory.list_audit(&filter, MAX_CHANGES + 1).await?;
    let is_cut = records.len() > MAX_CHANGES as usize;
    records.truncate(MAX_CHANGES as usize);
    records.reverse();
    let begins_at = context.stores.directory.audit_begins_at().await?;
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
