//! How the pages of a tenant look. Its administrators say so.

use super::caller::Caller;
use super::input::{Body, Json, Write};
use super::list::Filtered;
use super::members::{Given, Members};
use super::problems::{ReadProblems, WriteProblems};
use super::refused::Refused;
use super::reply::Reply;
use super::tenant_bodies::nullable;
use crate::extract::Path;
use crate::problem_document::{Flaw, Problem, ProblemCode};
use actix_web::web::Data;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_admin::Context;
use gatepost_admin::views::{Branding, BrandingChange};
use gatepost_config::Config;
use gatepost_core::branding::{Accent, AccentError, BrandName, Logo, Notice, Support};
use gatepost_core::ids::TenantId;
use gatepost_store::directory::changes::{BrandTenant, BrandingEdit, TenantBrandName};
use std::str::FromStr;
use utoipa::ToSchema;

/// How the pages of a tenant look.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/branding", tag = "tenants", params(("id" = String, Path)),
    responses((status = 200, body = Branding), ReadProblems))]
pub(super) async fn show(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let tenant = super::tenants::find(&caller, &admin, id).await?;
    Ok(Reply::ok(Branding::from(&tenant.branding)).version(tenant.version))
}

/// A change of how the pages of a tenant look (RFC 7396): what is absent stays, `null` takes it away.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made of it; `Patched` reads the members")]
pub(super) struct BrandingPatch {
    /// The name on its pages. No host of the platform may be in it.
    #[schema(max_length = 64)]
    name: Option<String>,
    /// The colour of a band on which the name stands in white.
    #[schema(example = "#2b5c4e")]
    accent: Option<String>,
    /// `mailto:` and an address, or a page at `https`.
    #[schema(max_length = 300, example = "mailto:help@acme.com")]
    support: Option<String>,
    /// Plain text that its pages on the public host show.
    #[schema(max_length = 280)]
    notice: Option<String>,
    /// A PNG or WebP picture in base64 (RFC 4648 section 4), at most 64 KiB, 16 to 512 pixels wide and high.
    #[schema(content_encoding = "base64", max_length = 87384)]
    logo: Option<String>,
}

/// A picture in base64.
struct SentLogo(Logo);

impl FromStr for SentLogo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes =
            STANDARD.decode(text).map_err(|_| "a logo is sent in base64, without line ends".to_owned())?;
        Logo::read(&bytes).map(Self).map_err(|error| error.to_string())
    }
}

/// A text that is a colour. Whether white can be read on it is judged apart, because that is no flaw of the text.
struct Colour(Result<Accent, AccentError>);

impl FromStr for Colour {
    type Err = AccentError;

    fn from_str(text: &str) -> Result<Self, AccentError> {
        match text.parse() {
            Err(AccentError::Malformed) => Err(AccentError::Malformed),
            judged => Ok(Self(judged)),
        }
    }
}

/// What a body says.
pub(super) struct Patched {
    name: Given<BrandName>,
    accent: Given<Colour>,
    support: Given<Support>,
    notice: Given<Notice>,
    logo: Given<SentLogo>,
}

impl Body for Patched {
    /// A logo of 64 KiB in base64, and the rest.
    const MOST_BYTES: usize = 96 * 1024;

    fn read(members: &mut Members<'_>) -> Option<Self> {
        let (name, accent) = (members.text("name"), members.text("accent"));
        let (support, notice) = (members.text("support"), members.text("notice"));
        let logo = members.text("logo");
        Some(Self { name: name?, accent: accent?, support: support?, notice: notice?, logo: logo? })
    }
}

impl Patched {
    /// # Errors
    /// White cannot be read on the colour; `BrandNameReserved`.
    fn edit(self, config: &Config) -> Result<BrandingEdit, Refused> {
        let accent = match nullable(self.accent) {
            Some(Some(Colour(judged))) => Some(Some(judged.map_err(pale)?)),
            Some(None) => Some(None),
            None => None,
        };
        let named = |name| TenantBrandName::new(name, config);
        let name = nullable(self.name).map(|name| name.map(named).transpose());
        Ok(BrandingEdit {
            name: name.transpose()?,
            accent,
            support: nullable(self.support),
            notice: nullable(self.notice),
            logo: nullable(self.logo).map(|logo| logo.map(|SentLogo(logo)| logo)),
        })
    }
}

fn pale(error: AccentError) -> Problem {
    let detail = format!("{error}.");
    let mut problem = Problem::new(ProblemCode::NotPossible, detail.clone());
    problem.errors = vec![Flaw::at("/accent", "contrast", detail)];
    problem
}

/// Changes how the pages of a tenant look.
#[utoipa::path(patch, path = "/api/v1/tenants/{id}/branding", tag = "tenants", params(("id" = String, Path)), request_body = BrandingPatch,
    responses((status = 200, body = BrandingChange), WriteProblems))]
pub(super) async fn patch(
    caller: Caller,
    admin: Data<Context>,
    Path(tenant): Path<TenantId>,
    Write(conditions): Write,
    Json(body): Json<Patched>,
) -> Result<Reply, Refused> {
    let change = BrandTenant { tenant, edit: body.edit(&admin.site.config)? };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let body = BrandingChange::new(&done.outcome, done.changed);
    Ok(Reply::changed(&done, conditions, body, None))
}
