//! The provider that a tenant brings, for its administrators: what it is, the domains of its addresses, and the form that says which.

use super::form_errors::FormErrors;
use super::forms::{EnteredText, Removal};
use super::group_removal;
use super::parts::{ApiCall, Area, Check, Field};
use super::proofs::{ProofEntry, ProofView, ProofsOf, WrongProof};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::Moment;
use askama::Template;
use gatepost_core::administration::Version;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_provider::TenantProviderKind;

/// The provider that a tenant brings. 200; 422 if something is wrong with the form; 412 if somebody was faster; else the status of
/// a domain that was not decided about.
#[derive(Clone, Copy, Debug)]
pub struct TenantSignIn<'a> {
    pub frame: Frame<'a>,
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
    /// `None`: its people sign in at the providers of the platform.
    pub provider: Option<ProviderFacts<'a>>,
    /// What has to be registered at the provider.
    pub redirect_uri: &'a str,
    /// Its tier or the tenant itself has the feature.
    pub is_allowed: bool,
    pub domains: &'a [ProofEntry<'a>],
    /// Where the next page of domains begins.
    pub next: Option<&'a str>,
    pub wrong_domain: Option<WrongProof<'a>>,
    pub entered: &'a ProviderEntered,
    pub errors: &'a FormErrors,
    pub is_overtaken: bool,
}

/// The provider that is kept, without its secret.
#[derive(Clone, Copy, Debug)]
pub struct ProviderFacts<'a> {
    pub kind: TenantProviderKind,
    /// The issuer; for Entra the id of the tenant there.
    pub place: &'a str,
    pub client_id: &'a str,
    pub label: &'a str,
    pub groups_claim: Option<&'a str>,
    pub trusts_addresses: bool,
    pub is_only: bool,
    pub changed_at: Timestamp,
    pub version: Version,
}

/// What was entered into the form, as texts.
#[derive(Clone, Debug, Default)]
pub struct ProviderEntered {
    pub kind: String,
    pub issuer: String,
    pub tenant_id: String,
    pub client_id: String,
    pub label: String,
    pub groups_claim: String,
    pub domains: String,
    pub is_assumed: bool,
    pub is_only: bool,
    /// The secret that was entered before, sealed. Empty: none was.
    pub sealed_secret: String,
}

#[derive(Template)]
#[template(path = "admin/sign_in.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a TenantSignIn<'a>,
    here: String,
    back: String,
    changed_at: Option<Moment>,
    proofs: Vec<ProofView<'a>>,
    next: Option<String>,
    form: FormView<'a>,
    api: Vec<ApiCall>,
}

/// A kind that can be chosen.
struct KindChoice {
    kind: TenantProviderKind,
    text: &'static str,
    hint: &'static str,
    is_chosen: bool,
}

struct FormView<'a> {
    fault: Option<&'a str>,
    /// Empty: there must be no provider yet.
    version: String,
    kinds: [KindChoice; 2],
    kind_error: Option<&'a str>,
    issuer: Field<'a>,
    tenant_id: Field<'a>,
    client_id: Field<'a>,
    client_secret: Field<'a>,
    label: Field<'a>,
    groups_claim: Field<'a>,
    domains: Area<'a>,
    checks: [Check; 2],
}

impl TenantSignIn<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (here, back) = (paths::admin_tenant_sign_in(self.id), paths::admin_tenant(self.id));
        let domains = format!("{here}/domains");
        let of = ProofsOf {
            field: "domain",
            action: &domains,
            counts: "It counts: the provider may assert its addresses.",
            wrong: self.wrong_domain,
            may_decide: self.frame.scope.is_system(),
            has_removal: false,
        };
        let heading = "Sign-in";
        let above = [(self.name.unwrap_or(self.id.as_str()), back.clone())];
        let view = View {
            chrome: Chrome::portal(heading, &self.frame, Section::Tenants, Some(&above)),
            page: self,
            changed_at: self.provider.map(|provider| Moment(provider.changed_at)),
            proofs: self.domains.iter().map(|domain| domain.view(of)).collect(),
            next: self.next.map(|next| paths::query(&here, &[("after", Some(next))])),
            form: self.form(),
            api: self.api(),
            here,
            back,
        };
        let status = match self.wrong_domain {
            _ if self.is_overtaken => 412,
            _ if !self.errors.is_empty() => 422,
            Some(wrong) => wrong.status,
            None => 200,
        };
        Page::public(status, render(&view), &[])
    }

    fn api(&self) -> Vec<ApiCall> {
        let path = format!("/tenants/{}/provider", self.id);
        let whole = serde_json::json!({
            "kind": "oidc", "issuer": "https://id.acme.com", "client_id": "gatepost", "client_secret": "...",
            "allowed_domains": ["acme.com"],
        });
        let version = self.provider.map(|provider| provider.version);
        let of_this = |call: ApiCall| match version {
            Some(version) => call.if_match(version),
            None => call,
        };
        let mut calls = vec![ApiCall::get(&path, &[]), of_this(ApiCall::of("PUT", &path)).with_body(&whole)];
        if version.is_some() {
            let secret = serde_json::json!({ "client_secret": "..." });
            calls.push(of_this(ApiCall::of("PATCH", &path)).with_body(&secret));
        }
        calls
    }

    fn form(&self) -> FormView<'_> {
        let Self { entered, errors, .. } = self;
        let field = |name: &'static str, label: &'static str, value, hint: &'static str| {
            EnteredText { value, error: errors.of(name) }.field((name, name), label, hint)
        };
        let is_entra = entered.kind == TenantProviderKind::Entra.as_str();
        let secret_hint = if !entered.sealed_secret.is_empty() {
            "The one that you entered is still here, and no page shows it. Empty: that one."
        } else if self.provider.is_some() {
            "Empty: the one that is kept, for the same client of the same provider. No page shows it."
        } else {
            "It is sealed, and no page shows it."
        };
        FormView {
            fault: errors.of(""),
            version: self.provider.map(|provider| provider.version.to_string()).unwrap_or_default(),
            kinds: [
                KindChoice {
                    kind: TenantProviderKind::Oidc,
                    text: "OpenID Connect",
                    hint: "Keycloak, Okta, Zitadel and others",
                    is_chosen: !is_entra,
                },
                KindChoice {
                    kind: TenantProviderKind::Entra,
                    text: "Microsoft Entra ID",
                    hint: "one tenant there",
                    is_chosen: is_entra,
                },
            ],
            kind_error: errors.of("kind"),
            issuer: field(
                "issuer",
                "Issuer",
                &entered.issuer,
                "Byte for byte as the provider writes it, as https://id.acme.com.",
            ),
            tenant_id: field("tenant_id", "Tenant at Entra", &entered.tenant_id, "Its id there, a GUID."),
            client_id: field(
                "client_id",
                "Client",
                &entered.client_id,
                "Gatepost\u{2019}s id at the provider.",
            ),
            client_secret: Field {
                kind: "password",
                ..field("client_secret", "Secret of the client", "", secret_hint)
            },
            label: field(
                "label",
                "Name",
                &entered.label,
                "What people see where they choose how to sign in. Empty: the id of the tenant.",
            ),
            groups_claim: field(
                "groups_claim",
                "Claim with groups",
                &entered.groups_claim,
                "As groups, or realm_access.roles. Empty: groups are not read.",
            ),
            domains: Area {
                id: "allowed_domains",
                name: "allowed_domains",
                label: "Domains of its addresses",
                hint: "One a line, as acme.com. Others sign nobody in, and what is not here is removed."
                    .to_owned(),
                value: &entered.domains,
                error: errors.of("allowed_domains"),
            },
            checks: [
                Check {
                    name: "only",
                    text: "The only one",
                    hint: "at hosts of the tenant no other provider is offered",
                    is_chosen: entered.is_only,
                },
                Check {
                    name: "assumed",
                    text: "Trust all addresses",
                    hint: "also those that the provider does not call verified; at Entra that is always so",
                    is_chosen: entered.is_assumed,
                },
            ],
        }
    }
}

/// Before the provider is taken from a tenant. 200, or 422 if another id was typed.
#[derive(Clone, Copy, Debug)]
pub struct ProviderRemoval<'a> {
    pub frame: Frame<'a>,
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
    /// The name of the provider that people see.
    pub label: &'a str,
    pub version: Version,
    /// The id of the tenant, as it was typed.
    pub typed: EnteredText<'a>,
}

impl ProviderRemoval<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (tenant, here) = (paths::admin_tenant(self.id), paths::admin_tenant_sign_in(self.id));
        let name = self.name.unwrap_or(self.id.as_str());
        let above = [(name, tenant), ("Sign-in", here.clone())];
        let view = group_removal::View {
            chrome: Chrome::portal(
                &format!("Remove {}?", self.label),
                &self.frame,
                Section::Tenants,
                Some(&above),
            ),
            removal: Removal {
                action: format!("{here}/remove"),
                effects: vec![
                    "Everybody whom it signed in is signed out at once, and signs in at a provider of the platform then."
                        .to_owned(),
                    "The API keys of these people are revoked for good.".to_owned(),
                    "Its groups are empty, and its secret is deleted.".to_owned(),
                    "Its domains are no longer the tenant\u{2019}s: another one may prove them.".to_owned(),
                ],
                stays: vec!["The tenant with its hosts, its members and its own keys.".to_owned()],
                keeps: vec![("version", self.version.to_string())],
                typed: Some(self.typed.field(("typed", "id"), "Id of the tenant", "")),
                name: self.id.as_str(),
                is_for_good: true,
                first: None,
                button: "Remove the provider",
                back: here,
            },
            api: vec![ApiCall::of("DELETE", &format!("/tenants/{}/provider", self.id)).if_match(self.version)],
        };
        Page::public(if self.typed.error.is_some() { 422 } else { 200 }, render(&view), &[])
    }
}
