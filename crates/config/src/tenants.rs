//! Reads what is set about tenants.

use super::reader::{Read, Reader, Separator};
use super::{TenantsConfig, address};
use gatepost_core::tenant_host::is_fit;

const NETWORKS: &str = "networks as in 10.20.0.0/16, separated by commas";

pub(super) fn read(reader: &mut Reader) -> Read<TenantsConfig> {
    let domain = reader.value("tenants.domain", "a domain as in apps.example.com", |text| {
        text.parse().ok().filter(|domain| !text.contains(':') && is_fit(domain))
    });
    let resolver =
        reader.value("tenants.resolver", "an address and a port, as 192.0.2.53:53", |text| text.parse().ok());
    let self_service = reader.flag("tenants.self_service");
    let networks = reader.list("tenants.provider_networks", NETWORKS, Separator::Comma, address::network);
    Ok(TenantsConfig {
        domain: domain?,
        resolver: resolver?,
        provider_networks: networks?.unwrap_or_default(),
        self_service: self_service?.unwrap_or(false),
    })
}
