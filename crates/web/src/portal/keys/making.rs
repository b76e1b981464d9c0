//! Makes a key, and shows it once.

use super::facts;
use super::form::{Sent, Shown, note, page};
use super::reader::KeyReader;
use super::reading::{Read, read};
use crate::answer::PageAnswer;
use crate::extract::{Form, Query};
use crate::fault::Fault;
use crate::portal::change::FormAnswer;
use crate::portal::forms::{entered as parsed, linked};
use crate::portal::loaded::named;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::administration::{Denied, Scope};
use gatepost_core::api_key::{KeyLimits, KeyName};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{RequestId, TenantId, UserId};
use gatepost_pages::admin::{FormErrors, KeyEntered, KeyMade};
use gatepost_store::directory::changes::{CreateKey, Once, ShownKey};
use gatepost_store::directory::{Conditions, DirectoryError, Done, KeyHolder, UserKey};
use serde::Deserialize;

/// Whose key it is to be.
#[derive(Deserialize)]
pub(crate) struct Holder {
    tenant: Option<String>,
    owner: Option<String>,
}

/// Shows the form.
///
/// # Errors
/// [`Fault`]: the directory does not answer.
pub(crate) async fn blank<C: Into<KeyReader>>(
    caller: C,
    context: web::Data<Context>,
    Query(holder): Query<Holder>,
) -> Result<PageAnswer, Fault> {
    let reader: KeyReader = caller.into();
    let tenant: Option<TenantId> = linked(holder.tenant.as_deref())?;
    let only = match &reader.scope {
        Scope::Tenants(tenants) if tenants.len() == 1 && !reader.is_own() => tenants.first().cloned(),
        _ => None,
    };
    let owner: Option<UserId> = linked(holder.owner.as_deref())?;
    let owner = match owner.filter(|_| reader.scope.is_system() && !reader.is_own()) {
        Some(id) => context.stores.directory.find_user(&reader.scope, &UserKey::Id(id)).await?,
        None => None,
    };
    let entered = KeyEntered {
        tenant: tenant.or(only).map(|id| id.to_string()).unwrap_or_default(),
        owner: owner.map(|user| named(&user.summary)).unwrap_or_default(),
        scopes: vec!["gate".to_owned()],
        ..KeyEntered::default()
    };
    let once = RequestId::generate().to_string();
    page(&reader, &context, Shown { of: Err(&once), entered: &entered, errors: &FormErrors::default() }).await
}

/// Makes a key. The answer shows its secret; when the form comes again, it leads to the key that it has made.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn create<C: Into<KeyReader>>(
    caller: C,
    context: web::Data<Context>,
    Form(sent): Form<Sent>,
) -> FormAnswer {
    let reader: KeyReader = caller.into();
    let (repeat, entered) = (reader.repeat(sent.once.as_deref())?, sent.entered()?);
    let mut errors = FormErrors::default();
    let holder = holder(&reader, &context, &entered, &mut errors).await?;
    let change = change(&context, holder, read(&entered, &mut errors, Timestamp::now())).await?;
    let actor = reader.actor();
    // Of a form that is wrong already this says what else is.
    let is_dry_run = !errors.is_empty();
    let conditions = Conditions { is_dry_run, ..Conditions::default() };
    let answer = |done: &Done<ShownKey>| done.outcome.record.id.to_string();
    let made = if is_dry_run {
        context.carry_out(&change, conditions, &actor).await
    } else {
        context.carry_out(&Once { change: &change, repeat, answer }, conditions, &actor).await
    };
    match made {
        Ok(made) if errors.is_empty() => return Ok(shown(&reader, &context, &made.outcome, false)),
        Ok(_) => {}
        Err(DirectoryError::Repeated) => return reader.sent_before(&context, repeat).await,
        Err(DirectoryError::Denied(Denied::Hidden)) => {
            errors.add("tenant", "There is no tenant of this id that you administer.");
        }
        Err(error) => {
            if let Err(other) = note(&mut errors, error, fields(&reader)) {
                return reader.answer(reader.pages.root(), other);
            }
        }
    }
    let once = sent.once.unwrap_or_default();
    let shown = Shown { of: Err(&once), entered: &entered, errors: &errors };
    page(&reader, &context, shown).await.map(Either::Right)
}

/// The page with the secret.
pub(super) fn shown(
    reader: &KeyReader,
    context: &Context,
    new: &ShownKey,
    is_rotated: bool,
) -> Either<crate::answer::Redirect, PageAnswer> {
    let origin = new.record.limits.hosts.iter().find_map(|host| context.site.hosts.find(host));
    let origin = origin.map(|origin| origin.to_string());
    let page = KeyMade {
        frame: reader.frame(None),
        pages: reader.pages,
        key: facts(&new.record),
        secret: new.secret.expose(),
        opens: origin.as_deref(),
        is_rotated,
    };
    Either::Right(PageAnswer(page.page()))
}

/// The fields of the form that a reader sees.
const fn fields(reader: &KeyReader) -> &'static [&'static str] {
    const ALL: [&str; 6] =
        ["scopes", "hosts", "expires_at", "endless_reason", "requests_per_minute", "tenant"];
    const SYSTEM: [&str; 8] = [
        "scopes",
        "hosts",
        "expires_at",
        "endless_reason",
        "requests_per_minute",
        "tenant",
        "groups",
        "owner_id",
    ];
    if matches!(reader.scope, Scope::System) { &SYSTEM } else { &ALL }
}

async fn change(context: &Context, holder: KeyHolder, read: Read) -> Result<CreateKey, DirectoryError> {
    let Read { name, scopes, hosts, networks, tools, groups, per_minute, expiry } = read;
    let faults = context.faults_of_hosts(holder.tenant.as_ref(), &hosts).await?;
    let limits =
        KeyLimits { scopes, hosts, networks, tools, requests_per_minute: per_minute, ..KeyLimits::default() };
    // A name that cannot be read is an error of its field, and nothing is made.
    let name = name.or_else(|| "unnamed".parse::<KeyName>().ok()).expect("it is a name");
    Ok(CreateKey { name, holder, limits, groups, expiry: expiry.unwrap_or_default(), faults })
}

/// Whose key it is to be.
async fn holder(
    reader: &KeyReader,
    context: &Context,
    entered: &KeyEntered,
    errors: &mut FormErrors,
) -> Result<KeyHolder, Fault> {
    let mut tenant = None;
    if !entered.tenant.is_empty() {
        match parsed::<TenantId>(&entered.tenant) {
            Ok(id) => tenant = Some(id),
            Err(error) => errors.add("tenant", &error),
        }
    }
    if reader.is_own() {
        return Ok(KeyHolder { tenant, owner: Some(reader.id()) });
    }
    let Scope::Tenants(tenants) = &reader.scope else {
        if let Some(id) = &tenant
            && context.stores.directory.find_tenant(&Scope::System, id).await?.is_none()
        {
            errors.add("tenant", &format!("There is no tenant {id}."));
            tenant = None;
        }
        let owner = owner(context, &entered.owner, errors).await?;
        return Ok(KeyHolder { tenant, owner });
    };
    // A key of a tenant, for what else is wrong with the form: the field says what is wrong with it.
    if !tenant.as_ref().is_some_and(|id| tenants.contains(id)) {
        if errors.of("tenant").is_none() {
            errors.add("tenant", "Enter the id of a tenant that you administer.");
        }
        tenant = tenants.first().cloned();
    }
    Ok(KeyHolder { tenant, owner: None })
}

async fn owner(context: &Context, text: &str, errors: &mut FormErrors) -> Result<Option<UserId>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let key = match parsed::<UserKey>(text) {
        Ok(key) => key,
        Err(error) => {
            errors.add("owner_id", &error);
            return Ok(None);
        }
    };
    let found = context.stores.directory.find_user(&Scope::System, &key).await?;
    if found.is_none() {
        errors.add("owner_id", &format!("There is nobody {key}."));
    }
    Ok(found.map(|user| user.summary.id))
}
