//! Takes the steps of `/verify` for one request and records them.

mod access;
mod key;
mod sessions;
mod tool;

use super::context::Context;
use super::facts::{Facts, RequiredRecords, Subject};
use crate::gate::case::{Case, Verdict};
use crate::gate::forwarded::Forwarded;
use crate::gate::reply::{Reply, reason_of, reason_of_malformed};
use gatepost_admin::explain::{ExplainError, Question};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{self, Denial, Missing};
use gatepost_core::host::HostName;
use gatepost_core::requirement::{Requirement, RequirementError};
use gatepost_pages::explanation::{
    Answer, DecisionFacts, HostFacts, MaxAgeFacts, OriginFacts, PathFacts, PersonFacts, RequestFacts,
    RequirementFacts, Step, UtcTime,
};
use gatepost_runtime::headers::Headers;
use gatepost_runtime::hosts::Protected;
use gatepost_telemetry::Reason;
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use std::collections::BTreeSet;

/// The steps that were recorded so far.
pub(super) struct Trace<'a> {
    context: &'a Context,
    question: &'a Question,
    subject: &'a Subject,
    at: Timestamp,
    /// What the audit calls everything that the decision depends on.
    targets: BTreeSet<String>,
    pub(super) steps: Vec<Step>,
    pub(super) answer: Option<Answer>,
    pub(super) sign_in_first: Option<Answer>,
}

impl<'a> Trace<'a> {
    pub(super) const fn new(
        context: &'a Context,
        question: &'a Question,
        subject: &'a Subject,
        at: Timestamp,
    ) -> Self {
        Self {
            context,
            question,
            subject,
            at,
            targets: BTreeSet::new(),
            steps: Vec::new(),
            answer: None,
            sign_in_first: None,
        }
    }

    /// Records the steps of `/verify` in its order. Stops early if a step refuses the request for every person.
    pub(super) async fn walk(&mut self) -> Result<(), ExplainError> {
        self.targets.insert("configuration".to_owned());
        match self.subject {
            Subject::Person(facts) => {
                let summary = &facts.record.summary;
                self.targets.extend(summary.email.iter().map(|email| format!("address:{email}")));
                self.targets.insert(format!("user:{}", summary.id));
            }
            Subject::Key(key) => drop(self.targets.insert(format!("key:{}", key.record.id))),
        }
        let headers = self.question.headers();
        let forwarded = Forwarded::parse(Headers::new(&headers), self.context.site.config.is_development());
        let problem = forwarded.as_ref().err().map(ToString::to_string);
        self.steps.push(Step::Request(RequestFacts {
            method: self.question.method.to_string(),
            url: self.question.url.to_string(),
            problem,
        }));
        let forwarded = match forwarded {
            Ok(forwarded) => forwarded,
            Err(malformed) => {
                self.fail(400, reason_of_malformed(&malformed));
                return Ok(());
            }
        };
        let host = self.context.hosts.find(&forwarded.host).await?;
        self.steps.push(Step::Host(self.host(&forwarded.host, host.as_ref())));
        let Some(host) = host else {
            self.fail(403, Reason::UnknownHost);
            return Ok(());
        };
        let is_reserved = forwarded.gate_endpoint().is_some();
        self.steps.push(Step::Path(PathFacts { is_reserved }));
        if is_reserved {
            self.steps.push(Step::Decision(DecisionFacts::of(Reason::Asked, Missing::default())));
            return Ok(());
        }
        let requirement = Requirement::parse(&self.question.requirement);
        self.steps.push(Step::Requirement(requirement_facts(&self.question.requirement, &requirement)));
        let Ok(requirement) = requirement else {
            self.fail(500, Reason::MalformedRequirement);
            return Ok(());
        };
        let default_tenant = self.context.site.config.default_tenant.as_ref();
        let requirement = requirement.at(host.tenant(), default_tenant);
        let case = Case {
            forwarded: &forwarded,
            origin: host.origin(),
            requirement: &requirement,
            query: &self.question.requirement,
        };
        match self.subject {
            Subject::Person(facts) => self.judge(facts, &case).await,
            Subject::Key(key) => self.judge_key(key, &case).await,
        }
    }

    fn fail(&mut self, status: u16, reason: Reason) {
        self.steps.push(Step::Decision(DecisionFacts::of(reason, Missing::default())));
        self.answer = Some(Answer { status, headers: [].into() });
    }

    fn host(&self, name: &HostName, found: Option<&Protected<'_>>) -> HostFacts {
        HostFacts {
            name: name.to_string(),
            pattern: self.context.site.hosts.pattern_of(name).map(ToString::to_string),
            origin: found.map(|host| host.origin().to_string()),
            tenant: found.and_then(Protected::tenant).cloned(),
            is_public: name == self.context.site.config.public_url.host(),
        }
    }

    async fn judge(&mut self, facts: &Facts, case: &Case<'_>) -> Result<(), ExplainError> {
        let required_records = RequiredRecords::load(&self.context.stores, case.requirement).await?;
        self.steps.push(Step::Person(person(facts)));
        let judged = self.sessions(facts, case);
        let denial = match &judged.verdict {
            Verdict::Deny { denial, .. } => Some(denial),
            Verdict::Allow { .. } | Verdict::AskTools(_) | Verdict::CannotKnow(_) => None,
        };
        self.steps.push(Step::Origin(self.origin(case)));
        let missing = decision::missing(case.requirement, &facts.standing.access).unwrap_or_default();
        self.steps.push(Step::Groups(facts.groups(case.requirement, &required_records, &missing)));
        self.steps.push(Step::Tenants(facts.tenants(case.requirement, &required_records, &missing)));
        self.steps.push(Step::Admin(facts.admin(case.requirement)));
        if let Some(max_age) = case.requirement.max_age {
            let is_met = match denial {
                None => Some(true),
                Some(Denial::StepUp(_)) => Some(false),
                Some(_) => None,
            };
            let auth_time = judged.times.auth_time.known().map(UtcTime);
            self.steps.push(Step::MaxAge(MaxAgeFacts { max_age: max_age.as_secs(), auth_time, is_met }));
        }
        self.finish(case, judged.verdict).await?;
        self.note_targets(facts, &required_records);
        Ok(())
    }

    /// The steps about the tool server and the decision, and the answer.
    async fn finish(&mut self, case: &Case<'_>, verdict: Verdict) -> Result<(), ExplainError> {
        let (verdict, reason) = self.tool(case, verdict).await?;
        let denial = match &verdict {
            Verdict::Deny { denial, .. } => Some(denial),
            Verdict::Allow { .. } | Verdict::AskTools(_) | Verdict::CannotKnow(_) => None,
        };
        let facts = decision_facts(denial);
        self.steps.push(Step::Decision(DecisionFacts { reason: reason.unwrap_or(facts.reason), ..facts }));
        self.answer = Some(self.answer_of(&verdict, case));
        Ok(())
    }

    fn origin(&self, case: &Case<'_>) -> OriginFacts {
        OriginFacts {
            asker: self.question.initiator.to_origin_header(),
            is_cross_origin: case
                .forwarded
                .is_cross_origin(case.origin, &self.context.site.config.allowed_origins),
        }
    }

    fn answer_of(&self, verdict: &Verdict, case: &Case<'_>) -> Answer {
        match verdict {
            Verdict::Allow { headers, .. } => allowed(headers),
            Verdict::AskTools(passage) => allowed(passage.headers()),
            Verdict::Deny { denial, .. } => self.answer_to(denial, case),
            Verdict::CannotKnow(_) => Answer { status: 503, headers: [].into() },
        }
    }

    fn answer_to(&self, denial: &Denial, case: &Case<'_>) -> Answer {
        let reply = Reply::to(denial, case.forwarded.kind(), case.requirement);
        let headers = match reply {
            // The real address contains a value that is sealed for one browser.
            Reply::RedirectToLogin(_) => {
                let login = self.context.site.public_address("/login", &[]);
                [("location".to_owned(), format!("{login}?to=..."))].into()
            }
            _ => [].into(),
        };
        Answer { status: reply.status(), headers }
    }

    fn note_targets(&mut self, facts: &Facts, required_records: &RequiredRecords) {
        let access = &facts.standing.access;
        let groups = access.groups.iter().chain(required_records.groups.keys());
        self.targets.extend(groups.map(|name| format!("group:{name}")));
        let tenants = access.tenants.ids().chain(required_records.tenants.keys());
        self.targets.extend(tenants.map(|id| format!("tenant:{id}")));
        let links = required_records.groups.values().flat_map(|group| &group.links).chain(facts.links());
        self.targets.extend(links.map(|link| format!("provider_group:{}", link.external)));
    }

    /// The targets under which the audit records changes that affect this decision.
    pub(super) fn targets(&self) -> Vec<String> {
        self.targets.iter().cloned().collect()
    }
}

fn person(facts: &Facts) -> PersonFacts {
    let record = &facts.record;
    let summary = &record.summary;
    let mut providers: Vec<_> = record.identities.iter().map(|identity| identity.provider.clone()).collect();
    providers.dedup();
    PersonFacts {
        id: summary.id,
        email: summary.email.clone(),
        name: summary.name.clone(),
        disabled_at: summary.disabled_at.map(UtcTime),
        sessions_not_before: record.sessions_not_before.map(UtcTime),
        created_at: UtcTime(summary.created_at),
        last_sign_in_at: summary.last_sign_in_at.map(UtcTime),
        providers,
    }
}

fn requirement_facts(query: &str, parsed: &Result<Requirement, RequirementError>) -> RequirementFacts {
    let empty = Requirement::default();
    let requirement = parsed.as_ref().unwrap_or(&empty);
    RequirementFacts {
        query: query.to_owned(),
        problem: parsed.as_ref().err().map(ToString::to_string),
        groups: requirement.groups.clone(),
        tenants: requirement.tenants.clone(),
        admin: requirement.admin,
        max_age: requirement.max_age.map(|age| age.as_secs()),
        api: requirement.api,
        assertion: requirement.assertion,
    }
}

fn decision_facts(denial: Option<&Denial>) -> DecisionFacts {
    match denial {
        None => DecisionFacts::of(Reason::Met, Missing::default()),
        Some(denial @ Denial::Forbidden(missing)) => DecisionFacts::of(reason_of(denial), missing.clone()),
        Some(denial) => DecisionFacts::of(reason_of(denial), Missing::default()),
    }
}

fn allowed(headers: &HeaderMap) -> Answer {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value)));
    Answer { status: 200, headers: headers.collect() }
}
