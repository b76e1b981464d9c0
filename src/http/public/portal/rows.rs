//! Who says what, in the words of the pages of groups and tenants.

use crate::site::Site;
use gatepost_core::ids::ProviderId;
use gatepost_pages::admin::ClaimedBy;

/// The provider's label, or the id of one that is not configured any more.
pub(super) fn label<'a>(site: &'a Site, id: &'a ProviderId) -> &'a str {
    site.providers.find(id).map_or(id.as_str(), |provider| provider.label())
}

/// Who says that somebody is in a group: `manual`, `scim`, or the id of a provider.
pub(super) fn claimed_by<'a>(site: &'a Site, source: &'a str) -> ClaimedBy<'a> {
    match source {
        "manual" => ClaimedBy::Administrator,
        "scim" => ClaimedBy::Scim,
        id => {
            let provider = id.parse().ok().and_then(|id| site.providers.find(&id));
            ClaimedBy::Provider(provider.map_or(id, |provider| provider.label()), None)
        }
    }
}
