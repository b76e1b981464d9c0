//! The way of a request through `/verify`, walked once with notes.

use super::context::{Context, ExplainError};
use super::facts::{Demanded, Facts, Held};
use super::question::Question;
use super::steps::{
    AdminFacts, Answer, DecisionFacts, GroupFacts, GroupsFacts, HostFacts, MaxAgeFacts, Moment, OriginFacts,
    PathFacts, PersonFacts, Refresh, RequestFacts, RequirementFacts, SessionFacts, SessionsFacts,
    SourceFacts, Step, TenantFacts, TenantsFacts,
};
use crate::gate::case::{Case, Holder, Verdict};
use crate::gate::decide;
use crate::gate::forwarded::Forwarded;
use crate::gate::headers::Headers;
use crate::gate::identity_headers::Rendered;
use crate::gate::reply::{Reply, reason_of, reason_of_malformed};
use gatepost_core::auth_time::AuthTime;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{self, Check, Denial, Missing, Recheck, SessionTimes, SignInReason};
use gatepost_core::host::HostName;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_core::requirement::Requirement;
use gatepost_store::directory::{GroupLink, MembershipSource};
use gatepost_telemetry::Reason;
use hyper::header::HeaderValue;
use std::collections::BTreeSet;

/// So far.
pub(super) struct Trace<'a> {
    context: &'a Context,
    question: &'a Question,
    facts: &'a Facts,
    at: Timestamp,
    targets: BTreeSet<String>,
    pub(super) steps: Vec<Step>,
    pub(super) answer: Option<Answer>,
    pub(super) sign_in_first: Option<Answer>,
}

/// The session that the decision is about.
struct Judged {
    times: SessionTimes,
    verdict: Verdict,
}

impl<'a> Trace<'a> {
    pub(super) const fn new(
        context: &'a Context,
        question: &'a Question,
        facts: &'a Facts,
        at: Timestamp,
    ) -> Self {
        Self {
            context,
            question,
            facts,
            at,
            targets: BTreeSet::new(),
            steps: Vec::new(),
            answer: None,
            sign_in_first: None,
        }
    }

    /// Takes the steps of `/verify` in its order, up to the one where the request fails for everybody.
    pub(super) async fn walk(&mut self) -> Result<(), ExplainError> {
        let summary = &self.facts.record.summary;
        self.targets.extend(summary.email.iter().map(|email| format!("address:{email}")));
        self.targets.extend(["configuration".to_owned(), format!("user:{}", summary.id)]);
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
        let origin = self.context.site.hosts.find(&forwarded.host);
        let origin_text = origin.as_ref().map(ToString::to_string);
        self.steps.push(Step::Host(self.host(&forwarded.host, origin_text)));
        let Some(origin) = origin else {
            self.fail(403, Reason::UnknownHost);
            return Ok(());
        };
        let is_reserved = forwarded.reserved().is_some();
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
        let case = Case { forwarded: &forwarded, origin: &origin, requirement: &requirement };
        self.judge(&case).await
    }

    fn fail(&mut self, status: u16, reason: Reason) {
        self.steps.push(Step::Decision(DecisionFacts::of(reason, Missing::default())));
        self.answer = Some(Answer { status, headers: [].into() });
    }

    fn host(&self, name: &HostName, origin: Option<String>) -> HostFacts {
        HostFacts {
            name: name.to_string(),
            pattern: self.context.site.hosts.pattern_of(name).map(ToString::to_string),
            origin,
            is_public: name == self.context.site.config.public_url.host(),
        }
    }

    async fn judge(&mut self, case: &Case<'_>) -> Result<(), ExplainError> {
        let demanded = Demanded::load(self.context, case.requirement).await?;
        self.steps.push(Step::Person(self.person()));
        let judged = self.sessions(case);
        let denial = match &judged.verdict {
            Verdict::Deny { denial, .. } => Some(denial),
            Verdict::Allow(_) | Verdict::CannotKnow(_) => None,
        };
        self.steps.push(Step::Origin(self.origin(case)));
        let missing = decision::missing(case.requirement, &self.facts.standing.access).unwrap_or_default();
        self.steps.push(Step::Groups(self.groups(case.requirement, &demanded, &missing)));
        self.steps.push(Step::Tenants(self.tenants(case.requirement, &demanded, &missing)));
        self.steps.push(Step::Admin(self.admin(case.requirement)));
        if let Some(max_age) = case.requirement.max_age {
            let is_met = match denial {
                None => Some(true),
                Some(Denial::StepUp(_)) => Some(false),
                Some(_) => None,
            };
            let auth_time = judged.times.auth_time.known().map(Moment);
            self.steps.push(Step::MaxAge(MaxAgeFacts { max_age: max_age.as_secs(), auth_time, is_met }));
        }
        self.steps.push(Step::Decision(decision_facts(denial)));
        self.answer = Some(self.answer_of(&judged.verdict, case));
        self.note_targets(&demanded);
        Ok(())
    }

    fn person(&self) -> PersonFacts {
        let record = &self.facts.record;
        let summary = &record.summary;
        let mut providers: Vec<_> =
            record.identities.iter().map(|identity| identity.provider.clone()).collect();
        providers.dedup();
        PersonFacts {
            id: summary.id,
            email: summary.email.clone(),
            name: summary.name.clone(),
            disabled_at: summary.disabled_at.map(Moment),
            sessions_not_before: record.sessions_not_before.map(Moment),
            created_at: Moment(summary.created_at),
            last_sign_in_at: summary.last_sign_in_at.map(Moment),
            providers,
        }
    }

    /// Judges every session that there is; the last used one that lives is the one that all depends on, else one that
    /// has just begun.
    fn sessions(&mut self, case: &Case<'_>) -> Judged {
        let rendered = Rendered::new(&self.facts.standing, &self.context.site.config.verify);
        let no_sessions = Vec::new();
        let (held, problem) = match &self.facts.sessions {
            Ok(held) => (held, None),
            Err(error) => (&no_sessions, Some(gatepost_core::error_chain::Chain(error).to_string())),
        };
        let mut facts = SessionsFacts {
            sessions: Vec::new(),
            left_out: self.facts.left_out,
            begun_later: 0,
            is_assumed: false,
            problem,
        };
        let mut first_denial = None;
        let mut judged: Option<Judged> = None;
        for held in held {
            let times = self.context.site.times_of(&held.record, held.record.auth_time);
            // By the directory's clock, which may be ahead of ours: who asks about now means every session.
            if self.question.at.is_some_and(|at| times.begun_at > at) {
                facts.begun_later += 1;
                continue;
            }
            let holder = Holder { standing: &held.standing, times, headers: &rendered };
            let verdict = self.verdict(case, &holder);
            let lives = decision::live(&held.standing, &times, &self.context.site.lifetimes, self.at).is_ok();
            let is_judged = lives && judged.is_none();
            facts.sessions.push(self.session(held, &times, &verdict, is_judged));
            if is_judged {
                judged = Some(Judged { times, verdict });
            } else if let Verdict::Deny { denial, .. } = verdict {
                first_denial.get_or_insert(denial);
            }
        }
        facts.is_assumed = judged.is_none();
        self.steps.push(Step::Sessions(facts));
        judged.unwrap_or_else(|| {
            let denial = first_denial.unwrap_or(Denial::SignIn(SignInReason::NoSession));
            self.sign_in_first = Some(self.answer_to(&denial, case));
            self.assume(case, &rendered)
        })
    }

    fn assume(&self, case: &Case<'_>, rendered: &Rendered) -> Judged {
        let standing = &self.facts.standing;
        let begun_at = standing.sessions_not_before.map_or(self.at, |not_before| not_before.max(self.at));
        let times = SessionTimes {
            begun_at,
            auth_time: AuthTime::at(begun_at),
            last_seen_at: begun_at,
            checked_at: begun_at,
            recheck: Recheck::ByRefresh,
            unreachable_at: None,
        };
        let verdict = self.verdict(case, &Holder { standing, times, headers: rendered });
        Judged { times, verdict }
    }

    /// Nobody gets a signed assertion by asking what would be.
    fn verdict(&self, case: &Case<'_>, holder: &Holder<'_>) -> Verdict {
        decide::judge_at(&self.context.site, case, holder, self.at, |_| HeaderValue::from_static("..."))
    }

    fn session(&self, held: &Held, times: &SessionTimes, verdict: &Verdict, is_judged: bool) -> SessionFacts {
        let lifetimes = &self.context.site.lifetimes;
        SessionFacts {
            session: held.hash.to_string(),
            provider: held.record.provider.clone(),
            begun_at: Moment(times.begun_at),
            auth_time: times.auth_time.known().map(Moment),
            last_seen_at: Moment(times.last_seen_at),
            idle_until: Moment(times.last_seen_at.plus(lifetimes.idle)),
            expires_at: Moment(times.expires_at(lifetimes)),
            checked_at: (times.recheck != Recheck::Never).then_some(Moment(times.checked_at)),
            refresh: match times.check(self.at, lifetimes) {
                Check::NotDue => Refresh::NotDue,
                Check::InBackground => Refresh::InBackground,
                Check::AtNavigation => Refresh::AtNavigation,
                Check::First if times.recheck == Recheck::BySignIn => Refresh::BySignIn,
                Check::First => Refresh::First,
            },
            reason: match verdict {
                Verdict::Deny { denial, .. } => reason_of(denial),
                Verdict::Allow(_) | Verdict::CannotKnow(_) => Reason::Met,
            },
            is_judged,
        }
    }

    fn origin(&self, case: &Case<'_>) -> OriginFacts {
        OriginFacts {
            asker: self.question.asker.named(),
            is_cross_origin: case
                .forwarded
                .is_cross_origin(case.origin, &self.context.site.config.allowed_origins),
        }
    }

    fn groups(&self, requirement: &Requirement, demanded: &Demanded, missing: &Missing) -> GroupsFacts {
        let own = &self.facts.standing.access.groups;
        let required = requirement.groups.iter();
        GroupsFacts {
            required: required.clone().map(|name| self.group(name, demanded)).collect(),
            is_met: missing.groups.is_empty(),
            others: own
                .iter()
                .filter(|name| !requirement.groups.contains(name))
                .map(|name| self.group(name, demanded))
                .collect(),
        }
    }

    fn group(&self, name: &GroupName, demanded: &Demanded) -> GroupFacts {
        let is_member = self.facts.standing.access.groups.contains(name);
        let record = demanded.groups.get(name);
        let memberships = self.facts.memberships.iter().filter(|membership| membership.group == *name);
        let links = record.map(|record| record.links.iter().map(called).collect()).unwrap_or_default();
        let namesakes = self.facts.namesakes(name).map(called).collect();
        GroupFacts {
            name: name.clone(),
            is_member,
            sources: memberships.map(|membership| source(&membership.source)).collect(),
            exists: is_member || record.is_some(),
            links: if is_member { Vec::new() } else { links },
            namesakes: if is_member { Vec::new() } else { namesakes },
        }
    }

    fn tenants(&self, requirement: &Requirement, demanded: &Demanded, missing: &Missing) -> TenantsFacts {
        let tenant = |id: &TenantId| self.tenant(id, demanded);
        TenantsFacts {
            required: requirement.tenants.iter().map(tenant).collect(),
            is_met: missing.tenants.is_empty(),
            opened: self.facts.standing.access.tenants.iter().map(|(id, role)| (id.clone(), role)).collect(),
        }
    }

    fn tenant(&self, id: &TenantId, demanded: &Demanded) -> TenantFacts {
        let access = &self.facts.standing.access;
        let opened_by = demanded.tenants.get(id).map(|record| record.groups.clone()).unwrap_or_default();
        let mut through = opened_by.clone();
        through.retain(|group, _| access.groups.contains(group));
        TenantFacts {
            id: id.clone(),
            exists: demanded.tenants.contains_key(id),
            role: access.role_in(id),
            through,
            opened_by,
        }
    }

    fn admin(&self, requirement: &Requirement) -> AdminFacts {
        let admin = &self.facts.record.admin;
        AdminFacts {
            is_admin: self.facts.standing.access.is_admin,
            is_required: requirement.admin,
            explicit: admin.explicit,
            reasons: admin.reasons.clone(),
        }
    }

    fn answer_of(&self, verdict: &Verdict, case: &Case<'_>) -> Answer {
        match verdict {
            Verdict::Allow(headers) => {
                let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
                let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value)));
                Answer { status: 200, headers: headers.collect() }
            }
            Verdict::Deny { denial, .. } => self.answer_to(denial, case),
            Verdict::CannotKnow(_) => Answer { status: 503, headers: [].into() },
        }
    }

    fn answer_to(&self, denial: &Denial, case: &Case<'_>) -> Answer {
        let reply = Reply::to(denial, case.forwarded.kind(), case.requirement);
        let headers = match reply {
            // What is sealed into the real one is bound to a browser.
            Reply::Login(_) => {
                let login = self.context.site.public_address("/login", &[]);
                [("location".to_owned(), format!("{login}?to=..."))].into()
            }
            _ => [].into(),
        };
        Answer { status: reply.status(), headers }
    }

    fn note_targets(&mut self, demanded: &Demanded) {
        let access = &self.facts.standing.access;
        let groups = access.groups.iter().chain(demanded.groups.keys());
        self.targets.extend(groups.map(|name| format!("group:{name}")));
        let tenants = access.tenants.ids().chain(demanded.tenants.keys());
        self.targets.extend(tenants.map(|id| format!("tenant:{id}")));
        let links = demanded.groups.values().flat_map(|group| &group.links).chain(self.facts.links());
        self.targets.extend(links.map(|link| format!("provider_group:{}", link.external)));
    }

    /// What the audit calls everything that the decision depends on.
    pub(super) fn targets(&self) -> Vec<String> {
        self.targets.iter().cloned().collect()
    }
}

fn requirement_facts(
    query: &str,
    parsed: &Result<Requirement, gatepost_core::requirement::RequirementError>,
) -> RequirementFacts {
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

fn called(link: &GroupLink) -> String {
    link.external.to_string()
}

fn source(source: &MembershipSource) -> SourceFacts {
    match source {
        MembershipSource::Manual => SourceFacts::Manual,
        MembershipSource::Scim => SourceFacts::Scim,
        MembershipSource::Provider(link) => SourceFacts::Provider {
            external: called(link),
            display_name: link.display_name.clone(),
            link: link.source.as_str(),
        },
    }
}
