//! The step about the person's sessions.

use super::Trace;
use crate::explain::facts::{Facts, StoredSession};
use crate::gate::case::{Caller, Case, Verdict};
use crate::gate::decide;
use crate::gate::reply::reason_of;
use gatepost_core::decision::{self, Denial, Permit, Recheck, RefreshDue, SessionTimes, SignInReason};
use gatepost_core::error_chain::Chain;
use gatepost_pages::explanation::{Refresh, SessionFacts, SessionsFacts, Step, UtcTime};
use gatepost_runtime::identity_headers::IdentityHeaders;
use gatepost_telemetry::Reason;
use hyper::header::HeaderValue;

/// The session that the decision is about, and that decision.
pub(super) struct EvaluatedSession {
    pub(super) times: SessionTimes,
    pub(super) verdict: Verdict,
}

impl Trace<'_> {
    /// Decides for each session, and records the step. Returns the decision of the most recently used valid session, or
    /// of a new session if none is valid.
    pub(super) fn sessions(&mut self, person: &Facts, case: &Case<'_>) -> EvaluatedSession {
        let rendered = IdentityHeaders::new(&person.standing, &self.context.site.config.verify);
        let no_sessions = Vec::new();
        let (sessions, problem) = match &person.sessions {
            Ok(sessions) => (sessions, None),
            Err(error) => (&no_sessions, Some(Chain(error).to_string())),
        };
        let mut facts = SessionsFacts {
            sessions: Vec::new(),
            left_out: person.left_out,
            begun_later: 0,
            is_assumed: false,
            problem,
        };
        let mut first_denial = None;
        let mut evaluated: Option<EvaluatedSession> = None;
        for stored in sessions {
            let times = self.context.site.times_of(&stored.record, stored.record.auth_time);
            // Start times come from the directory's clock, which may be ahead of this one. A question about now
            // includes all sessions.
            if self.question.at.is_some_and(|at| times.started_at > at) {
                facts.begun_later += 1;
                continue;
            }
            let caller = Caller { standing: &stored.standing, times, headers: &rendered };
            let verdict = self.verdict(case, &caller);
            let is_valid =
                decision::require_live(&stored.standing, &times, &self.context.site.lifetimes, self.at)
                    .is_ok();
            let is_judged = is_valid && evaluated.is_none();
            facts.sessions.push(self.session(stored, &times, &verdict, is_judged));
            if is_judged {
                evaluated = Some(EvaluatedSession { times, verdict });
            } else if let Verdict::Deny { denial, .. } = verdict {
                first_denial.get_or_insert(denial);
            }
        }
        facts.is_assumed = evaluated.is_none();
        self.steps.push(Step::Sessions(facts));
        evaluated.unwrap_or_else(|| {
            let denial = first_denial.unwrap_or(Denial::SignIn(SignInReason::NoSession));
            self.sign_in_first = Some(self.answer_to(&denial, case));
            self.assume(person, case, &rendered)
        })
    }

    /// The decision for a new session.
    fn assume(&self, person: &Facts, case: &Case<'_>, rendered: &IdentityHeaders) -> EvaluatedSession {
        let standing = &person.standing;
        let times = SessionTimes::of_new_session(standing, self.at);
        let verdict = self.verdict(case, &Caller { standing, times, headers: rendered });
        EvaluatedSession { times, verdict }
    }

    /// Decides with a placeholder for the assertion: an explanation must not contain a valid one.
    fn verdict(&self, case: &Case<'_>, caller: &Caller<'_>) -> Verdict {
        let sign = |_: &Permit<'_>| HeaderValue::from_static("...");
        decide::judge_at(&self.context.site, case, caller, self.at, (|_: &Permit<'_>| (), sign))
    }

    fn session(
        &self,
        stored: &StoredSession,
        times: &SessionTimes,
        verdict: &Verdict,
        is_judged: bool,
    ) -> SessionFacts {
        let lifetimes = &self.context.site.lifetimes;
        SessionFacts {
            session: stored.hash.to_string(),
            provider: stored.record.provider.clone(),
            begun_at: UtcTime(times.started_at),
            auth_time: times.auth_time.known().map(UtcTime),
            last_seen_at: UtcTime(times.last_seen_at),
            idle_until: UtcTime(times.last_seen_at.plus(lifetimes.idle)),
            expires_at: UtcTime(times.expires_at(lifetimes)),
            checked_at: (times.recheck != Recheck::Never).then_some(UtcTime(times.checked_at)),
            refresh: match times.refresh_due(self.at, lifetimes) {
                RefreshDue::NotDue => Refresh::NotDue,
                RefreshDue::InBackground => Refresh::InBackground,
                RefreshDue::AtNavigation => Refresh::AtNavigation,
                RefreshDue::First if times.recheck == Recheck::BySignIn => Refresh::BySignIn,
                RefreshDue::First => Refresh::First,
            },
            reason: match verdict {
                Verdict::Deny { denial, .. } => reason_of(denial),
                Verdict::Allow { .. } | Verdict::AskTools(_) | Verdict::CannotKnow(_) => Reason::Met,
            },
            is_judged,
        }
    }
}
