//! A change that a form asks for: made through `admin`, and answered by a redirect to a page that says so, or by a page
//! that says why nothing was changed.

use crate::answer::{PageAnswer, Redirect};
use crate::callers::Administrator;
use crate::fault::Fault;
use actix_web::Either;
use gatepost_admin::{ProofError, SessionError, TrialError};
use gatepost_core::administration::{Denied, Version};
use gatepost_core::api_key::KeyFaultKind;
use gatepost_core::error_chain::{Chain, sentence};
use gatepost_pages::Section;
use gatepost_pages::admin::RefusedChange;
use gatepost_runtime::dns::LookUpError;
use gatepost_sign_in::Problem;
use gatepost_store::directory::{Actor, Applicable, Conditions, DirectoryError, Done, Via, Who};

/// The answer to a form.
pub(super) type FormAnswer = Result<Either<Redirect, PageAnswer>, Fault>;

/// Why a form changed nothing.
#[derive(Debug)]
pub(super) enum Refused {
    /// Somebody else changed the thing first. With its version now; `None`: it is gone.
    Overtaken(Option<Version>),
    /// The change is not possible as things are.
    Impossible(Impossible),
    /// It has a page of its own, or a store does not answer.
    Fault(Fault),
}

/// Why a change is not possible as things are.
#[derive(Debug)]
pub(super) struct Impossible {
    pub(super) status: u16,
    /// As a sentence.
    pub(super) text: String,
    /// What to do, as a sentence.
    pub(super) remedy: &'static str,
}

impl Impossible {
    /// Why, and what to do: what stands beside a field.
    pub(super) fn advice(&self) -> String {
        format!("{} {}", self.text, self.remedy)
    }
}

impl Refused {
    /// The page that says why a change that expects no version is not possible.
    ///
    /// # Errors
    /// As [`Refused::impossible`].
    pub(super) fn answer(self, administrator: &Administrator, section: Section, back: &str) -> FormAnswer {
        refused(administrator, section, back, &self.impossible()?)
    }

    /// Why a change that expects no version, or whose form handles it, is not possible.
    ///
    /// # Errors
    /// The fault, if it is one; `NotFound` if what was to be changed is gone.
    pub(super) fn impossible(self) -> Result<Impossible, Fault> {
        match self {
            Self::Impossible(why) => Ok(why),
            Self::Fault(fault) => Err(fault),
            Self::Overtaken(_) => Err(Fault::NotFound),
        }
    }
}

/// Makes a change for an administrator.
///
/// # Errors
/// [`Refused`].
pub(super) async fn carry_out<C: Applicable>(
    admin: &gatepost_admin::Context,
    administrator: &Administrator,
    change: &C,
    conditions: Conditions,
) -> Result<Done<C::Outcome>, Refused> {
    Ok(admin.carry_out(change, conditions, &administrator.actor()).await?)
}

/// The conditions of a form: what it is about must still have the version that the form showed. An empty version: it must
/// not exist yet.
///
/// # Errors
/// [`Refused::Impossible`]: the form names no version.
pub(super) fn conditions(version: Option<&str>) -> Result<Conditions, Refused> {
    if version == Some("") {
        return Ok(Conditions { must_be_new: true, ..Conditions::default() });
    }
    match version.map(str::parse) {
        Some(Ok(version)) => Ok(Conditions { if_version: Some(version), ..Conditions::default() }),
        Some(Err(_)) | None => Err(Refused::Impossible(Impossible {
            status: 400,
            text: "The form does not say which version it showed.".to_owned(),
            remedy: "Open the page again, and send its form.",
        })),
    }
}

/// Leads to a page that says what was done.
#[expect(clippy::unnecessary_wraps, reason = "handlers of forms end with it")]
pub(super) fn done(admin: &gatepost_admin::Context, path: &str, done: &str) -> FormAnswer {
    let to = format!("{}{path}?done={done}", admin.site.config.public_url);
    Ok(Either::Left(Redirect { to, cookie: None }))
}

/// The page that says why nothing was changed, where the form itself does not say so.
#[expect(clippy::unnecessary_wraps, reason = "handlers of forms end with it")]
pub(super) fn refused(
    administrator: &Administrator,
    section: Section,
    back: &str,
    impossible: &Impossible,
) -> FormAnswer {
    let Impossible { status, text, remedy } = impossible;
    let frame = administrator.frame(None);
    let page = RefusedChange { frame, section, status: *status, text, remedy, back };
    Ok(Either::Right(PageAnswer(page.page())))
}

impl Administrator {
    /// The actor in audit rows.
    pub(super) fn actor(&self) -> Actor {
        let who = Who::Person(self.person.principal.standing.person.id);
        Actor { via: Via::Portal, ..self.person.browser.actor(who) }
    }
}

impl From<SessionError> for Refused {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Directory(error) => error.into(),
            SessionError::Sessions(error) => Self::Fault(Problem::from(error).into()),
            SessionError::End(error) => Self::Fault(error.into()),
            SessionError::UnknownSession(_) => Self::Impossible(Impossible {
                status: 409,
                text: "This session has ended already.".to_owned(),
                remedy: "Look at the sessions again.",
            }),
        }
    }
}

impl From<ProofError> for Refused {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Directory(error) => error.into(),
            ProofError::LookUp(error) => error.into(),
        }
    }
}

impl From<TrialError> for Refused {
    fn from(error: TrialError) -> Self {
        match error {
            TrialError::Directory(error) => error.into(),
            TrialError::LookUp(error) => error.into(),
            error => Self::Impossible(Impossible {
                status: 422,
                text: error.sentence(),
                remedy: "Nothing was kept.",
            }),
        }
    }
}

impl From<LookUpError> for Refused {
    fn from(error: LookUpError) -> Self {
        tracing::warn!(error = %Chain(&error), "a proof cannot be looked up");
        Self::Impossible(Impossible {
            status: 503,
            text: "The DNS does not answer, so it is unknown whether the record is there.".to_owned(),
            remedy: "Try again later.",
        })
    }
}

impl From<DirectoryError> for Refused {
    fn from(error: DirectoryError) -> Self {
        use DirectoryError as E;
        let (status, remedy) = match &error {
            E::Overtaken(version) => return Self::Overtaken(*version),
            E::Denied(Denied::SystemOnly | Denied::NotByKey) => return Self::Fault(Fault::AdminsOnly),
            E::Denied(Denied::Hidden)
            | E::UnknownUser(_)
            | E::UnknownTenant(_)
            | E::UnknownRequest(_)
            | E::UnknownProposal(_)
            | E::UnknownKey(_)
            | E::UnknownHost(..)
            | E::NoTenantProvider(_)
            | E::UnknownDomain(..)
            | E::UnknownToolServer(_) => {
                return Self::Fault(Fault::NotFound);
            }
            E::HostUnfit(_) => (422, "Enter a name that others can look up."),
            E::HostUnreachable(..) => {
                (422, "Enter a name below localhost, or have Gatepost run with an https address.")
            }
            E::HostReserved(_) | E::DomainConfigured(_) => (409, "Choose another one."),
            E::HostTaken(_) | E::DomainTaken(_) => {
                (409, "If it is yours, ask an administrator of the system.")
            }
            E::HostNotInTier(_) | E::ProviderNotInTier(_) => {
                (409, "Ask an administrator of the system for the feature.")
            }
            E::HostRefused(_) | E::DomainRefused(_) => (409, "Ask an administrator of the system why."),
            E::HostUnproved(..) => {
                (422, "Put it into the zone, wait until the DNS has it, and look for it again.")
            }
            E::SecretMissing(_) => (422, "Enter it."),
            E::UnknownTier(_) | E::UnknownService(_) => (422, "Choose one of the list."),
            E::UnknownInvitation(..) => {
                (409, "Somebody may have accepted or withdrawn it. Look at the list again.")
            }
            E::TooManyInvitations(..) => (409, "Withdraw one first."),
            E::LimitReached(..) => {
                (409, "Take something away first, or ask an administrator of the system for more.")
            }
            E::TenantDeleted(_) => {
                (409, "Ask an administrator of the system to restore it, or choose another id.")
            }
            E::TenantSuspended(_) => (409, "Ask an administrator of the system to resume it."),
            E::LastAdmin => (409, "Make somebody else an administrator of the system first."),
            E::EndsInThePast => (422, "Choose a later end."),
            E::NotMember(..) | E::NotTenantMember(..) | E::NotMapped(..) | E::NotLinked(_) => {
                (409, "Somebody may have removed it in the meantime. Look at it again.")
            }
            E::UnknownGroup(_) => (409, "Somebody may have renamed or deleted it in the meantime."),
            E::ReservedGroup(_) | E::LinkedByConfiguration(_) => {
                (409, "Change the configuration, and restart Gatepost.")
            }
            E::KeyRevoked(_) => (409, "Make another key."),
            E::KeyRefused(faults) => match faults.kind() {
                KeyFaultKind::Wider => (403, "Ask an administrator of the system."),
                KeyFaultKind::TooMany => (409, "Revoke a key that is no longer used."),
                KeyFaultKind::NotPossible => (422, "Change what is wrong."),
            },
            E::ToolServerExists(_) | E::TenantExists(_) => (409, "Choose another id."),
            E::AddressTaken => (409, "Choose another address, or change the other server first."),
            E::HostNotProtected(_) => {
                (422, "Choose an address at a protected host that is no other tenant's.")
            }
            E::NotTried(_) => (422, "Until then, let its messages be judged by their body."),
            E::UnknownToolRule(..) => {
                (409, "Somebody may have removed it in the meantime. Look at the rules again.")
            }
            E::TooManyRules(_) => (409, "Remove a rule first, or write one with * for several names."),
            // The version of a request says the same, but a change may come without one.
            E::RequestDecided(..) | E::ProposalDecided(..) => return Self::Overtaken(None),
            E::ProposerDisabled(_) => (409, "Enable the person first, or refuse the proposal."),
            E::ProposerConfined => (409, "Refuse the proposal, or create the tenant and invite somebody."),
            E::NameTaken(_) => (409, "Choose another name."),
            E::GroupLinked(_) => (409, "Remove its links first."),
            E::AddressHeld(_) => (409, "Release the address at that person first."),
            E::UnknownProvider(..) | E::RoleWithoutTenant(_) => (422, "Choose one that is configured."),
            E::AddressesFollow | E::AddressOfMachines(_) | E::DomainNotAllowed(..) => {
                (422, "Choose another address.")
            }
            _ => return Self::Fault(error.into()),
        };
        Self::Impossible(Impossible { status, text: sentence(&error.to_string()), remedy })
    }
}
