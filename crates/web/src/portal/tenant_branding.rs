//! How the pages of a tenant look: the form, and what it changes.

use super::change::{FormAnswer, Refused, done};
use super::forms::{Attempt, ListParameters, make, optional};
use super::tenant::find;
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path, Query};
use crate::fault::Fault;
use crate::upload::Upload;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::branding::{BrandName, Logo};
use gatepost_core::error_chain::sentence;
use gatepost_core::ids::TenantId;
use gatepost_pages::admin::{EnteredText, LooksEntered, PlaceNotice, TenantLooks};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::TenantRecord;
use gatepost_store::directory::changes::{BrandTenant, BrandingEdit, TenantBrandName};
use serde::Deserialize;

/// How the pages are to look. Empty: as everywhere.
#[derive(Deserialize)]
pub(crate) struct Looks {
    name: Option<String>,
    accent: Option<String>,
    support: Option<String>,
    notice: Option<String>,
    version: Option<String>,
}

impl Fields for Looks {
    const LIMIT: usize = 8192;
}

/// Shows how the pages of a tenant look, with the form that changes it.
///
/// # Errors
/// [`Fault`]: the tenant does not exist for the caller, or the directory does not answer.
pub(crate) async fn show(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Query(parameters): Query<ListParameters>,
) -> Result<PageAnswer, Fault> {
    let tenant = find(&administrator, &context, &id).await?;
    Ok(unchanged(&administrator, &context, &tenant, (parameters.done.as_deref(), None)))
}

/// The page whose form has what there is.
fn unchanged(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantRecord,
    said: (Option<&str>, Option<&str>),
) -> PageAnswer {
    let text = |part: Option<String>| part.unwrap_or_default();
    let branding = &tenant.branding;
    let [name, accent] = [
        text(branding.name.as_ref().map(ToString::to_string)),
        text(branding.accent.map(|accent| accent.to_string())),
    ];
    let [support, notice] = [
        text(branding.support.as_ref().map(ToString::to_string)),
        text(branding.notice.as_ref().map(ToString::to_string)),
    ];
    let of = |value| EnteredText { value, error: None };
    let entered =
        LooksEntered { name: of(&name), accent: of(&accent), support: of(&support), notice: of(&notice) };
    page(administrator, context, tenant, said, entered)
}

fn page(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantRecord,
    (notice, logo_error): (Option<&str>, Option<&str>),
    entered: LooksEntered<'_>,
) -> PageAnswer {
    let page = TenantLooks {
        frame: administrator.frame(PlaceNotice::text_of(notice)),
        id: &tenant.id,
        name: tenant.name.as_deref(),
        version: tenant.version,
        branding: &tenant.branding,
        logo_error,
        public_host: context.site.config.public_url.host(),
        entered,
    };
    PageAnswer(page.page())
}

/// Changes how the pages of a tenant look.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn change(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<Looks>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    let [name_text, accent_text, support_text, notice_text] =
        [form.name, form.accent, form.support, form.notice].map(Option::unwrap_or_default);
    let own = |name: Option<BrandName>| {
        name.map(|name| TenantBrandName::new(name, &context.site.config)).transpose()
    };
    let name = optional(&name_text).and_then(|name| own(name).map_err(|error| sentence(&error.to_string())));
    let (accent, support, notice) = (optional(&accent_text), optional(&support_text), optional(&notice_text));
    let flaws = LooksEntered {
        name: EnteredText { value: &name_text, error: name.as_ref().err().map(String::as_str) },
        accent: EnteredText { value: &accent_text, error: accent.as_ref().err().map(String::as_str) },
        support: EnteredText { value: &support_text, error: support.as_ref().err().map(String::as_str) },
        notice: EnteredText { value: &notice_text, error: notice.as_ref().err().map(String::as_str) },
    };
    let edit = match (&name, &accent, &support, &notice) {
        (Ok(name), Ok(accent), Ok(support), Ok(notice)) => BrandingEdit {
            name: Some(name.clone()),
            accent: Some(*accent),
            support: Some(support.clone()),
            notice: Some(notice.clone()),
            logo: None,
        },
        _ => return Ok(Either::Right(page(&administrator, &context, &tenant, (None, None), flaws))),
    };
    let here = paths::admin_tenant_branding(&id);
    match make(&context, &administrator, &BrandTenant { tenant: id, edit }, form.version.as_deref()).await {
        Ok(_) => done(&context, &here, PlaceNotice::Branded.as_str()),
        Err(why) => overtaken(&administrator, &tenant, &flaws, why),
    }
}

/// Says what there is now, and offers the form again.
fn overtaken(
    administrator: &Administrator,
    tenant: &TenantRecord,
    entered: &LooksEntered<'_>,
    why: Refused,
) -> FormAnswer {
    let here = paths::admin_tenant_branding(&tenant.id);
    let now = tenant.branding.name.as_ref().map_or("no name", |name| name.as_str());
    let attempt = Attempt {
        section: Section::Tenants,
        subject: "The look of the pages, or something else of the tenant,",
        shown: "",
        now,
        action: &here,
        fields: &[
            ("name", entered.name.value),
            ("accent", entered.accent.value),
            ("support", entered.support.value),
            ("notice", entered.notice.value),
        ],
        text: "Save it all the same",
        back: &here,
    };
    attempt.answer(administrator, why)
}

/// Keeps another picture.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn change_logo(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    upload: Result<Upload, Fault>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    let upload = upload?;
    // A browser that has no file sends an empty one.
    let logo = match upload.bytes("logo").filter(|bytes| !bytes.is_empty()) {
        Some(bytes) => Logo::read(bytes).map_err(|error| sentence(&error.to_string())),
        None => Err("Choose a file.".to_owned()),
    };
    match logo {
        Ok(logo) => set_logo(&administrator, &context, &tenant, (Some(logo), upload.text("version"))).await,
        Err(wrong) => Ok(Either::Right(unchanged(&administrator, &context, &tenant, (None, Some(&wrong))))),
    }
}

/// The form that takes the picture away.
#[derive(Deserialize)]
pub(crate) struct NoLogo {
    version: Option<String>,
}

impl Fields for NoLogo {}

/// Takes the picture away.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn remove_logo(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<NoLogo>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    set_logo(&administrator, &context, &tenant, (None, form.version.as_deref())).await
}

async fn set_logo(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantRecord,
    (logo, version): (Option<Logo>, Option<&str>),
) -> FormAnswer {
    let here = paths::admin_tenant_branding(&tenant.id);
    let edit = BrandingEdit { logo: Some(logo), ..BrandingEdit::default() };
    match make(context, administrator, &BrandTenant { tenant: tenant.id.clone(), edit }, version).await {
        Ok(_) => done(context, &here, PlaceNotice::Branded.as_str()),
        // A file cannot be offered again by a page.
        Err(Refused::Overtaken(_)) => {
            let wrong = "Somebody else changed the tenant first. Look at it, and choose the file again.";
            Ok(Either::Right(unchanged(administrator, context, tenant, (None, Some(wrong)))))
        }
        Err(why) => why.answer(administrator, Section::Tenants, &here),
    }
}
