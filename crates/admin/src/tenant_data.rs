//! Everything that is held about one tenant, read for those who administer it.

use super::Context;
use super::usage_span::{UsageSpan, UsageStep};
use super::views::{
    AccessRequest, Invitation, Key, Tenant, TenantData, TenantMember, ToolRule, ToolServer, ToolServerData,
};
use gatepost_core::administration::Scope;
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::{Day, Timestamp};
use gatepost_core::ids::TenantId;
use gatepost_store::directory::{DirectoryError, KeyFilter, Page, Place, RequestFilter, TenantRecord};

/// The number of rows in one query.
const PAGE: u32 = 500;
/// There are few rows: one for each day, meter and tool server.
const ALL_DAYS: UsageSpan =
    UsageSpan { from: Day::from_number(0), to: Day::from_number(u32::MAX), step: UsageStep::Day };

impl Context {
    /// What is held about a tenant, as far as this scope may read it, without the audit.
    ///
    /// # Errors
    /// `Unavailable`; `UnknownTenant` if it is gone by now.
    pub async fn read_tenant_data(
        &self,
        scope: &Scope,
        tenant: &TenantRecord,
    ) -> Result<TenantData, DirectoryError> {
        let (directory, id) = (&self.stores.directory, &tenant.id);
        let members =
            all(async |after| directory.list_tenant_members(scope, id, after.as_ref(), PAGE).await).await?;
        let of_tenant = KeyFilter { tenant: Some(id.clone()), ..KeyFilter::default() };
        let keys =
            all(async |after| directory.search_keys(scope, &of_tenant, after.as_ref(), PAGE).await).await?;
        let wanted = RequestFilter { tenant: Some(id.clone()), ..RequestFilter::default() };
        let requests =
            all(async |after| directory.search_requests(scope, &wanted, after.as_ref(), PAGE).await).await?;
        let provider = match directory.find_tenant_provider(scope, id).await {
            Ok(found) => Some(self.provider_view(&found)),
            Err(DirectoryError::NoTenantProvider(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(TenantData {
            exported_at: rfc3339(Timestamp::now()),
            tenant: Tenant::from(tenant),
            provider,
            members: members.iter().map(TenantMember::from).collect(),
            invitations: directory.list_invitations(scope, id).await?.iter().map(Invitation::from).collect(),
            keys: keys.iter().map(Key::from).collect(),
            tool_servers: tool_servers(self, scope, id).await?,
            requests: requests.iter().map(AccessRequest::from).collect(),
            usage: self.read_usage(tenant, ALL_DAYS).await?.periods,
            audit: Vec::new(),
        })
    }
}

async fn tool_servers(
    admin: &Context,
    scope: &Scope,
    id: &TenantId,
) -> Result<Vec<ToolServerData>, DirectoryError> {
    let directory = &admin.stores.directory;
    let servers =
        all(async |after| directory.list_tool_servers(scope, Some(id), after.as_ref(), PAGE).await).await?;
    let mut told = Vec::new();
    for server in &servers {
        let rules =
            all(async |after| directory.list_tool_rules(scope, &server.id, after.as_ref(), PAGE).await)
                .await?;
        told.push(ToolServerData {
            server: ToolServer::from(server),
            rules: rules.iter().map(ToolRule::from).collect(),
        });
    }
    Ok(told)
}

/// All rows of a list.
async fn all<R>(
    page: impl AsyncFn(Option<Place>) -> Result<Page<R>, DirectoryError>,
) -> Result<Vec<R>, DirectoryError> {
    let (mut rows, mut place) = (Vec::new(), None);
    loop {
        let found = page(place).await?;
        rows.extend(found.items);
        place = found.next;
        if place.is_none() {
            return Ok(rows);
        }
    }
}
