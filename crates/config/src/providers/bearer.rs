//! Reads which access tokens of a provider are accepted (`audience`, `bearer`, `bearer_scopes`, `bearer_clients`).

use super::{Kind, scope_token, visible};
use crate::reader::{Read, Reader, Separator};
use crate::{BearerConfig, BearerPeople};
use gatepost_core::identity::is_guid;

const AUDIENCE: &str = "audiences as in https://mcp.example.com, for kind entra the client id of the API";

/// Reads the settings of one provider, whose keys `at` names. `None`: its access tokens are not accepted.
pub(super) fn read(
    reader: &mut Reader,
    at: &impl Fn(&str) -> String,
    kind: Option<Kind>,
) -> Read<Option<BearerConfig>> {
    let audience = reader.filled_list(&at("audience"), AUDIENCE, visible);
    let words = [("known", BearerPeople::Known), ("admit", BearerPeople::Admit)];
    let people = reader.word(&at("bearer"), &words, "known or admit");
    let scopes = reader.list(
        &at("bearer_scopes"),
        "scopes as in mcp.call,mcp.read",
        Separator::CommaOrSpace,
        scope_token,
    );
    let clients = reader.filled_list(&at("bearer_clients"), "client ids", visible);
    let Some(audience) = audience? else {
        return only_with_audience(reader, at);
    };
    let fits = kind.map_or(Ok(()), |kind| fits_kind(reader, &at("audience"), kind, &audience));
    let config = BearerConfig {
        audience,
        people: people?.unwrap_or(BearerPeople::Known),
        scopes: scopes?.unwrap_or_default(),
        clients: clients?,
    };
    fits.map(|()| Some(config))
}

/// Without an audience no token is accepted, so the other settings would do nothing.
fn only_with_audience(reader: &mut Reader, at: &impl Fn(&str) -> String) -> Read<Option<BearerConfig>> {
    let mut result = Ok(None);
    for key in ["bearer", "bearer_scopes", "bearer_clients"].map(at) {
        if reader.is_given(&key) {
            let audience = reader.name(&at("audience"));
            let why = format!("it applies to access tokens, which are accepted only with {audience}");
            result = Err(reader.contradiction(&key, why));
        }
    }
    result
}

fn fits_kind(reader: &mut Reader, key: &str, kind: Kind, audience: &[String]) -> Read<()> {
    match kind {
        Kind::Google => Err(reader.contradiction(
            key,
            "Google's access tokens are not JWTs, so none of them can be checked: remove the setting",
        )),
        Kind::Entra => match audience.iter().find(|text| !is_guid(text)) {
            Some(other) => {
                let why = format!(
                    "{other:?} is not a client id: a v2.0 token of Entra is for the client id of the API (Application ID, a \
                     GUID), also where clients request api://..."
                );
                Err(reader.contradiction(key, why))
            }
            None => Ok(()),
        },
        Kind::Oidc => Ok(()),
    }
}
