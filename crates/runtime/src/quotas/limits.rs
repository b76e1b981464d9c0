//! How many requests each tenant may have, as the directory says.

use crate::invalidation::directory_copy::ReadWhole;
use crate::site::Site;
use gatepost_core::ids::TenantId;
use gatepost_core::quota::RequestLimits;
use gatepost_store::directory::{Directory, DirectoryError};

/// The tenants that have a limit, with their limits.
#[derive(Debug)]
pub(super) struct Limits(pub Vec<(TenantId, RequestLimits)>);

impl ReadWhole for Limits {
    async fn read(_: &Site, directory: &Directory) -> Result<Self, DirectoryError> {
        Ok(Self(directory.read_request_limits().await?))
    }
}
