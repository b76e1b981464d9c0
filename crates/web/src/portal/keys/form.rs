//! The form of a key as it is sent, and as it is shown again.

use super::facts;
use super::reader::KeyReader;
use crate::answer::PageAnswer;
use crate::extract::Fields;
use crate::fault::Fault;
use gatepost_admin::Context;
use gatepost_core::administration::Scope;
use gatepost_core::api_key::KeyFault;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::sentence;
use gatepost_core::host::HostPattern;
use gatepost_pages::admin::{EnteredKeyEnd, FormErrors, KeyChoices, KeyEntered, KeyForm, KeyFormOf};
use gatepost_runtime::parameters::ParameterError;
use gatepost_store::directory::{DirectoryError, KeyRecord, TenantFilter};
use serde::{Deserialize, de};

/// Tenants that the form proposes.
const PROPOSED: u32 = 200;

/// The fields of the form.
#[derive(Deserialize)]
pub(crate) struct Sent {
    pub(super) once: Option<String>,
    pub(super) version: Option<String>,
    name: Option<String>,
    tenant: Option<String>,
    owner_id: Option<String>,
    gate: Option<String>,
    api_read: Option<String>,
    api_write: Option<String>,
    usage_write: Option<String>,
    scim: Option<String>,
    act_as: Option<String>,
    speakers: Option<String>,
    hosts: Option<String>,
    networks: Option<String>,
    tools: Option<String>,
    groups: Option<String>,
    requests_per_minute: Option<String>,
    end: Option<String>,
    at: Option<String>,
    endless_reason: Option<String>,
}

impl Fields for Sent {
    // 100 of the longest hosts, tools and groups, encoded.
    const LIMIT: usize = 256 * 1024;
}

impl Sent {
    /// What was entered.
    ///
    /// # Errors
    /// The form is none of ours.
    pub(super) fn entered(&self) -> Result<KeyEntered, Fault> {
        let text = |field: &Option<String>| field.as_deref().unwrap_or_default().trim().to_owned();
        let scopes = [
            (&self.gate, "gate"),
            (&self.api_read, "api.read"),
            (&self.api_write, "api.write"),
            (&self.usage_write, "usage.write"),
            (&self.scim, "scim"),
            (&self.act_as, "act-as"),
        ];
        let end = EnteredKeyEnd::new(self.end.as_deref(), self.at.as_deref());
        Ok(KeyEntered {
            name: text(&self.name),
            tenant: text(&self.tenant),
            owner: text(&self.owner_id),
            scopes: scopes
                .iter()
                .filter(|(sent, _)| sent.is_some())
                .map(|(_, word)| (*word).to_owned())
                .collect(),
            speakers: text(&self.speakers),
            hosts: text(&self.hosts),
            networks: text(&self.networks),
            tools: text(&self.tools),
            groups: text(&self.groups),
            per_minute: text(&self.requests_per_minute),
            end: end.ok_or_else(malformed_end)?,
            reason: text(&self.endless_reason),
        })
    }
}

fn malformed_end() -> Fault {
    <ParameterError as de::Error>::custom("the field end has no value that the page offers").into()
}

/// Which form, what was entered, and what is wrong with it.
pub(super) struct Shown<'a> {
    /// `Err`: a new key, whose form has this text. `Ok`: one that is there, and whether somebody was faster.
    pub(super) of: Result<(&'a KeyRecord, bool), &'a str>,
    pub(super) entered: &'a KeyEntered,
    pub(super) errors: &'a FormErrors,
}

/// The page with the form.
///
/// # Errors
/// [`Fault`]: the directory does not answer.
pub(super) async fn page(
    reader: &KeyReader,
    context: &Context,
    Shown { of, entered, errors }: Shown<'_>,
) -> Result<PageAnswer, Fault> {
    let hosts: Vec<String> = context.site.config.hosts.iter().map(HostPattern::hosts).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let tenants = match (&reader.scope, reader.is_own()) {
        (Scope::System, false) => {
            let found = context
                .stores
                .directory
                .search_tenants(&reader.scope, &TenantFilter::default(), None, PROPOSED)
                .await?;
            found.items.into_iter().map(|tenant| tenant.id.to_string()).collect()
        }
        (Scope::Tenants(tenants), false) => tenants.iter().map(ToString::to_string).collect(),
        (_, true) => reader.own_tenants().into_iter().map(str::to_owned).collect::<Vec<_>>(),
    };
    let tenants: Vec<&str> = tenants.iter().map(String::as_str).collect();
    let page = KeyForm {
        frame: reader.frame(None),
        pages: reader.pages,
        of: match of {
            Err(once) => KeyFormOf::New { once },
            Ok((key, is_overtaken)) => KeyFormOf::Known { key: facts(key), is_overtaken },
        },
        entered,
        errors,
        choices: KeyChoices { hosts: &hosts, tenants: &tenants, is_system: reader.scope.is_system() },
        now: Timestamp::now(),
    };
    Ok(PageAnswer(page.page()))
}

/// Notes why the directory refused a key, beside the field that it concerns. `shown`: the fields of the form; what concerns
/// another one concerns the whole form.
///
/// # Errors
/// The error, if no field of the form is wrong.
pub(super) fn note(
    errors: &mut FormErrors,
    error: DirectoryError,
    shown: &[&'static str],
) -> Result<(), DirectoryError> {
    let field = |member: &'static str| if shown.contains(&member) { member } else { "" };
    let one = |errors: &mut FormErrors, member, error: &DirectoryError| {
        errors.add(field(member), &sentence(&error.to_string()));
    };
    match error {
        DirectoryError::KeyRefused(faults) => {
            // A host that cannot be read is said already, so that there is none is no news.
            let is_said = errors.of("hosts").is_some();
            for fault in faults.all().iter().filter(|fault| !(is_said && **fault == KeyFault::NoHost)) {
                // A host is written as it is, also where it begins a sentence.
                let text = match fault {
                    KeyFault::UnprotectedHost(_) => format!("{fault}."),
                    // Not every reader is offered all scopes that the fault names.
                    KeyFault::NoHost => {
                        "Enter at least one host: as a credential the key counts only at these. A key for the API alone needs none, and no scope gate."
                            .to_owned()
                    }
                    fault => sentence(&fault.to_string()),
                };
                errors.add(field(fault.member()), &text);
            }
        }
        DirectoryError::UnknownTenant(_) => one(errors, "tenant", &error),
        DirectoryError::UnknownUser(_) => one(errors, "owner_id", &error),
        DirectoryError::UnknownGroup(_) => one(errors, "groups", &error),
        other => return Err(other),
    }
    Ok(())
}
