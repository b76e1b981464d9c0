//! Which providers a sign-in offers.
//!
//! The provider of a tenant is offered at the tenant's hosts alone. What is not offered cannot be named in the address either.

use super::addresses::find_host;
use super::{Context, Problem};
use gatepost_core::ids::ProviderId;
use gatepost_oidc::Provider;
use gatepost_pages::Offer;
use gatepost_runtime::providers::OfTenant;
use gatepost_store::session::tokens::{LoginRequest, Target};
use std::sync::Arc;

/// The providers that a sign-in offers, in the order of the page.
pub(super) struct Offered {
    providers: Vec<Arc<Provider>>,
}

impl Offered {
    /// Those for this sign-in. At a host of a tenant its own provider comes first, and is the only one if the tenant says so.
    pub(super) async fn find(context: &Context, request: &LoginRequest) -> Result<Self, Problem> {
        let tenant = match &request.target {
            Target::Host { host, .. } => match find_host(&context.hosts, host).await {
                Ok(found) => found.tenant().cloned(),
                // Said when the sign-in is to end there.
                Err(Problem::UnknownHost) => None,
                Err(problem) => return Err(problem),
            },
            Target::Account | Target::Page(_) => None,
        };
        let own = match &tenant {
            Some(tenant) => context.providers.of_tenant(tenant).await?,
            None => None,
        };
        let configured = context.site.providers.iter().cloned();
        let providers = match own {
            Some(OfTenant { provider, is_only: true }) => vec![provider],
            Some(OfTenant { provider, is_only: false }) => {
                std::iter::once(provider).chain(configured).collect()
            }
            None => configured.collect(),
        };
        Ok(Self { providers })
    }

    /// The provider of the session that the browser has. It may confirm that session wherever the browser goes, also where it
    /// is not offered: nobody else can, and no other provider replaces a session that is not its own.
    pub(super) async fn before(
        &self,
        context: &Context,
        id: &ProviderId,
    ) -> Result<Option<Arc<Provider>>, Problem> {
        match self.named(id) {
            Some(offered) => Ok(Some(Arc::clone(offered))),
            None => Ok(context.providers.find(id).await?),
        }
    }

    fn named(&self, id: &ProviderId) -> Option<&Arc<Provider>> {
        self.providers.iter().find(|provider| provider.id() == id)
    }

    /// The named provider, else the one that signed this person in last time, else the only one. `None`: the person has to
    /// choose.
    pub(super) fn choose(
        &self,
        named: Option<&str>,
        before: Option<Arc<Provider>>,
    ) -> Result<Option<Arc<Provider>>, Problem> {
        if let Some(named) = named {
            let id = named.parse().map_err(|_| Problem::UnknownProvider)?;
            return self.named(&id).cloned().map(Some).ok_or(Problem::UnknownProvider);
        }
        let only = match self.providers.as_slice() {
            [only] => Some(Arc::clone(only)),
            _ => None,
        };
        Ok(before.or(only))
    }

    /// The entries of the page.
    pub(super) fn offers(&self) -> Vec<Offer> {
        let offer = |provider: &Arc<Provider>| Offer {
            id: provider.id().clone(),
            label: provider.label().to_owned(),
        };
        self.providers.iter().map(offer).collect()
    }
}
