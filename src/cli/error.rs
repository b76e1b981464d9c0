//! Why a command was not done, and what the person at the terminal may do about it.

use super::environment::NotText;
use crate::app::StartError;
use crate::authn::LoadError;
use crate::explain::ExplainError;
use gatepost_certs::CertsError;
use gatepost_certs::tls;
use gatepost_config::{ConfigErrors, RoleWithoutTenant};
use gatepost_core::calendar::minute;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{ProviderId, RequestId};
use gatepost_core::secret::Hash;
use gatepost_store::directory::{DirectoryError, REFUSALS_TTL};
use gatepost_store::session::store::{StoreError, USER_RULES, is_refusal};
use gatepost_telemetry::LogError;
use std::io;
use std::path::PathBuf;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error(transparent)]
    Environment(#[from] NotText),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("the sessions cannot be read")]
    Sessions(#[from] StoreError),
    #[error("the session was not ended")]
    End(#[from] LoadError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Explain(#[from] ExplainError),
    #[error("not ready: {0}")]
    NotReady(String),
    #[error(transparent)]
    Certs(#[from] CertsError),
    #[error("in which folder?")]
    NoFolder,
    #[error("there is no file {}", .0.display())]
    NoFile(PathBuf),
    #[error("the directory's schema is older than this Gatepost")]
    OldSchema,
    #[error("{0} is no configured provider: expected one of {1}")]
    UnknownProvider(ProviderId, String),
    #[error(transparent)]
    RoleWithoutTenant(#[from] RoleWithoutTenant),
    #[error("there is no session {0}: it may have ended, or expired")]
    UnknownSession(Hash),
    #[error("addresses follow the provider here: another one would be gone at the next refresh")]
    AddressesFollow,
    #[error("{0} is of the domain of machines, and no person's")]
    AddressOfMachines(EmailAddress),
    #[error("the domain of {0} is not in ALLOWED_DOMAINS of {1}: whoever had this address could not sign in")]
    DomainNotAllowed(EmailAddress, ProviderId),
    #[error("the result cannot be written")]
    Output(#[source] io::Error),
}

impl CommandError {
    /// What to do, where that does not follow from the message.
    pub(super) fn hint(&self) -> Option<String> {
        if let Some(fault) = tls::explain(self) {
            return Some(fault.to_string());
        }
        let hint = match self {
            Self::Directory(error)
            | Self::Start(StartError::Directory(error))
            | Self::End(LoadError::Directory(error))
            | Self::Explain(ExplainError::Directory(error)) => return of_directory(error),
            Self::Explain(ExplainError::UnknownUser { user, similar }) if similar.is_empty() => {
                return of_directory(&DirectoryError::UnknownUser(user.clone()));
            }
            Self::Explain(ExplainError::UnknownUser { similar, .. }) => {
                return Some(format!("did you mean {}?", similar.join(" or ")));
            }
            Self::Explain(ExplainError::UnknownRequest(id)) => return Some(of_request(*id)),
            Self::Certs(error) => return of_certificates(error).map(str::to_owned),
            Self::NoFolder => "give --dir FOLDER, or set GATEPOST_INTERNAL_TLS",
            Self::NoFile(_) => {
                "run this in the folder and with the settings of `gatepost serve`; DATABASE_URL says where its file is"
            }
            Self::OldSchema => {
                "run `gatepost migrate`, or start the new `gatepost serve`, which does the same"
            }
            Self::Sessions(StoreError::Redis(error))
            | Self::End(LoadError::Sessions(StoreError::Redis(error)))
                if is_refusal(error) =>
            {
                return Some(format!("grant Redis' user what it lacks: ACL SETUSER name {USER_RULES}"));
            }
            Self::Sessions(_) | Self::End(_) => {
                "is REDIS_URL right, and does Redis run? `gatepost session end --user USER` needs no Redis"
            }
            Self::UnknownProvider(..) | Self::RoleWithoutTenant(_) => {
                "write PROVIDER:ID, for an app role PROVIDER:role:NAME"
            }
            Self::UnknownSession(_) => "`gatepost session list USER` shows the sessions that a person has",
            Self::Config(_) => {
                "docs/configuration.md has every setting; secrets may also stand in a file: NAME_FILE"
            }
            Self::Environment(_) => "set it anew, in UTF-8",
            Self::Log(_) => "GATEPOST_LOG__LEVEL is as in info, or info,gatepost=debug",
            Self::NotReady(_) => "`gatepost check` looks at everything that Gatepost needs",
            Self::Start(error) => of_start(error),
            Self::AddressesFollow => {
                "change it at the provider, or set GATEPOST_ADDRESS_CHANGES=keep for `gatepost serve` and here"
            }
            Self::DomainNotAllowed(..) => "list the domain there, restart Gatepost, then do this again",
            Self::Output(_) | Self::AddressOfMachines(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// A number tells when its request came.
fn of_request(id: RequestId) -> String {
    let came = match id.made_at().filter(|at| *at <= Timestamp::now()) {
        Some(at) => format!("; this one came {} UTC", minute(at)),
        None => String::new(),
    };
    format!(
        "refusals of people who are signed in are kept for {} days, written within seconds, at most 30 a minute of one \
         person{came}. Look for request.id={id} in the log of `gatepost serve`",
        REFUSALS_TTL.as_secs() / 86_400
    )
}

const fn of_start(error: &StartError) -> &'static str {
    match error {
        StartError::Locked(_) => {
            "stop the other one first; for several replicas set DATABASE_URL, REDIS_URL and GATEPOST_SECRET_KEYS"
        }
        StartError::Listen(..) => {
            "does another program listen there? GATEPOST_INTERNAL_ADDR, GATEPOST_PUBLIC_ADDR and GATEPOST_HEALTH_ADDR say where"
        }
        _ => "`gatepost check` looks at everything that Gatepost needs, and says how to mend it",
    }
}

fn of_directory(error: &DirectoryError) -> Option<String> {
    let hint = match error {
        DirectoryError::Unavailable(_) => "is DATABASE_URL right, and does the database run?",
        DirectoryError::Pooler => {
            "point DATABASE_URL to Postgres itself, or set pool_mode = session for this database in the pooler"
        }
        DirectoryError::ReadOnly => {
            "is DATABASE_URL a standby, or set read-only? `gatepost check` says which"
        }
        DirectoryError::Exposed { path, .. } => {
            return Some(format!(
                "chmod 600 {}, and see in `gatepost audit list` whether others changed something",
                path.display()
            ));
        }
        DirectoryError::File { .. } => "run this as the user that `gatepost serve` runs as",
        DirectoryError::UnknownUser(_) => {
            "`gatepost user list` shows everybody; people appear with their first sign-in"
        }
        DirectoryError::AddressHeld(email) => {
            return Some(format!(
                "`gatepost user show {email}` says who; `gatepost user release {email}` frees it, if it is not theirs any more"
            ));
        }
        DirectoryError::UnknownGroup(_) => {
            "`gatepost group list` shows all groups; `gatepost group link NAME PROVIDER:ID` and \
             `gatepost group add NAME USER` make one"
        }
        DirectoryError::NotMember(_, group) => {
            return Some(format!("`gatepost group members '{group}'` shows who is, and who says so"));
        }
        DirectoryError::UnknownTenant(id) => return Some(format!("`gatepost tenant create {id}` makes it")),
        DirectoryError::NotMapped(..) => "`gatepost tenant list` shows which group opens what",
        DirectoryError::NotLinked(_) => "`gatepost group list` shows what is linked",
        DirectoryError::LinkedByConfiguration(_) => {
            "then restart Gatepost; a link made here never overrides it"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

const fn of_certificates(error: &CertsError) -> Option<&'static str> {
    match error {
        CertsError::Mismatch { .. } | CertsError::Refused { .. } | CertsError::Malformed { .. } => Some(
            "put the right file back, or make everything anew: `gatepost certs --force`, then restart Traefik",
        ),
        CertsError::NoAuthorityKey { .. } => Some(
            "run this where the key is and copy the result, or make everything anew: `gatepost certs --force`",
        ),
        CertsError::File { .. } => Some("run this as the user that `gatepost serve` runs as"),
        _ => None,
    }
}
