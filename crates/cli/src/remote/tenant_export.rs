//! Everything that is held about a tenant.

use super::api::{Api, Call};
use super::error::ApiError;
use super::lines::LONGEST_STREAM;
use gatepost_core::ids::TenantId;
use reqwest::Method;

impl Api {
    /// Takes the text of the answer, part by part: it may be longer than the memory. An answer that breaks off is an error.
    pub(crate) async fn export_tenant<E: From<ApiError>>(
        &self,
        tenant: &TenantId,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = ["tenants", tenant.as_str(), "export"];
        let call = Call::new(&Method::GET, &path);
        let (mut response, origin) = self.open(call, ("application/json", LONGEST_STREAM)).await?;
        let broken_off = |error: reqwest::Error| ApiError::BrokenOff {
            origin: origin.to_owned(),
            error: error.without_url(),
        };
        while let Some(chunk) = response.chunk().await.map_err(broken_off)? {
            take(&chunk)?;
        }
        Ok(())
    }
}
