//! Reads the OpenID providers (`providers.<id>.*`), first each alone, then the rules that concern several of them.
//!
//! These are: group names are trusted from at most one provider, and with several providers each has a list of domains
//! whose addresses it may assert.

mod bearer;

use super::credential;
use super::issuer::{self, Places};
use super::reader::{Read, Reader, Separator};
use super::{EmailVerified, EntraTenant, GroupNames, GroupsSource, ProviderConfig, ProviderKind, Recheck};
use gatepost_core::ids::ProviderId;
use std::collections::BTreeSet;

const KIND: &str = "entra, google or oidc";
const DOMAINS: &str = "domains as in example.com, for one of several tenants of Entra TENANT-ID/example.com";
const CLAIM: &str = "the path of a claim as in groups or realm_access.roles";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Entra,
    Google,
    Oidc,
}

pub(super) fn read(reader: &mut Reader) -> Read<Vec<ProviderConfig>> {
    let names = reader.names_under("providers.");
    if names.is_empty() {
        let expected = "at least one provider: GATEPOST_PROVIDERS__<ID>__KIND and its settings, or MICROSOFT_CLIENT_ID, \
            MICROSOFT_CLIENT_SECRET and MICROSOFT_CLIENT_TENANT_ID";
        return Err(reader.missing("providers", expected));
    }
    let providers: Vec<Read<ProviderConfig>> =
        names.iter().map(|name| read_one(reader, name, &names)).collect();
    let providers = providers.into_iter().collect::<Read<Vec<_>>>()?;
    let trusted = check_trusted_names(reader, &providers);
    let domains = check_domains_are_given(reader, &providers);
    let tenants = check_tenants_of_domains(reader, &providers);
    trusted.and(domains).and(tenants).map(|()| providers)
}

/// Reads one provider. The keys of all kinds are read, so that a key of another kind is not reported as unknown.
fn read_one(reader: &mut Reader, name: &str, names: &BTreeSet<String>) -> Read<ProviderConfig> {
    let parsed = name.parse::<ProviderId>().ok().filter(|id| id.tenant().is_none());
    let Some(id) = parsed else {
        let at = format!("providers.{name}");
        reader.pass_over(&format!("{at}."));
        let expected = "an id of 1 to 32 of a-z, 0-9 and -, which does not begin with t- (tenants' own providers have such ids)";
        return Err(reader.malformed(&at, format!("{name:?}"), expected));
    };
    let at = |setting: &str| format!("providers.{id}.{setting}");
    let words = [("entra", Kind::Entra), ("google", Kind::Google), ("oidc", Kind::Oidc)];
    let kind = reader.word(&at("kind"), &words, KIND);
    let kind = kind.and_then(|kind| kind.ok_or_else(|| reader.missing(&at("kind"), KIND)));
    let places = issuer::read(reader, &id);
    let client_id = reader.required(&at("client_id"), "the client's id as the provider gave it", visible);
    let credential = credential::read(reader, &id, kind.is_ok_and(|kind| kind == Kind::Entra));
    let assertion = credential::read_assertion(reader, &id, &credential);
    let secret_expires_at = credential::read_end(reader, &id, &credential);
    let label = reader.value(&at("label"), "a name for people", printable);
    let scopes = read_scopes(reader, &at("scopes"));
    let domains = reader.filled_list(&at("allowed_domains"), DOMAINS, |text| text.parse().ok());
    let words = [("required", EmailVerified::Required), ("assumed", EmailVerified::Assumed)];
    let email_verified = reader.word(&at("email_verified"), &words, "required or assumed");
    let words = [("claim", GroupsSource::Claim), ("graph", GroupsSource::Graph), ("off", GroupsSource::Off)];
    let groups = reader.word(&at("groups"), &words, "claim, graph or off");
    let groups_claim = read_claim(reader, &at("groups_claim"));
    let words = [("link", GroupNames::Link), ("trust", GroupNames::Trust)];
    let group_names = reader.word(&at("group_names"), &words, "link or trust");
    let words = [("provider", Recheck::Provider), ("off", Recheck::Off)];
    let recheck = reader.word(&at("recheck"), &words, "provider or off");
    let bearer = bearer::read(reader, &at, kind.ok());

    let kind = kind?;
    let fits = fits_kind(reader, kind, &at, email_verified, groups);
    let provider_kind = match kind {
        Kind::Entra => places.and_then(|places| places.entra(reader, &id)),
        Kind::Google => places.and_then(|_| Places::google(reader, &id)),
        Kind::Oidc => places.and_then(|places| places.oidc(reader, &id)),
    };
    fits?;
    let default = ProviderConfig::new(id, provider_kind?, client_id?, credential?);
    let label = label?.unwrap_or_else(|| default_label(kind, &default.id, names));
    Ok(ProviderConfig {
        label,
        assertion: assertion?,
        secret_expires_at: secret_expires_at?,
        scopes: scopes?,
        allowed_domains: domains?,
        email_verified: email_verified?.unwrap_or(default.email_verified),
        groups: groups?.unwrap_or(default.groups),
        groups_claim: groups_claim?.unwrap_or_else(|| default.groups_claim.clone()),
        group_names: match group_names? {
            Some(GroupNames::Link) if kind != Kind::Entra => GroupNames::LinkQualified,
            chosen => chosen.unwrap_or(default.group_names),
        },
        recheck: recheck?.unwrap_or(default.recheck),
        bearer: bearer?,
        ..default
    })
}

fn fits_kind(
    reader: &mut Reader,
    kind: Kind,
    at: &impl Fn(&str) -> String,
    email_verified: Read<Option<EmailVerified>>,
    groups: Read<Option<GroupsSource>>,
) -> Read<()> {
    let mut fits = Ok(());
    if kind == Kind::Entra && matches!(email_verified, Ok(Some(EmailVerified::Required))) {
        let why = "Entra sends no email_verified, so nobody could sign in: remove the setting";
        fits = Err(reader.contradiction(&at("email_verified"), why));
    }
    if kind != Kind::Entra && matches!(groups, Ok(Some(GroupsSource::Graph))) {
        fits = Err(reader
            .contradiction(&at("groups"), "only kind entra has graph: expected claim or off for this kind"));
    }
    fits
}

fn check_trusted_names(reader: &mut Reader, providers: &[ProviderConfig]) -> Read<()> {
    let trusts = |provider: &&ProviderConfig| {
        provider.group_names == GroupNames::Trust && provider.groups != GroupsSource::Off
    };
    let trusted: Vec<&ProviderId> = providers.iter().filter(trusts).map(|provider| &provider.id).collect();
    let [first, others @ ..] = trusted.as_slice() else { return Ok(()) };
    let mut result = Ok(());
    for provider in providers.iter().filter(trusts) {
        if let ProviderKind::Entra { tenant: EntraTenant::Several { .. }, .. } = &provider.kind {
            let why = "several tenants name groups, so one tenant could name a group like another tenant's: set it to link, or give \
                each tenant a provider of its own";
            result = Err(reader.contradiction(&format!("providers.{}.group_names", provider.id), why));
        }
    }
    for other in others {
        let why = format!(
            "group names of {first} and {other} are both trusted, so one provider could name a group like the other's: \
            set {} or {} to link (or groups to off)",
            reader.name(&format!("providers.{first}.group_names")),
            reader.name(&format!("providers.{other}.group_names")),
        );
        result = Err(reader.contradiction(&format!("providers.{other}.group_names"), why));
    }
    result
}

/// Checks that with several providers each has `allowed_domains`: a provider that may assert every address could assert
/// another person's.
fn check_domains_are_given(reader: &mut Reader, providers: &[ProviderConfig]) -> Read<()> {
    let mut result = Ok(());
    for provider in providers.iter().filter(|_| providers.len() > 1) {
        let pinned = matches!(&provider.kind, ProviderKind::Entra { tenant: EntraTenant::Pinned(_), .. });
        if !pinned && provider.allowed_domains.is_none() {
            let key = format!("providers.{}.allowed_domains", provider.id);
            result = Err(reader.missing(
                &key,
                "the domains whose addresses it may assert, since there are several providers",
            ));
        }
    }
    result
}

/// Checks that the tenants in `allowed_domains` are allowed to sign in: another tenant there is probably a typing
/// error.
fn check_tenants_of_domains(reader: &mut Reader, providers: &[ProviderConfig]) -> Read<()> {
    let mut result = Ok(());
    for provider in providers {
        let tids = provider.allowed_domains.iter().flatten().filter_map(|entry| entry.tid.as_ref());
        for tid in tids {
            let why = match &provider.kind {
                ProviderKind::Entra { tenant: EntraTenant::Several { allowed, .. }, .. } => {
                    if allowed.contains(tid) {
                        continue;
                    }
                    let setting = reader.name(&format!("providers.{}.allowed_tenants", provider.id));
                    format!("{tid} is not in {setting}")
                }
                _ => format!(
                    "{tid}/ does not apply: only kind entra with several tenants lists domains by tenant"
                ),
            };
            result = Err(reader.contradiction(&format!("providers.{}.allowed_domains", provider.id), why));
        }
    }
    result
}

fn read_scopes(reader: &mut Reader, key: &str) -> Read<Vec<String>> {
    const EXPECTED: &str = "scopes as in openid,profile,email";
    let scopes = reader.list(key, EXPECTED, Separator::CommaOrSpace, scope_token)?.unwrap_or_default();
    if !scopes.is_empty() && !scopes.iter().any(|scope| scope == "openid") {
        return Err(reader.contradiction(
            key,
            "openid is missing, and without it nobody can sign in (OpenID Connect Core 3.1.2.1)",
        ));
    }
    Ok(scopes)
}

/// Reads the path of a claim, split at `.`. An address as in `https://example.com/groups` is one name. Any other name
/// with dots must be written as an array in the file.
fn read_claim(reader: &mut Reader, key: &str) -> Read<Option<Vec<String>>> {
    if reader.is_array(key) {
        reader.filled_list(key, CLAIM, printable)
    } else {
        reader.value(key, CLAIM, |text| {
            let is_one = text.contains("://");
            let path: Vec<String> =
                if is_one { vec![text.to_owned()] } else { text.split('.').map(str::to_owned).collect() };
            path.iter().all(|part| printable(part).is_some()).then_some(path)
        })
    }
}

fn default_label(kind: Kind, id: &ProviderId, names: &BTreeSet<String>) -> String {
    let maker = match kind {
        Kind::Entra => "Microsoft",
        Kind::Google => "Google",
        Kind::Oidc => return id.to_string(),
    };
    if names.len() == 1 { maker.to_owned() } else { format!("{maker} ({id})") }
}

/// Reads a scope token (RFC 6749 section 3.3).
pub(super) fn scope_token(text: &str) -> Option<String> {
    let fits = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    (!text.is_empty() && text.bytes().all(fits)).then(|| text.to_owned())
}

/// Reads a client id (RFC 6749 appendix A.1). A space is refused: it is allowed there, but usually a copying error.
pub(super) fn visible(text: &str) -> Option<String> {
    text.bytes().all(|b| b.is_ascii_graphic()).then(|| text.to_owned())
}

pub(super) fn printable(text: &str) -> Option<String> {
    (!text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)).then(|| text.to_owned())
}
