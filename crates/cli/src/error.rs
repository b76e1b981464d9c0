//! Why a command failed, and what the person at the terminal can do about it.

use super::copy_stores;
use super::directory_hints;
use super::environment::NotText;
use super::erasures_file::FileError;
use super::files::Fault;
use super::only_here::OnlyHere;
use super::owner_error::OwnerError;
use super::remote::ApiError;
use super::router_file::RouterFileError;
use crate::start::StartError;
use gatepost_admin::access::AccessError;
use gatepost_admin::explain::ExplainError;
use gatepost_admin::{ProofError, SessionError, SpanError, TrialError};
use gatepost_certs::CertsError;
use gatepost_certs::tls;
use gatepost_check::Finding;
use gatepost_config::ConfigErrors;
use gatepost_core::administration::Version;
use gatepost_core::api_key::NotAKey;
use gatepost_core::branding::LogoError;
use gatepost_core::calendar::minute;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{RequestId, ToolServerId};
use gatepost_runtime::authn::LoadError;
use gatepost_runtime::dns::LookUpError;
use gatepost_store::directory::copy::CopyError;
use gatepost_store::directory::{DirectoryError, REFUSALS_TTL};
use gatepost_store::session::carry::CarryError;
use gatepost_store::session::store::{StoreError, USER_RULES, is_refusal};
use gatepost_telemetry::LogError;
use gatepost_web::api::ProviderFlaws;
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
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("GATEPOST_API names an installation elsewhere, and {}", .0.why())]
    OnlyHere(OnlyHere),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Explain(#[from] ExplainError),
    #[error("{}", describe_overtaken(*wanted, *now))]
    Overtaken { wanted: Option<Version>, now: Option<Version> },
    #[error("not ready: {0}")]
    NotReady(String),
    #[error(transparent)]
    Certs(#[from] CertsError),
    #[error("tool server {0} has no such rule")]
    NoRule(ToolServerId),
    /// What was found instead of a refusal.
    #[error("tool server {0} is judged by the body of its messages. What else was changed stays so. {found}", found = .1.found)]
    NotRefused(ToolServerId, Box<Finding>),
    /// The gate itself has refused the message of a trial.
    #[error(
        "tool server {0} was not tried: its router reads bodies. Let its middleware's address have mcp=headers, not mcp=true"
    )]
    RouterReadsBodies(ToolServerId),
    #[error(transparent)]
    Dns(#[from] LookUpError),
    #[error("{0}: expected {1}")]
    Allowance(String, &'static str),
    /// The provider of a tenant.
    #[error(transparent)]
    Trial(TrialError),
    /// What is wrong with what is said about it.
    #[error("{0}")]
    Provider(String),
    #[error("name a tool, a prompt or a resource")]
    NoPattern,
    /// By the terminal.
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    Client(#[from] gatepost_oidc::ClientError),
    #[error("no folder is given")]
    NoFolder,
    /// What is wrong with files, in all of them.
    #[error("{}", listed(.0))]
    Files(Vec<Fault>),
    #[error("{} cannot be read", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    #[error("{} cannot be written", .0.display())]
    Export(PathBuf, #[source] io::Error),
    #[error("{} is already there", .0.display())]
    FileExists(PathBuf),
    #[error("there is no file {}", .0.display())]
    NoFile(PathBuf),
    #[error("the directory's schema is older than this Gatepost")]
    OldSchema,
    /// Days of which no usage can be told.
    #[error(transparent)]
    Span(#[from] SpanError),
    #[error("the output cannot be written")]
    Output(#[source] io::Error),
    #[error("{} cannot be read", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// The file is no picture of a tenant.
    #[error("{} is no logo: {}", .0.display(), .1)]
    Logo(PathBuf, LogoError),
    #[error("standard input cannot be read")]
    Input(#[source] io::Error),
    #[error(transparent)]
    NotAKey(#[from] NotAKey),
    /// Nobody has, and nobody had.
    #[error("no key has this secret")]
    NobodysKey,
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error("the sessions are not copied")]
    Carry(#[from] CarryError),
    #[error(transparent)]
    CopyArguments(#[from] copy_stores::ArgumentError),
    #[error(transparent)]
    Owner(#[from] OwnerError),
    #[error(transparent)]
    Erasures(#[from] FileError),
    /// `GATEPOST_TENANTS__SELF_SERVICE` is off.
    #[error("people may not propose tenants here")]
    NoSelfService,
    #[error(transparent)]
    RouterFile(#[from] RouterFileError),
    #[error("line {line} of {} is no head of the audit", path.display())]
    NoHead { path: PathBuf, line: usize },
}

fn listed(faults: &[Fault]) -> String {
    let begin = match faults.len() {
        1 => "a file has an error, and nothing was changed".to_owned(),
        many => format!("the files have {many} errors, and nothing was changed"),
    };
    faults.iter().fold(begin, |text, fault| format!("{text}\n  {fault}"))
}

fn describe_overtaken(wanted: Option<Version>, now: Option<Version>) -> String {
    let wanted = wanted.map_or_else(|| "none".to_owned(), |wanted| wanted.to_string());
    match now {
        Some(now) => format!("somebody else changed it: its version is {now} now, not {wanted}"),
        None => format!("it is not there: no version exists, and {wanted} was expected"),
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        SessionError::from(error).into()
    }
}

impl From<ProofError> for CommandError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Directory(error) => error.into(),
            ProofError::LookUp(error) => error.into(),
        }
    }
}

impl From<TrialError> for CommandError {
    fn from(error: TrialError) -> Self {
        match error {
            TrialError::Directory(error) => error.into(),
            TrialError::LookUp(error) => error.into(),
            error => Self::Trial(error),
        }
    }
}

impl From<ProviderFlaws> for CommandError {
    fn from(error: ProviderFlaws) -> Self {
        match error {
            ProviderFlaws::Trial(error) => error.into(),
            flaws @ ProviderFlaws::Members(_) => Self::Provider(flaws.to_string()),
        }
    }
}

impl From<LoadError> for CommandError {
    fn from(error: LoadError) -> Self {
        SessionError::from(error).into()
    }
}

impl CommandError {
    /// What to do, if the message does not say it.
    pub(super) fn hint(&self) -> Option<String> {
        if let Some(fault) = tls::explain(self) {
            return Some(fault.to_string());
        }
        let hint = match self {
            Self::NotRefused(_, finding) => return finding.advice().map(|(_, fix)| fix.to_owned()),
            Self::NoRule(id) => return Some(format!("`gatepost tool-server show {id}` shows its rules")),
            Self::Dns(_) => "`GATEPOST_TENANTS__RESOLVER` or /etc/resolv.conf names the server that is asked",
            Self::Trial(_) => "docs/tenants.md says what a provider of a tenant needs; nothing was changed",
            Self::Provider(_) => "docs/tenants.md lists what is said about a provider",
            Self::Allowance(..) => "docs/tenants.md lists the limits and features that Gatepost knows",
            Self::Logo(..) => "docs/tenants.md says what a logo is",
            Self::NoPattern => "--tool, --prompt or --resource, each with a name or its beginning and *",
            Self::Directory(error)
            | Self::Api(ApiError::Directory(error))
            | Self::Start(StartError::Directory(error))
            | Self::Session(
                SessionError::Directory(error) | SessionError::End(LoadError::Directory(error)),
            )
            | Self::Access(AccessError::Directory(error))
            | Self::Explain(ExplainError::Directory(error)) => return directory_hints::of_directory(error),
            Self::Api(error) => return error.hint().map(str::to_owned),
            Self::OnlyHere(what) => what.hint(),
            Self::Explain(ExplainError::UnknownUser { user, similar }) if similar.is_empty() => {
                return directory_hints::of_directory(&DirectoryError::UnknownUser(user.clone()));
            }
            Self::Explain(ExplainError::UnknownUser { similar, .. }) => {
                return Some(format!("did you mean {}?", similar.join(" or ")));
            }
            Self::Explain(ExplainError::UnknownKey(_)) => "`gatepost key list` shows the ids of all keys",
            Self::Explain(ExplainError::UnknownRequest(id)) => return Some(of_request(*id)),
            Self::Certs(error) => return of_certificates(error).map(str::to_owned),
            Self::Overtaken { .. } => {
                "read it again with --json, and repeat the command with the new version"
            }
            Self::Access(AccessError::Requirement(_)) => {
                "give the query after `/verify?` as it stands in the middleware's address"
            }
            Self::Access(AccessError::UnprotectedHost(_) | AccessError::Host(_)) => {
                "add the host to GATEPOST_HOSTS, or ask with --requirement"
            }
            Self::NoSelfService => "set GATEPOST_TENANTS__SELF_SERVICE=true for `gatepost serve` and here",
            Self::NoFolder => "give --dir FOLDER, or set GATEPOST_INTERNAL_TLS",
            Self::NoFile(_) => {
                "run this in the folder and with the settings of `gatepost serve`; DATABASE_URL has the path of its file"
            }
            Self::Files(_) => {
                "docs/operations.md, section \"Configuration as files\", lists what files may hold"
            }
            Self::Folder(..) => "give the folder with -f; it holds *.yaml files",
            Self::Export(..) => "give a folder that you may write to with -o",
            Self::FileExists(_) => "give another folder, or --force to replace it",
            Self::OldSchema => {
                "run `gatepost migrate`, or start the new `gatepost serve`, which does the same"
            }
            Self::Session(
                SessionError::Sessions(StoreError::Redis(error))
                | SessionError::End(LoadError::Sessions(StoreError::Redis(error))),
            ) if is_refusal(error) => {
                return Some(format!(
                    "grant the Redis user the missing rights: ACL SETUSER name {USER_RULES}"
                ));
            }
            Self::Session(SessionError::UnknownSession(_)) => {
                "`gatepost session list USER` shows the sessions of a person"
            }
            Self::Session(_) => {
                "check that REDIS_URL is right and that Redis runs; `gatepost session end --user USER` needs no Redis"
            }
            Self::Config(_) => {
                "docs/configuration.md lists every setting; a secret can also be in a file: NAME_FILE"
            }
            Self::Environment(_) => "set it again, in UTF-8",
            Self::Log(_) => "examples for GATEPOST_LOG__LEVEL: info, or info,gatepost=debug",
            Self::NotReady(_) => "`gatepost check` checks everything that Gatepost needs",
            Self::Start(error) => of_start(error),
            Self::Copy(error) => return error.hint().map(str::to_owned),
            Self::CopyArguments(error) => return error.hint(),
            Self::Owner(error) => return error.hint().map(str::to_owned),
            Self::Carry(CarryError::Store(StoreError::Redis(error))) if is_refusal(error) => {
                "grant the Redis user what the copy needs: ACL SETUSER name +scan +pttl"
            }
            Self::Carry(_) => "check that Redis and the database run, then repeat with `--resume`",
            Self::Erasures(error) => error.hint(),
            Self::RouterFile(error) => error.hint(),
            Self::NoHead { .. } => "the file holds what `gatepost audit heads` printed",
            Self::NotAKey(_) => "give the whole key, as it was found, on standard input",
            Self::NobodysKey => "its checksum is right: it may belong to another installation",
            Self::Interrupted => "the key that was made is revoked",
            Self::Client(_) => "correct GATEPOST_CA_FILE",
            Self::RouterReadsBodies(_)
            | Self::Span(_)
            | Self::Output(_)
            | Self::Input(_)
            | Self::File(..) => return None,
        };
        Some(hint.to_owned())
    }
}

/// The hint for an unknown request, with the time that its id contains.
fn of_request(id: RequestId) -> String {
    let came = match id.created_at().filter(|at| *at <= Timestamp::now()) {
        Some(at) => format!("; this one came {} UTC", minute(at)),
        None => String::new(),
    };
    format!(
        "refusals of people who are signed in, and of programs whose key or token is known, are stored within seconds and kept \
         for {} days: at most 30 a minute of one person, and 30 an hour of a program{came}. Look for request.id={id} in the log of `gatepost serve`",
        REFUSALS_TTL.as_secs() / 86_400
    )
}

const fn of_start(error: &StartError) -> &'static str {
    match error {
        StartError::Locked(_) => {
            "stop the other one first; for several replicas set DATABASE_URL, REDIS_URL and GATEPOST_SECRET_KEYS"
        }
        StartError::Listen(..) => {
            "another program may use this address; change GATEPOST_INTERNAL_ADDR, GATEPOST_PUBLIC_ADDR or GATEPOST_HEALTH_ADDR"
        }
        _ => "`gatepost check` checks everything that Gatepost needs, and says how to fix it",
    }
}

const fn of_certificates(error: &CertsError) -> Option<&'static str> {
    match error {
        CertsError::Mismatch { .. } | CertsError::Refused { .. } | CertsError::Malformed { .. } => Some(
            "restore the right file, or replace everything: `gatepost certs --force`, then restart Traefik",
        ),
        CertsError::NoAuthorityKey { .. } => Some(
            "run this where the key is and copy the result, or replace everything: `gatepost certs --force`",
        ),
        CertsError::File { .. } => Some("run this as the user that `gatepost serve` runs as"),
        _ => None,
    }
}
