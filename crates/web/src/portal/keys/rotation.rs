//! Gives a key another secret, and shows it once.

use super::facts;
use super::making::shown;
use super::reader::KeyReader;
use crate::answer::PageAnswer;
use crate::extract::{Fields, Form, Path};
use crate::fault::Fault;
use crate::portal::change::{FormAnswer, Impossible, conditions};
use crate::portal::forms::filled_in;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::api_key::KeyId;
use gatepost_core::ids::RequestId;
use gatepost_pages::admin::{KeyRotation, OVERLAPS};
use gatepost_store::directory::changes::{Once, RotateKey, ShownKey};
use gatepost_store::directory::{DirectoryError, Done, KeyRecord};
use serde::Deserialize;
use std::time::Duration;

/// What is chosen first: a day.
const USUAL: u32 = 86_400;

/// The fields of the form.
#[derive(Deserialize)]
pub(crate) struct Sent {
    once: Option<String>,
    version: Option<String>,
    overlap: Option<String>,
}

impl Fields for Sent {}

/// Shows the form of a key that the reader may change.
///
/// # Errors
/// [`Fault`]: there is none, or the directory does not answer.
pub(crate) async fn ask<C: Into<KeyReader>>(
    caller: C,
    context: web::Data<Context>,
    Path(id): Path<KeyId>,
) -> Result<PageAnswer, Fault> {
    let reader: KeyReader = caller.into();
    let key = reader.find_to_change(&context, id).await?;
    let once = RequestId::generate().to_string();
    Ok(page(&reader, &key, (&once, USUAL), false))
}

fn page(reader: &KeyReader, key: &KeyRecord, (once, overlap): (&str, u32), is_overtaken: bool) -> PageAnswer {
    let frame = reader.frame(None);
    PageAnswer(
        KeyRotation { frame, pages: reader.pages, key: facts(key), once, overlap, is_overtaken }.page(),
    )
}

/// Gives a key another secret. The answer shows it; when the form comes again, it leads to the key.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn rotate<C: Into<KeyReader>>(
    caller: C,
    context: web::Data<Context>,
    Path(id): Path<KeyId>,
    Form(sent): Form<Sent>,
) -> FormAnswer {
    let reader: KeyReader = caller.into();
    let repeat = reader.repeat(sent.once.as_deref())?;
    let overlap: u32 = filled_in("overlap", sent.overlap.as_deref())?;
    if OVERLAPS.iter().all(|(seconds, _)| *seconds != overlap) {
        filled_in::<u32>("overlap", None)?;
    }
    let (key, here) = (reader.find(&context, id).await?, reader.pages.key(id));
    let change = RotateKey { id, holder: key.holder(), overlap: Duration::from_secs(overlap.into()) };
    let answer = |done: &Done<ShownKey>| done.outcome.record.id.to_string();
    let made = match conditions(sent.version.as_deref()) {
        Ok(conditions) => {
            context.carry_out(&Once { change: &change, repeat, answer }, conditions, &reader.actor()).await
        }
        Err(why) => return reader.answer(&here, why),
    };
    match made {
        Ok(made) => Ok(shown(&reader, &context, &made.outcome, true)),
        Err(DirectoryError::Repeated) => reader.sent_before(&context, repeat).await,
        Err(DirectoryError::Overtaken(Some(_))) => {
            let key = reader.find(&context, id).await?;
            let once = sent.once.unwrap_or_default();
            Ok(Either::Right(page(&reader, &key, (&once, overlap), true)))
        }
        Err(DirectoryError::EndsInThePast) => Ok(reader.refused(
            &here,
            &Impossible {
                status: 409,
                text: "The key has ended.".to_owned(),
                remedy: "Give it another end first.",
            },
        )),
        Err(error) => reader.answer(&here, error),
    }
}
