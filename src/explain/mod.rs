//! Explains whether a person's request would pass, and why: the steps of `/verify` with their results.
//!
//! Guarantees: nothing is decided here. Each step calls the code that `/verify` calls (the protected hosts, the
//! forwarded request, the requirement, the directory's standing, `gate::decide::judge_at`) and adds details: sources,
//! links, times. An explanation contains no secret: no cookie, no token, no query of an address.

mod context;
mod facts;
pub mod header_diagnosis;
mod past_request;
mod question;
mod steps;
#[cfg(test)]
mod tests;
mod text;
mod trace;

pub use context::{Context, ExplainError};
pub use gatepost_core::request_mode::{Initiator, RequestMode};
pub use past_request::{PastRequest, RefusalFacts, explain_request};
pub use question::{Question, RequestUrl, RequestUrlError, requirement_of_groups};
pub use steps::{
    AdminFacts, Answer, Change, Changes, DecisionFacts, GroupFacts, GroupsFacts, HostFacts, Mark,
    MaxAgeFacts, OriginFacts, PathFacts, PersonFacts, Refresh, RequestFacts, RequirementFacts, SessionFacts,
    SessionsFacts, SourceFacts, Step, TenantFacts, TenantsFacts, UtcTime,
};

use crate::stores::Stores;
use facts::Facts;
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::{AuditFilter, AuditRecord, DirectoryError};
use serde_json::{Value, json};
use std::time::Duration;
use trace::Trace;

/// How many audit records are shown at most.
const MAX_CHANGES: u32 = 50;
/// Audit actions that record an event and change no access.
const CHANGES_NOTHING: [&str; 2] = ["user.sign_in", "user.refuse"];

/// What `/verify` decides about a request, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The time for which the request is explained.
    pub at: UtcTime,
    /// Whether that time is now.
    pub is_now: bool,
    /// The steps in the order of `/verify`.
    pub steps: Vec<Step>,
    /// The answer of `/verify`. `None`: the path is below `/.gatepost/`, where Gatepost itself answers and never with
    /// 200.
    pub answer: Option<Answer>,
    /// The first answer if the person has no valid session. [`Self::answer`] is then the one after the sign-in.
    pub sign_in_first: Option<Answer>,
    /// What has changed since [`Self::at`], if that is in the past.
    pub changes: Option<Changes>,
}

impl Explanation {
    /// The decision, which is the last step.
    pub fn decision(&self) -> Option<&DecisionFacts> {
        self.steps.iter().rev().find_map(|step| match step {
            Step::Decision(decision) => Some(decision),
            _ => None,
        })
    }

    /// The explanation for programs. Its names are stable. Times are RFC 3339.
    pub fn to_json(&self) -> Value {
        let step = |step: &Step| {
            let mut value = json!(step);
            value["mark"] = json!(step.mark());
            value["text"] = step.text().into();
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

/// Explains a request.
///
/// # Errors
/// [`ExplainError`]. A host that is not protected, an invalid requirement and a session store that does not answer are
/// no errors: the explanation contains them.
pub async fn explain(context: &Context, question: &Question) -> Result<Explanation, ExplainError> {
    let facts = Facts::load(&context.stores, &question.user).await?;
    let now = Timestamp::now();
    let at = question.at.unwrap_or(now);
    let mut trace = Trace::new(context, question, &facts, at);
    trace.walk().await?;
    let targets = trace.targets();
    let Trace { steps, answer, sign_in_first, .. } = trace;
    let changes = if at < now { Some(find_changes(&context.stores, at, &targets).await?) } else { None };
    Ok(Explanation { at: UtcTime(at), is_now: question.at.is_none(), steps, answer, sign_in_first, changes })
}

/// Reads from the audit what has changed since `at`. The directory stores no history of memberships.
async fn find_changes(stores: &Stores, at: Timestamp, targets: &[String]) -> Result<Changes, DirectoryError> {
    let filter = AuditFilter {
        targets: targets.to_vec(),
        except: CHANGES_NOTHING.map(str::to_owned).to_vec(),
        since: Some(at.plus(Duration::from_secs(1))),
        ..AuditFilter::default()
    };
    let mut records = stores.directory.list_audit(&filter, MAX_CHANGES + 1).await?;
    let is_cut = records.len() > MAX_CHANGES as usize;
    records.truncate(MAX_CHANGES as usize);
    records.reverse();
    let begins_at = stores.directory.audit_begins_at().await?;
    Ok(Changes {
        known_since: begins_at.filter(|begins_at| *begins_at > at).map(UtcTime),
        entries: records.into_iter().map(Change::from).collect(),
        is_cut,
    })
}

impl From<AuditRecord> for Change {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { at, actor, action, target, before, after, .. } = record;
        Self { at: UtcTime(at), actor: actor.to_string(), action, target, before, after }
    }
}
