//! Changes what a key may.

use super::form::{Sent, Shown, note, page};
use super::reader::KeyReader;
use super::reading::{Read, read};
use crate::answer::PageAnswer;
use crate::extract::{Form, Path};
use crate::fault::Fault;
use crate::portal::change::{FormAnswer, conditions};
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_pages::admin::{EnteredKeyEnd, FormErrors, KeyEntered, PlaceNotice};
use gatepost_store::directory::changes::{KeyUpdate, UpdateKey};
use gatepost_store::directory::{Conditions, DirectoryError, KeyRecord};

/// The fields of the form.
const FIELDS: [&str; 4] = ["hosts", "expires_at", "endless_reason", "requests_per_minute"];

/// Shows the form of a key that the reader may change.
///
/// # Errors
/// [`Fault`]: there is none, or the directory does not answer.
pub(crate) async fn show<C: Into<KeyReader>>(
    caller: C,
    context: web::Data<Context>,
    Path(id): Path<KeyId>,
) -> Result<PageAnswer, Fault> {
    let reader: KeyReader = caller.into();
    let key = reader.find_to_change(&context, id).await?;
    let (entered, errors) = (known(&key), FormErrors::default());
    page(&reader, &context, Shown { of: Ok((&key, false)), entered: &entered, errors: &errors }).await
}

/// What the form of a key shows.
fn known(key: &KeyRecord) -> KeyEntered {
    fn lines<T: ToString>(items: &[T]) -> String {
        items.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
    let limits = &key.limits;
    KeyEntered {
        name: key.name.clone(),
        hosts: lines(&limits.hosts),
        networks: lines(&limits.networks),
        tools: lines(&limits.tools),
        per_minute: limits.requests_per_minute.map(|rate| rate.to_string()).unwrap_or_default(),
        end: EnteredKeyEnd::kept(),
        reason: key.endless_reason.clone().unwrap_or_default(),
        ..KeyEntered::default()
    }
}

/// Changes a key.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn update<C: Into<KeyReader>>(
    caller: C,
    context: web::Data<Context>,
    Path(id): Path<KeyId>,
    Form(sent): Form<Sent>,
) -> FormAnswer {
    let reader: KeyReader = caller.into();
    let (key, entered) = (reader.find(&context, id).await?, sent.entered()?);
    let mut errors = FormErrors::default();
    let change = change(&context, &key, read(&entered, &mut errors, Timestamp::now())).await?;
    let here = reader.pages.key(id);
    let terms = if errors.is_empty() {
        conditions(sent.version.as_deref())
    } else {
        Ok(Conditions { is_dry_run: true, ..Conditions::default() })
    };
    let made = match terms {
        Ok(terms) => context.carry_out(&change, terms, &reader.actor()).await,
        Err(why) => return reader.answer(&here, why),
    };
    let (mut now, mut is_overtaken) = (key, false);
    match made {
        Ok(_) if errors.is_empty() => return Ok(KeyReader::done(&context, &here, PlaceNotice::KeyChanged)),
        Ok(_) => {}
        Err(DirectoryError::Overtaken(_)) => {
            now = reader.find(&context, id).await?;
            is_overtaken = true;
        }
        Err(error) => {
            if let Err(other) = note(&mut errors, error, &FIELDS) {
                return reader.answer(&here, other);
            }
        }
    }
    let shown = Shown { of: Ok((&now, is_overtaken)), entered: &entered, errors: &errors };
    page(&reader, &context, shown).await.map(Either::Right)
}

async fn change(context: &Context, key: &KeyRecord, read: Read) -> Result<UpdateKey, DirectoryError> {
    let Read { name, hosts, networks, tools, per_minute, expiry, .. } = read;
    let faults = context.faults_of_hosts(key.tenant_id.as_ref(), &hosts).await?;
    let new = KeyUpdate {
        name,
        hosts: Some(hosts),
        networks: Some(networks),
        tools: Some(tools),
        requests_per_minute: Some(per_minute),
        expiry,
        faults,
    };
    Ok(UpdateKey { id: key.id, holder: key.holder(), new })
}
