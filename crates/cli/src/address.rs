//! `gatepost user address` and `gatepost user release`: which address applications get for a person.

use super::console::{Console, Known, WHAT_GOES_ON};
use super::error::CommandError;
use super::only_here::OnlyHere;
use super::report::Report;
use gatepost_admin::views::AddressRelease;
use gatepost_core::calendar::{minute, rfc3339};
use gatepost_core::email::EmailAddress;
use gatepost_store::directory::changes::{ChangeAddress, ReleaseAddress};
use gatepost_store::directory::{AddressChange, UserKey};
use serde_json::json;

pub(super) async fn change(
    console: &Console,
    key: &UserKey,
    to: &EmailAddress,
) -> Result<Report, CommandError> {
    let config = &console.only_here(OnlyHere::Address)?.site.config;
    let user = console.find_user(key).await?;
    let id = user.id;
    let change = ChangeAddress::new(UserKey::Id(id), to.clone(), config)?;
    let news = console.carry_out_here(&change).await?.outcome;
    let Some(AddressChange::Changed { from, .. }) = &news.change else {
        let text = format!("Applications already get {to} for this person.");
        return Ok(Report::new(text, json!({ "user_id": id, "email": to, "changed": false })));
    };
    let mut lines = vec![format!(
        "Applications {} {to} for {} from now on.",
        console.either("get", "would get"),
        user.called()
    )];
    lines.extend(from.as_ref().map(|from| what_becomes_of(from, &user)));
    lines.extend(news.former_holder.as_ref().map(|former| {
        let (whose, until) = (former.user, minute(former.until));
        format!(
            "{to} was the address of user {whose} until {until} UTC. Applications will give that user's account to this person."
        )
    }));
    let former = news
        .former_holder
        .as_ref()
        .map(|former| json!({ "user_id": former.user, "until": rfc3339(former.until) }));
    let json =
        json!({ "user_id": id, "email": to, "former_email": from, "former_holder": former, "changed": true });
    Ok(Report::new(lines.join("\n"), json))
}

fn what_becomes_of(from: &EmailAddress, user: &Known) -> String {
    if user.details.identities.iter().any(|identity| identity.email.as_deref() == Some(from.as_str())) {
        format!("The provider still asserts {from} for this person, so nobody else can get it.")
    } else {
        format!(
            "The next person who signs in with {from} gets it, and with it the account that applications keep under it."
        )
    }
}

pub(super) async fn release(console: &Console, key: &UserKey) -> Result<Report, CommandError> {
    let user = console.find_user(key).await?;
    let released = console.carry_out(&ReleaseAddress { user: key.clone() }).await?.outcome;
    let id = user.id;
    let is = console.either("is", "would be");
    let text = match &released {
        Some(email) if user.details.user.email.as_deref() == Some(email.as_str()) => format!(
            "{email} {is} released: the next person who signs in with it gets it. User {id} {} no address, and has no \
             access until the provider sends one.{}",
            console.either("now has", "would have"),
            console.note(WHAT_GOES_ON)
        ),
        Some(email) => format!(
            "{email} {is} released: the next person who signs in with it gets it. User {id} keeps {}.",
            user.called()
        ),
        None => format!("User {id} has no address."),
    };
    Ok(Report::new(
        text,
        AddressRelease {
            user_id: id.to_string(),
            changed: released.is_some(),
            released: released.map(|email| email.to_string()),
        },
    ))
}
