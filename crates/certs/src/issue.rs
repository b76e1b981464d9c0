//! Creates keys and certificates (RFC 5280) with ECDSA on P-256, which Traefik and rustls support in TLS 1.2 and 1.3.

use super::{CertsError, Name, Role};
use gatepost_core::clock::Timestamp;
use gatepost_core::secret::fill_random;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use time::OffsetDateTime;

/// The subject of the authority. It never changes: certificates signed before a renewal name it as their issuer.
pub(super) const AUTHORITY: &str = "Gatepost internal authority";
/// The only name in the proxy's certificate.
pub(super) const PROXY: &str = "traefik";
const AUTHORITY_TTL: Duration = Duration::from_hours(10 * 365 * 24);
const LEAF_TTL: Duration = Duration::from_hours(90 * 24);
/// Certificates are valid from this long before now, because clocks of two machines differ.
const SKEW: Duration = Duration::from_hours(1);

/// A new private key.
pub(super) fn new_key() -> Result<KeyPair, CertsError> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
}

/// The names that the authority may sign for, if these are the names of the server.
pub(super) fn permitted(names: &BTreeSet<Name>) -> BTreeSet<Name> {
    names.iter().cloned().chain([Name::Dns(PROXY.to_owned())]).collect()
}

/// The certificate of the authority in PEM form.
pub(super) fn authority(key: &KeyPair, names: &BTreeSet<Name>, now: Timestamp) -> Result<String, CertsError> {
    let mut params = authority_params();
    params.name_constraints = Some(constraints(&permitted(names)));
    set_validity(&mut params, now, AUTHORITY_TTL)?;
    Ok(params.self_signed(key)?.pem())
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, AUTHORITY);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Without a permitted IP address all addresses must be excluded: a kind of name that the constraints do not mention is
/// not constrained (section 4.2.1.10).
fn constraints(permitted: &BTreeSet<Name>) -> NameConstraints {
    let subtree = |name: &Name| match name {
        Name::Dns(name) => GeneralSubtree::DnsName(name.clone()),
        Name::Ip(address @ IpAddr::V4(_)) => {
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*address, 32))
        }
        Name::Ip(address @ IpAddr::V6(_)) => {
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*address, 128))
        }
    };
    let is_without_addresses = permitted.iter().all(|name| matches!(name, Name::Dns(_)));
    let everywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let no_address =
        everywhere.map(|address| GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, 0)));
    NameConstraints {
        permitted_subtrees: permitted.iter().map(subtree).collect(),
        excluded_subtrees: if is_without_addresses { no_address.into() } else { Vec::new() },
    }
}

/// A certificate of the server or of the proxy in PEM form, signed by `authority`.
pub(super) fn leaf(
    role: Role,
    key: &KeyPair,
    names: &BTreeSet<Name>,
    authority: &KeyPair,
    now: Timestamp,
) -> Result<String, CertsError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let (common_name, purpose) = match role {
        Role::Client => (PROXY, ExtendedKeyUsagePurpose::ClientAuth),
        Role::Server | Role::Authority => ("gatepost", ExtendedKeyUsagePurpose::ServerAuth),
    };
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.subject_alt_names = names.iter().map(alternative_name).collect::<Result<_, _>>()?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, now, LEAF_TTL)?;
    let issuer = Issuer::new(authority_params(), authority);
    Ok(params.signed_by(key, &issuer)?.pem())
}

fn alternative_name(name: &Name) -> Result<SanType, rcgen::Error> {
    Ok(match name {
        Name::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
        Name::Ip(address) => SanType::IpAddress(*address),
    })
}

/// Sets the dates and a random serial number. rcgen derives the serial number from the key, so a renewal with the same
/// key would repeat it.
fn set_validity(params: &mut CertificateParams, now: Timestamp, ttl: Duration) -> Result<(), CertsError> {
    let date = |at: Timestamp| OffsetDateTime::from_unix_timestamp(at.unix()).map_err(|_| rcgen::Error::Time);
    params.not_before = date(now.minus(SKEW))?;
    params.not_after = date(now.plus(ttl))?;
    let mut serial = [0; 16];
    fill_random(&mut serial);
    // Positive, and without a leading zero byte (section 4.1.2.2).
    serial[0] = serial[0] & 0x3f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(())
}
