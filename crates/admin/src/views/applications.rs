//! The applications: the protected hosts, with what their routers require.

use super::access::AccessRequirement;
use super::text;
use crate::access;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The applications that exist for the caller.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ApplicationList {
    pub items: Vec<Application>,
    /// The value of `after` for the next page. `null`: this is the last one.
    pub next: Option<String>,
    /// Entries of `GATEPOST_HOSTS` at which nobody who was signed in asked for anything in the last 30 days. Only shown to
    /// system administrators.
    #[schema(example = json!(["*.example.com"]))]
    pub unseen: Vec<String>,
}

/// A protected host: a tenant's, or one at which somebody who was signed in asked for something in the last 30 days.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Application {
    #[schema(example = "wiki.example.com")]
    pub host: String,
    #[schema(example = "https://wiki.example.com")]
    pub origin: String,
    /// The tenant whose host it is.
    pub tenant: Option<String>,
    /// What its routers require, as far as requests of the last 30 days showed it.
    pub requirements: Vec<AccessRequirement>,
}

impl From<&access::Application> for Application {
    fn from(application: &access::Application) -> Self {
        Self {
            host: application.host.to_string(),
            origin: application.origin.clone(),
            tenant: text(application.tenant.as_ref()),
            requirements: application.requirements.iter().map(AccessRequirement::from).collect(),
        }
    }
}
