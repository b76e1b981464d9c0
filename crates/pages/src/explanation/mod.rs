//! The explanation of a decision: the steps of `/verify` with their results, in words and as JSON. A page and the command
//! line show the same.

mod past_request;
mod remedy;
mod steps;
#[cfg(test)]
mod tests;
mod text;

pub use past_request::{PastRequest, RefusalFacts};
pub use remedy::{GrantFacts, RemedyFacts};
pub use steps::{
    AdminFacts, Answer, Change, Changes, DecisionFacts, GroupFacts, GroupsFacts, HostFacts, KeyFacts, Mark,
    MaxAgeFacts, OriginFacts, PathFacts, PersonFacts, Refresh, RequestFacts, RequirementFacts, SessionFacts,
    SessionsFacts, SourceFacts, Step, TenantFacts, TenantsFacts, ToolFacts, UtcTime,
};

use serde::Deserialize;
use serde_json::{Value, json};

/// What `/verify` decides about a request, and why. It can be read from its JSON again, which an installation elsewhere sends.
#[derive(Clone, Debug, Deserialize)]
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
    /// What would let the person in now. `None`: nothing is missing, or something else than access is.
    pub remedy: Option<RemedyFacts>,
    /// What has changed since [`Self::at`], if that is in the past.
    #[serde(rename = "changed_since")]
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
            "remedy": self.remedy,
            "changed_since": self.changes,
        })
    }
}
