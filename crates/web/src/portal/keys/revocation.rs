//! Revokes a key whose name was typed.

use super::facts;
use super::reader::KeyReader;
use crate::answer::PageAnswer;
use crate::extract::{Fields, Form, Path};
use crate::fault::Fault;
use crate::portal::change::{FormAnswer, Refused, conditions};
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_pages::admin::{EnteredText, KeyRevocation, PlaceNotice};
use gatepost_store::directory::KeyRecord;
use serde::Deserialize;

/// The name of the key, as it was typed.
#[derive(Deserialize)]
pub(crate) struct Typed {
    name: Option<String>,
    version: Option<String>,
}

impl Fields for Typed {
    const LIMIT: usize = 4096;
}

/// Asks before a key is revoked.
///
/// # Errors
/// [`Fault`]: there is none, or the directory does not answer.
pub(crate) async fn ask<C: Into<KeyReader>>(
    caller: C,
    context: web::Data<Context>,
    Path(id): Path<KeyId>,
) -> Result<PageAnswer, Fault> {
    let reader: KeyReader = caller.into();
    let key = reader.find(&context, id).await?;
    Ok(page(&reader, &key, EnteredText::default(), false))
}

fn page(reader: &KeyReader, key: &KeyRecord, typed: EnteredText<'_>, is_overtaken: bool) -> PageAnswer {
    let (frame, now) = (reader.frame(None), Timestamp::now());
    PageAnswer(KeyRevocation { frame, pages: reader.pages, key: facts(key), typed, is_overtaken, now }.page())
}

/// Revokes a key.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn revoke<C: Into<KeyReader>>(
    caller: C,
    context: web::Data<Context>,
    Path(id): Path<KeyId>,
    Form(form): Form<Typed>,
) -> FormAnswer {
    let reader: KeyReader = caller.into();
    let (key, text) = (reader.find(&context, id).await?, form.name.unwrap_or_default());
    if text.trim() != key.name {
        let typed = EnteredText { value: &text, error: Some("This is not the name of the key.") };
        return Ok(Either::Right(page(&reader, &key, typed, false)));
    }
    let (here, actor) = (reader.pages.key(id), reader.actor());
    let made = async {
        let change = context.revocation_of_key(id, &actor).await?;
        Ok(context.carry_out(&change, conditions(form.version.as_deref())?, &actor).await?)
    };
    match made.await {
        Ok(_) => Ok(KeyReader::done(&context, &here, PlaceNotice::KeyRevoked)),
        Err(Refused::Overtaken(Some(_))) => {
            let key = reader.find(&context, id).await?;
            Ok(Either::Right(page(&reader, &key, EnteredText::of(&text), true)))
        }
        Err(why) => reader.answer(&here, why),
    }
}
