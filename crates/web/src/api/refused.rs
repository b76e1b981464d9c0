//! Why an operation does not do what was asked, as a problem.

use super::reply::{ROOT, Reply, builder};
use crate::fault::Fault;
use crate::problem_document::{Flaw, Problem, ProblemCode, ProblemDocument};
use crate::request::{browser, data};
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, Responder};
use gatepost_admin::access::AccessError;
use gatepost_admin::explain::ExplainError;
use gatepost_admin::{ProofError, SessionError, TrialError};
use gatepost_core::administration::{Denied, Version};
use gatepost_core::api_key::{KeyFault, KeyFaultKind, KeyFaults};
use gatepost_core::error_chain::{Chain, sentence};
use gatepost_core::json_pointer;
use gatepost_runtime::authn::LoadError;
use gatepost_runtime::parameters::ParameterError;
use gatepost_store::directory::DirectoryError;

/// `Retry-After` of an outage, in seconds.
const RETRY_AFTER: &str = "5";

/// The path of the pages about problems.
pub(super) const PROBLEMS: &str = "/problems";

/// Why an operation does not do what was asked.
#[derive(Debug)]
pub(super) struct Refused(Problem);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl Refused {
    pub(super) fn into_fault(self) -> Fault {
        self.0.into()
    }
}

/// Another request with the same `Idempotency-Key` has no answer yet.
pub(super) fn running() -> Problem {
    Problem::new(ProblemCode::Running, "A request with this Idempotency-Key has no answer yet.")
}

impl From<Refused> for actix_web::Error {
    fn from(Refused(problem): Refused) -> Self {
        Fault::from(problem).into()
    }
}

/// Nothing of this name is there.
pub(super) fn not_found(detail: impl Into<String>) -> Refused {
    Refused(Problem::new(ProblemCode::NotFound, detail))
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        let detail = format!("{denied}.");
        Self(match denied {
            Denied::Hidden => Problem::new(ProblemCode::NotFound, "There is no such thing."),
            Denied::NotByKey => Problem::new(ProblemCode::Forbidden, detail).because("not_by_key"),
            Denied::SystemOnly => Problem::new(ProblemCode::Forbidden, detail).because("system_only"),
        })
    }
}

impl From<DirectoryError> for Refused {
    fn from(error: DirectoryError) -> Self {
        use DirectoryError as E;
        let detail = sentence(&error.to_string());
        let state = |reason| Self(Problem::new(ProblemCode::State, detail.clone()).because(reason));
        let not_possible =
            |reason| Self(Problem::new(ProblemCode::NotPossible, detail.clone()).because(reason));
        match &error {
            E::Denied(denied) => (*denied).into(),
            E::Overtaken(version) => Self(overtaken(version.as_ref(), detail)),
            E::UnknownUser(_)
            | E::UnknownGroup(_)
            | E::UnknownTenant(_)
            | E::NotLinked(_)
            | E::NotMember(..)
            | E::NotTenantMember(..)
            | E::UnknownHost(..)
            | E::NoTenantProvider(_)
            | E::UnknownDomain(..)
            | E::UnknownRequest(_)
            | E::UnknownProposal(_)
            | E::UnknownKey(_)
            | E::UnknownToolServer(_)
            | E::UnknownInvitation(..)
            | E::UnknownToolRule(..)
            | E::NotMapped(..) => Self(Problem::new(ProblemCode::NotFound, detail)),
            E::Erased(_) => Self(Problem::new(ProblemCode::Erased, detail)),
            E::NotConfirmed => not_possible("not_confirmed"),
            E::Repeated => Self(running()),
            E::TenantExists(_) => state("tenant_exists"),
            E::TierInUse(_) => state("tier_in_use"),
            E::LimitReached(..) => state("limit_reached"),
            E::TooManyMeters(_) => state("too_many_meters"),
            E::TooManyEvents(_) => state("too_many_events"),
            E::HostReserved(_) => state("host_reserved"),
            E::HostTaken(_) => state("host_taken"),
            E::HostNotInTier(_) | E::ProviderNotInTier(_) => state("tier"),
            E::HostRefused(_) => state("host_refused"),
            E::DomainConfigured(_) => state("domain_reserved"),
            E::DomainTaken(_) => state("domain_taken"),
            E::DomainRefused(_) => state("domain_refused"),
            E::SecretMissing(_) => not_possible("secret_missing"),
            E::BrandNameReserved(_) => not_possible("name_reserved"),
            E::HostUnfit(_) => not_possible("host_unfit"),
            E::HostUnreachable(..) => not_possible("host_unreachable"),
            E::HostUnproved(..) => not_possible("host_unproved"),
            E::UnknownTier(_) => not_possible("unknown_tier"),
            E::TenantDeleted(_) => state("tenant_deleted"),
            E::TenantSuspended(_) => state("tenant_suspended"),
            E::LastAdmin => state("last_admin"),
            E::AddressHeld(_) => state("address_held"),
            E::NameTaken(_) => state("name_taken"),
            E::ToolServerExists(_) => state("tool_server_exists"),
            E::AddressTaken => state("address_taken"),
            E::TooManyInvitations(..) => state("too_many_invitations"),
            E::InvitationOver => state("invitation_over"),
            E::NotInvited(_) => state("not_invited"),
            E::TooManyRules(_) => state("too_many_rules"),
            E::HostNotProtected(_) => not_possible("unprotected_host"),
            E::UnknownService(_) => not_possible("unknown_service"),
            E::NotTried(_) => not_possible("not_tried"),
            E::ReservedGroup(_) => state("reserved_group"),
            E::GroupLinked(_) => state("group_linked"),
            E::PlanOvertaken(_) => state("plan_overtaken"),
            E::LinkedByConfiguration(_) => state("linked_by_configuration"),
            E::RequestDecided(..) => state("request_decided"),
            E::ProposalDecided(..) => state("proposal_decided"),
            E::ProposerDisabled(_) => state("proposer_disabled"),
            E::ProposerConfined => state("proposer_confined"),
            E::ProposalOpen => state("proposal_open"),
            E::TooManyProposals(_) => state("too_many_proposals"),
            E::TenantIdTaken(_) => state("tenant_id_taken"),
            E::AccessHeld(_) => state("access_held"),
            E::KeyRevoked(_) => state("key_revoked"),
            E::KeyRefused(faults) => Self(refused_key(faults)),
            E::TooManyRequests(_) => not_possible("too_many_requests"),
            E::PlanTooLong(..) => not_possible("plan_too_long"),
            E::EndsInThePast => not_possible("ends_in_the_past"),
            E::UnknownProvider(..) => not_possible("unknown_provider"),
            E::RoleWithoutTenant(_) => not_possible("role_without_tenant"),
            E::AddressesFollow => not_possible("addresses_follow"),
            E::AddressOfMachines(_) => not_possible("address_of_machines"),
            E::DomainNotAllowed(..) => not_possible("domain_not_allowed"),
            E::Unavailable(_)
            | E::ReadOnly
            | E::Pooler
            | E::HalfCopied(_)
            | E::Moved(_)
            | E::NewerSchema
            | E::NotLeader
            | E::MayNotMigrate
            | E::UnknownRole(_)
            | E::Migration(_)
            | E::Address(_)
            | E::File { .. }
            | E::Exposed { .. } => unavailable(&error),
        }
    }
}

/// 412, with the version that there is now.
fn overtaken(version: Option<&Version>, detail: String) -> Problem {
    let problem = Problem::new(ProblemCode::Overtaken, detail);
    match version {
        Some(version) => problem.with("etag", format!("\"{version}\"")),
        None => problem,
    }
}

/// Everything that is wrong with what was asked for a key, each with its member.
fn refused_key(faults: &KeyFaults) -> Problem {
    let code = match faults.kind() {
        KeyFaultKind::Wider => ProblemCode::Forbidden,
        KeyFaultKind::TooMany => ProblemCode::State,
        KeyFaultKind::NotPossible => ProblemCode::NotPossible,
    };
    let flaw = |fault: &KeyFault| {
        let place =
            if fault.member().is_empty() { String::new() } else { json_pointer::member("", fault.member()) };
        Flaw::at(place, fault.code(), sentence(&fault.to_string()))
    };
    let mut problem = Problem::new(code, sentence(&faults.to_string()));
    problem.errors = faults.all().iter().map(flaw).collect();
    problem
}

impl From<LoadError> for Refused {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Directory(error) => error.into(),
            error => unavailable(&error),
        }
    }
}

impl From<SessionError> for Refused {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Directory(error) => error.into(),
            SessionError::End(error) => error.into(),
            SessionError::Sessions(_) => unavailable(&error),
            SessionError::UnknownSession(_) => not_found(sentence(&error.to_string())),
        }
    }
}

impl From<ProofError> for Refused {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Directory(error) => error.into(),
            ProofError::LookUp(error) => {
                tracing::warn!(error = %Chain(&error), "the proof of a host cannot be looked up");
                let detail =
                    "The DNS does not answer, so it is unknown whether the record is there. Try again later.";
                let problem = Problem::new(ProblemCode::Unavailable, detail);
                Self(problem.with("retry-after", RETRY_AFTER))
            }
        }
    }
}

impl From<TrialError> for Refused {
    fn from(error: TrialError) -> Self {
        let reason = match error {
            TrialError::Directory(error) => return error.into(),
            TrialError::LookUp(error) => return ProofError::from(error).into(),
            TrialError::Settings(_) => "provider_settings",
            TrialError::Provider(_) => "provider_unusable",
            TrialError::Refused(_) => "provider_refused",
        };
        Self(Problem::new(ProblemCode::NotPossible, error.sentence()).because(reason))
    }
}

impl From<AccessError> for Refused {
    fn from(error: AccessError) -> Self {
        let detail = sentence(&error.to_string());
        match error {
            AccessError::Directory(error) => error.into(),
            AccessError::UnprotectedHost(_) => {
                Self(Problem::new(ProblemCode::NotPossible, detail).because("unprotected_host"))
            }
            AccessError::Host(_) => {
                Problem::invalid(vec![Flaw::of_parameter("host", "malformed", detail)]).into()
            }
            AccessError::Requirement(_) => {
                Problem::invalid(vec![Flaw::of_parameter("requirement", "malformed", detail)]).into()
            }
        }
    }
}

impl From<ExplainError> for Refused {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::Directory(error) => error.into(),
            error => not_found(sentence(&error.to_string())),
        }
    }
}

/// A store does not answer.
pub(super) fn unavailable(error: &(dyn std::error::Error + 'static)) -> Refused {
    tracing::warn!(error = %Chain(error), "an operation of the API failed");
    Refused(
        Problem::new(ProblemCode::Unavailable, "A store does not answer.").with("retry-after", RETRY_AFTER),
    )
}

/// Answers a fault below [`ROOT`] as a problem document.
pub(super) fn answer(fault: &Fault, request: &HttpRequest) -> HttpResponse {
    if let Fault::Answered(stored) = fault
        && let Some(reply) = Reply::from_stored(stored)
    {
        return reply.respond_to(request);
    }
    let problem = problem_of(fault);
    let (kind, id) = (problem.code.kind(), browser(request).request_id);
    if kind.status.is_server_error() {
        tracing::warn!(request.id = %id, path = request.path(), error = %Chain(fault), "a request of the API failed");
    } else {
        tracing::info!(request.id = %id, path = request.path(), code = kind.slug, detail = problem.detail, "refused a request of the API");
    }
    let public_url = &data::<gatepost_sign_in::Context>(request).site.config.public_url;
    let document = ProblemDocument {
        r#type: format!("{public_url}{PROBLEMS}/{}", kind.slug),
        title: kind.title,
        status: kind.status.as_u16(),
        detail: problem.detail,
        instance: format!("urn:uuid:{}", hyphenated(&id.to_string())),
        errors: problem.errors,
    };
    let status = StatusCode::from_u16(kind.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = builder(status);
    answer.insert_header((CONTENT_TYPE, "application/problem+json"));
    for (name, value) in problem.headers {
        answer.insert_header((name, value));
    }
    if request.method() == "HEAD" {
        return answer.finish();
    }
    answer.body(serde_json::json!(document).to_string())
}

/// The number of a request in the form of a URN (RFC 9562 section 4).
fn hyphenated(id: &str) -> String {
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    parts.map(|(from, to)| id.get(from..to).unwrap_or_default()).join("-")
}

fn problem_of(fault: &Fault) -> Problem {
    let plain = |code, detail: &str| Problem::new(code, detail);
    match fault {
        Fault::Api(problem) => (**problem).clone(),
        Fault::NotFound => {
            plain(ProblemCode::NotFound, &format!("There is nothing at this path below {ROOT}."))
        }
        Fault::MethodNotAllowed(allow) => {
            plain(ProblemCode::MethodNotAllowed, &format!("The path takes {allow}."))
                .with("allow", allow.clone())
        }
        Fault::CrossOrigin => plain(
            ProblemCode::CrossOrigin,
            "The browser does not say that a page of this host sent the request.",
        ),
        Fault::PrefetchedOrEmbedded => plain(ProblemCode::CrossOrigin, "The request is a prefetch."),
        Fault::Body(error) => {
            let code = match error.status().as_u16() {
                413 => ProblemCode::TooLarge,
                408 => ProblemCode::BodyTimeout,
                _ => ProblemCode::Invalid,
            };
            plain(code, &sentence(&error.to_string()))
        }
        Fault::Parameter(ParameterError::Repeated(error)) => {
            Problem::invalid(vec![Flaw::of_parameter("", "repeated", sentence(&error.to_string()))])
        }
        Fault::Parameter(error) => {
            Problem::invalid(vec![Flaw::of_parameter("", "malformed", sentence(&error.to_string()))])
        }
        Fault::Stopped { problem: gatepost_sign_in::Problem::Unavailable(_), .. } => {
            plain(ProblemCode::Unavailable, "A store does not answer.").with("retry-after", RETRY_AFTER)
        }
        Fault::SignInFirst
        | Fault::AdminsOnly
        | Fault::Stopped { .. }
        | Fault::LogoutTokenRefused(_)
        | Fault::LogoutTokenUnverifiable(_)
        | Fault::Answered(_)
        | Fault::CallerNotChecked => plain(ProblemCode::Internal, "Gatepost failed."),
    }
}
