//! Asks the DNS for the texts by which somebody proves that they run a zone, and whether a host has an address.
//!
//! Each question begins anew, with what the system's resolver is set to now: who has just written a record must not be told
//! what was remembered from before. A server that fails has said nothing: that is no proof, and no denial either.

use gatepost_core::host::HostName;
use gatepost_core::tenant_host::HostProof;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// Of one question to one server.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// Of the answer as a whole.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Of more records nobody needs a proof.
const MOST_RECORDS: usize = 32;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    /// No server answers, or one fails.
    #[error("the DNS does not answer")]
    Failed(#[from] NetError),
    #[error("the DNS did not answer in time")]
    Deadline,
}

/// Finds the texts of the record by which a host is proved. Empty: there is none.
///
/// # Errors
/// [`LookUpError`]: it is unknown whether there is one.
pub async fn find_proofs(server: Option<SocketAddr>, host: &HostName) -> Result<Vec<String>, LookUpError> {
    let resolver = resolver(server)?;
    // The dot at the end: the system's search domains are not tried.
    let name = format!("{}.", HostProof::record_name(host));
    let found = timeout(TIMEOUT, resolver.txt_lookup(name)).await.map_err(|_| LookUpError::Deadline)?;
    let found = match found {
        Ok(found) => found,
        Err(NetError::Dns(DnsError::NoRecordsFound(none)))
            if matches!(none.response_code, ResponseCode::NoError | ResponseCode::NXDomain) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error.into()),
    };
    let texts = found.answers().iter().filter_map(|record| match &record.data {
        RData::TXT(text) => Some(text.txt_data.concat()),
        _ => None,
    });
    Ok(texts.take(MOST_RECORDS).filter_map(|text| String::from_utf8(text).ok()).collect())
}

/// Whether a host has an address.
///
/// # Errors
/// [`LookUpError`]: it is unknown.
pub async fn has_address(server: Option<SocketAddr>, host: &HostName) -> Result<bool, LookUpError> {
    let resolver = resolver(server)?;
    let found = timeout(TIMEOUT, resolver.lookup_ip(format!("{host}."))).await;
    match found.map_err(|_| LookUpError::Deadline)? {
        Ok(found) => Ok(found.iter().next().is_some()),
        Err(NetError::Dns(DnsError::NoRecordsFound(none)))
            if matches!(none.response_code, ResponseCode::NoError | ResponseCode::NXDomain) =>
        {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// For one question.
fn resolver(server: Option<SocketAddr>) -> Result<TokioResolver, NetError> {
    let mut builder = match server {
        Some(server) => {
            let mut connection = ConnectionConfig::udp();
            connection.port = server.port();
            let server = NameServerConfig::new(server.ip(), true, vec![connection]);
            let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
        None => TokioResolver::builder_tokio()?,
    };
    let options = builder.options_mut();
    options.timeout = ATTEMPT_TIMEOUT;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    builder.build()
}
