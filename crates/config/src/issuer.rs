//! Reads where a provider is discovered: its issuer, or Entra's authority and tenant.
//!
//! Plain http is only allowed on loopback, for tests: on a network, others could answer in the provider's place.

use super::reader::{Read, Reader};
use super::{EntraTenant, ProviderKind};
use gatepost_core::ids::ProviderId;
use url::{Host, Url};
use uuid::Uuid;

const GLOBAL_CLOUD: &str = "https://login.microsoftonline.com";

const ISSUER: &str = "an https address without query (http only on loopback), as the provider writes it";
const AUTHORITY: &str =
    "the https base of Entra's addresses as in https://login.microsoftonline.com (http only on loopback)";
const TENANT: &str = "the tenant's GUID (a domain name is not enough, Entra shows the GUID as Tenant ID), or organizations or common";
const ALLOWED: &str = "GUIDs of the tenants that may sign in";

/// The values of `tenant_id` with which several tenants can sign in.
const SEVERAL: [&str; 2] = ["organizations", "common"];

/// The values of the settings of all kinds, as far as they are given.
pub(super) struct Places {
    issuer: Option<String>,
    authority: Option<Url>,
    tenant: Option<String>,
    allowed: Option<Vec<String>>,
}

/// Reads the settings of all kinds. The methods of [`Places`] refuse those that do not apply to the provider's kind.
pub(super) fn read(reader: &mut Reader, id: &ProviderId) -> Read<Places> {
    let issuer = reader.value(&key(id, "issuer"), ISSUER, |text| secure_url(text).map(|_| text.to_owned()));
    let authority = reader.value(&key(id, "authority"), AUTHORITY, secure_url);
    let tenant = reader.value(&key(id, "tenant_id"), TENANT, |text| {
        guid(text).or_else(|| SEVERAL.contains(&text).then(|| text.to_owned()))
    });
    let allowed = reader.filled_list(&key(id, "allowed_tenants"), ALLOWED, guid);
    Ok(Places { issuer: issuer?, authority: authority?, tenant: tenant?, allowed: allowed? })
}

impl Places {
    /// Builds the kind `entra` from authority and tenant.
    pub fn entra(self, reader: &mut Reader, id: &ProviderId) -> Read<ProviderKind> {
        let refused = refuse_others(reader, id, &["issuer"], "entra, which takes tenant_id");
        let Some(tenant) = self.tenant else { return Err(reader.missing(&key(id, "tenant_id"), TENANT)) };
        let is_several = SEVERAL.contains(&tenant.as_str());
        let tenant = match (is_several, self.allowed) {
            (true, Some(allowed)) => EntraTenant::Several { segment: tenant, allowed },
            (false, None) => EntraTenant::Pinned(tenant),
            (true, None) => {
                let expected = format!("{ALLOWED}, since {} is {tenant}", reader.name(&key(id, "tenant_id")));
                return Err(reader.missing(&key(id, "allowed_tenants"), expected));
            }
            (false, Some(_)) => {
                let why = format!("{} already names the only tenant", reader.name(&key(id, "tenant_id")));
                return Err(reader.contradiction(&key(id, "allowed_tenants"), why));
            }
        };
        let authority = self.authority.or_else(|| Url::parse(GLOBAL_CLOUD).ok());
        let authority = authority.ok_or_else(|| reader.missing(&key(id, "authority"), AUTHORITY))?;
        refused.map(|()| ProviderKind::Entra { authority, tenant })
    }

    /// Builds the kind `google`, which takes none of these settings.
    pub fn google(reader: &mut Reader, id: &ProviderId) -> Read<ProviderKind> {
        let others = ["issuer", "authority", "tenant_id", "allowed_tenants"];
        refuse_others(reader, id, &others, "google, whose issuer is known").map(|()| ProviderKind::Google)
    }

    /// Builds the kind `oidc` from the issuer.
    pub fn oidc(self, reader: &mut Reader, id: &ProviderId) -> Read<ProviderKind> {
        let others = ["authority", "tenant_id", "allowed_tenants"];
        let refused = refuse_others(reader, id, &others, "oidc, which takes issuer");
        let issuer = self.issuer.ok_or_else(|| reader.missing(&key(id, "issuer"), ISSUER))?;
        refused.map(|()| ProviderKind::Oidc { issuer })
    }
}

fn refuse_others(reader: &mut Reader, id: &ProviderId, settings: &[&str], kind: &str) -> Read<()> {
    let mut refused = Ok(());
    for setting in settings.iter().map(|setting| key(id, setting)) {
        if reader.is_given(&setting) {
            refused = Err(reader.contradiction(&setting, format!("does not apply to kind {kind}")));
        }
    }
    refused
}

fn key(id: &ProviderId, setting: &str) -> String {
    format!("providers.{id}.{setting}")
}

fn guid(text: &str) -> Option<String> {
    let is_hyphenated = text.len() == 36;
    Uuid::try_parse(text).ok().filter(|_| is_hyphenated).map(|guid| guid.hyphenated().to_string())
}

/// Parses an address that only the provider can answer: over TLS, or on this machine.
pub fn secure_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let is_safe = match (url.scheme(), url.host()?) {
        ("https", _) => true,
        ("http", Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        ("http", Host::Ipv4(address)) => address.is_loopback(),
        ("http", Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    (is_plain && is_safe && text.trim() == text).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_accepted_only_on_loopback() {
        for text in [
            "https://idp.example.com/realms/a",
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:1/x",
            "http://localhost",
            "http://idp.localhost:80/",
        ] {
            assert!(secure_url(text).is_some(), "{text}");
        }
        for text in [
            "http://idp.example.com",
            "http://128.0.0.1",
            "http://[::2]",
            "http://localhost.example.com",
            "http://notlocalhost",
            "http://10.0.0.1",
            "http://127.0.0.1.nip.io",
            "ftp://localhost",
            "https://",
            "idp.example.com",
            "https://a.b/?x=1",
            "https://a.b/#x",
            "https://user@a.b",
            "https://u:p@a.b",
            " https://a.b",
        ] {
            assert!(secure_url(text).is_none(), "{text}");
        }
    }
}
