//! Whose a key is that was found somewhere.

use crate::answer::{PageAnswer, Redirect};
use crate::callers::Administrator;
use crate::extract::{Fields, Form};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::api_key::ApiKey;
use gatepost_core::error_chain::sentence;
use gatepost_pages::admin::{KeyLookup, PlaceNotice};
use gatepost_pages::paths;
use serde::Deserialize;

/// The found key. It stands in the body of a form alone, which nothing logs.
#[derive(Deserialize)]
pub(crate) struct Found {
    key: Option<String>,
}

impl Fields for Found {}

/// Shows the form.
pub(crate) async fn ask(administrator: Administrator) -> Result<PageAnswer, Fault> {
    Ok(answer(&administrator, None))
}

fn answer(administrator: &Administrator, error: Option<&str>) -> PageAnswer {
    PageAnswer(KeyLookup { frame: administrator.frame(None), error }.page())
}

/// Leads to the page of the key, if the caller administers it.
///
/// # Errors
/// [`Fault`]: the directory does not answer.
pub(crate) async fn look_up(
    administrator: Administrator,
    context: web::Data<Context>,
    Form(Found { key }): Form<Found>,
) -> Result<Either<Redirect, PageAnswer>, Fault> {
    let text = key.unwrap_or_default();
    let digest = match ApiKey::parse(text.trim()) {
        Ok(key) => key.digest(),
        Err(error) => {
            let error = sentence(&error.to_string());
            return Ok(Either::Right(answer(&administrator, Some(&error))));
        }
    };
    let found = context.stores.directory.look_up_key(&administrator.scope, &digest).await?;
    let Some(key) = found else {
        let nobodys = "No key that you administer has this secret.";
        return Ok(Either::Right(answer(&administrator, Some(nobodys))));
    };
    let (root, path) = (&context.site.config.public_url, paths::admin_key(key.id));
    let to = format!("{root}{path}?done={}", PlaceNotice::KeyFound.as_str());
    Ok(Either::Left(Redirect { to, cookie: None }))
}
