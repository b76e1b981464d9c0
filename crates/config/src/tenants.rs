//! Reads what is set about tenants.

use super::TenantsConfig;
use super::reader::{Read, Reader};
use gatepost_core::tenant_host::is_fit;

pub(super) fn read(reader: &mut Reader) -> Read<TenantsConfig> {
    let domain = reader.value("tenants.domain", "a domain as in apps.example.com", |text| {
        text.parse().ok().filter(|domain| !text.contains(':') && is_fit(domain))
    });
    let resolver =
        reader.value("tenants.resolver", "an address and a port, as 192.0.2.53:53", |text| text.parse().ok());
    Ok(TenantsConfig { domain: domain?, resolver: resolver? })
}
