//! Explains whether a person's request would pass, and why: the steps of `/verify` with their results.
//!
//! Guarantees: nothing is decided here. Each step calls the code that `/verify` calls (the protected hosts, the
//! forwarded request, the requirement, the directory's standing, `gate::decide::judge_at`) and adds details: sources,
//! links, times. An explanation contains no secret: no cookie, no token, no query of an address.
//! [`gatepost_pages::explanation`] has its data and its words.

mod context;
mod facts;
mod past_request;
#[cfg(test)]
mod tests;
mod trace;

pub use context::Context;

use facts::{Facts, Subject};
use futures_util::future::LocalBoxFuture;
use gatepost_admin::access::missing;
use gatepost_admin::explain::{ExplainError, Explainer, Question};
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::RequestId;
use gatepost_core::requirement::Requirement;
use gatepost_pages::explanation::{Change, Changes, Explanation, PastRequest, RemedyFacts, Step, UtcTime};
use gatepost_runtime::stores::Stores;
use gatepost_store::directory::{AuditFilter, AuditRecord, DirectoryError};
use past_request::explain_request;
use std::time::Duration;
use trace::Trace;

/// How many audit records are shown at most.
const MAX_CHANGES: u32 = 50;
/// Audit actions that record an event and change no access.
const CHANGES_NOTHING: [&str; 2] = ["user.sign_in", "user.refuse"];

impl Explainer for Context {
    fn explain<'a>(
        &'a self,
        question: &'a Question,
    ) -> LocalBoxFuture<'a, Result<Explanation, ExplainError>> {
        Box::pin(explain(self, question))
    }

    fn explain_request(&self, id: RequestId) -> LocalBoxFuture<'_, Result<PastRequest, ExplainError>> {
        Box::pin(explain_request(self, id))
    }
}

async fn explain(context: &Context, question: &Question) -> Result<Explanation, ExplainError> {
    let subject = Subject::load(&context.stores, &question.asker).await?;
    let now = Timestamp::now();
    let at = question.at.unwrap_or(now);
    let mut trace = Trace::new(context, question, &subject, at);
    trace.walk().await?;
    let targets = trace.targets();
    let Trace { steps, answer, sign_in_first, .. } = trace;
    let remedy = match &subject {
        Subject::Person(facts) => find_remedy(context, question, facts, &steps).await?,
        Subject::Key(_) => None,
    };
    let changes = if at < now { Some(find_changes(&context.stores, at, &targets).await?) } else { None };
    Ok(Explanation {
        at: UtcTime(at),
        is_now: question.at.is_none(),
        steps,
        answer,
        sign_in_first,
        remedy,
        changes,
    })
}

/// What would let the person in, if access is what the person lacks.
async fn find_remedy(
    context: &Context,
    question: &Question,
    facts: &Facts,
    steps: &[Step],
) -> Result<Option<RemedyFacts>, DirectoryError> {
    let lacks_access = |step: &Step| match step {
        Step::Decision(decision) => {
            decision.missing_admin
                || !decision.missing_groups.is_empty()
                || !decision.missing_tenants.is_empty()
        }
        _ => false,
    };
    let Some(requirement) =
        Requirement::parse(&question.requirement).ok().filter(|_| steps.iter().any(lacks_access))
    else {
        return Ok(None);
    };
    let host_tenant = steps.iter().find_map(|step| match step {
        Step::Host(host) => host.tenant.as_ref(),
        _ => None,
    });
    let requirement = requirement.at(host_tenant, None);
    let user = &facts.record.summary;
    let remedy = missing::find_remedy(&context.stores.directory, user.id, &requirement).await?;
    let called = user.email.as_ref().map_or_else(|| user.id.to_string(), ToString::to_string);
    Ok(remedy.map(|remedy| remedy.facts(&called)))
}

/// Reads from the audit what has changed since `at`. The directory stores no history of memberships.
async fn find_changes(stores: &Stores, at: Timestamp, targets: &[String]) -> Result<Changes, DirectoryError> {
    let filter = AuditFilter {
        targets: targets.to_vec(),
        except: CHANGES_NOTHING.map(str::to_owned).to_vec(),
        since: Some(at.plus(Duration::from_secs(1))),
        ..AuditFilter::default()
    };
    let mut records = stores.directory.list_audit(&Scope::System, &filter, MAX_CHANGES + 1).await?;
    let is_cut = records.len() > MAX_CHANGES as usize;
    records.truncate(MAX_CHANGES as usize);
    records.reverse();
    let begins_at = stores.directory.audit_begins_at().await?;
    Ok(Changes {
        known_since: begins_at.filter(|begins_at| *begins_at > at).map(UtcTime),
        entries: records.into_iter().map(change).collect(),
        is_cut,
    })
}

fn change(record: AuditRecord) -> Change {
    let AuditRecord { at, actor, action, target, before, after, .. } = record;
    Change { at: UtcTime(at), actor: actor.to_string(), action, target, before, after }
}
