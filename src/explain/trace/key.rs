//! The step about an API key, in place of the steps about a person.

use super::Trace;
use crate::explain::facts::KeyRecords;
use crate::gate::case::{Case, Verdict};
use crate::gate::decide_key;
use gatepost_admin::explain::ExplainError;
use gatepost_core::api_key::{KeyDenial, NamedKey};
use gatepost_core::decision::Denial;
use gatepost_pages::explanation::{KeyFacts, Step, UtcTime};
use std::fmt::Display;

impl Trace<'_> {
    pub(super) async fn judge_key(&mut self, key: &KeyRecords, case: &Case<'_>) -> Result<(), ExplainError> {
        let verdict = if let Some(found) = &key.found {
            decide_key::explain(&self.context.site, case, found, self.at)
        } else {
            let key = NamedKey { id: key.record.id, name: key.record.name.as_str().into() };
            Verdict::of_key(Denial::Key(KeyDenial::Ended), key)
        };
        let problem = match &verdict {
            Verdict::Deny { denial: Denial::Key(denial), .. } => Some(denial.to_string()),
            _ => None,
        };
        let record = &key.record;
        let limits = &record.limits;
        self.steps.push(Step::Key(KeyFacts {
            id: record.id.to_string(),
            name: record.name.clone(),
            problem,
            scopes: texts(&limits.scopes),
            hosts: texts(&limits.hosts),
            networks: texts(&limits.networks),
            tools: texts(&limits.tools),
            groups: record.groups.clone(),
            tenant: record.tenant_id.clone(),
            owner: record.owner_id,
            expires_at: limits.expires_at.map(UtcTime),
            revoked_at: record.revoked_at.map(UtcTime),
        }));
        self.finish(case, verdict).await
    }
}

fn texts<T: Display>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}
