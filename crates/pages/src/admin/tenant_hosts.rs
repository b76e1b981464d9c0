//! The hosts of a tenant: proposed, proved, approved or refused.

use super::forms::EnteredText;
use super::parts::{ApiCall, Field};
use super::proofs::{ProofEntry, ProofView, ProofsOf, WrongProof};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use askama::Template;
use gatepost_core::host::HostName;
use gatepost_core::ids::TenantId;

/// The hosts of a tenant. 200; 422 if what was entered is wrong; else the status of what was not decided.
#[derive(Clone, Copy, Debug)]
pub struct TenantHosts<'a> {
    pub frame: Frame<'a>,
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
    pub hosts: &'a [ProofEntry<'a>],
    /// Where the next page begins.
    pub next: Option<&'a str>,
    /// How many it may have that are not refused. `None`: as many as it likes.
    pub most: Option<u64>,
    pub bounds: HostBounds<'a>,
    /// A host that is to be proposed, as it was entered.
    pub host: EnteredText<'a>,
    pub wrong: Option<WrongProof<'a>>,
}

/// Which hosts a tenant may have.
#[derive(Clone, Copy, Debug)]
pub enum HostBounds<'a> {
    Any,
    /// Those below the domain of the platform.
    Below(&'a HostName),
    /// None: the platform has no such domain, and the tenant may have no others.
    None,
}

#[derive(Template)]
#[template(path = "admin/hosts.html")]
struct View<'a> {
    chrome: Chrome,
    here: String,
    back: String,
    bounds: String,
    proofs: Vec<ProofView<'a>>,
    next: Option<String>,
    host: Field<'a>,
    api: Vec<ApiCall>,
}

impl TenantHosts<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (here, back) = (paths::admin_tenant_hosts(self.id), paths::admin_tenant(self.id));
        let of = ProofsOf {
            field: "host",
            action: &here,
            counts: "It counts: members of the tenant may enter there.",
            wrong: self.wrong,
            may_decide: self.frame.scope.is_system(),
            has_removal: true,
        };
        let path = format!("/tenants/{}/hosts", self.id);
        let body = serde_json::json!({ "host": "blog.acme.com" });
        let view = View {
            chrome: Chrome::portal(
                "Hosts",
                &self.frame,
                Section::Tenants,
                Some(&[(self.name.unwrap_or(self.id.as_str()), back.clone())]),
            ),
            proofs: self.hosts.iter().map(|host| host.view(of)).collect(),
            next: self.next.map(|next| paths::query(&here, &[("after", Some(next))])),
            bounds: self.bounds(),
            host: self.host.field(
                ("host", "host"),
                "Host",
                "A name in the DNS as in blog.acme.com, without https:// and without a path. A port is ignored.",
            ),
            api: vec![
                ApiCall::get(&path, &[]),
                ApiCall::of("POST", &path).with_body(&body),
                ApiCall::of("POST", &format!("{path}/blog.acme.com/confirm")),
            ],
            here: here.clone(),
            back,
        };
        let status = match (self.wrong, self.host.error) {
            (Some(wrong), _) => wrong.status,
            (None, Some(_)) => 422,
            (None, None) => 200,
        };
        Page::public(status, render(&view), &[])
    }

    fn bounds(&self) -> String {
        let which = match self.bounds {
            HostBounds::Any => {
                "A host belongs to one tenant, and the platform\u{2019}s own hosts to none.".to_owned()
            }
            HostBounds::Below(domain) => {
                format!(
                    "This tenant may have hosts below {domain}. It lacks the feature custom_domains for others."
                )
            }
            HostBounds::None => {
                "This tenant may have no hosts: it lacks the feature custom_domains.".to_owned()
            }
        };
        match self.most {
            Some(most) => format!("{which} It may have {most}, not counting those that are refused."),
            None => which,
        }
    }
}
