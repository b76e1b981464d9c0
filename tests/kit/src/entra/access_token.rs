//! Access tokens that are JWTs: as Entra issues them for an API of one's own, as Keycloak does, and by RFC 9068.

use serde_json::{Value, json};

use super::Entra;
use super::jwt::Draft;
use super::keys::SigningAlg;
use super::people::{Person, stable_guid};
use super::registration::Style;
use super::world::World;
use crate::lies::{Lie, token as lying_token};

/// The client to which tokens are issued.
pub const EDITOR: &str = "editor";
const TTL: i64 = 3600;

/// Whose token, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A person's, from Entra's v2.0 endpoint.
    EntraV2,
    /// A person's, for an API whose manifest does not say `requestedAccessTokenVersion: 2`.
    EntraV1,
    /// An application's (client credentials), from Entra's v2.0 endpoint.
    EntraApplication,
    /// A person's, as Keycloak issues it.
    Keycloak,
    /// A person's, by RFC 9068.
    Rfc9068,
}

impl Entra {
    /// The audience of the tokens.
    pub fn audience(&self) -> String {
        match self.style() {
            Style::Entra => stable_guid("api"),
            Style::Oidc => "https://mcp.example.test".to_owned(),
        }
    }

    /// An access token of this person in the usual form of the provider, for the scope `mcp.call`.
    pub fn access_token(&self, who: &str) -> String {
        self.access_token_with(self.usual(), who, |_| {})
    }

    /// Does the same in another form, with changed claims. A claim that is null is left out.
    pub fn access_token_with(&self, shape: Shape, who: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut draft = self.draft(shape, who);
        let mut claims = Value::Object(std::mem::take(&mut draft.claims));
        change(&mut claims);
        if let Value::Object(claims) = claims {
            draft.claims = claims.into_iter().filter(|(_, value)| !value.is_null()).collect();
        }
        draft.sign()
    }

    /// An access token of this person with a lie in it.
    pub fn lying_access_token(&self, who: &str, lie: Lie) -> String {
        let draft = self.draft(self.usual(), who);
        let audience = self.audience();
        let world = self.shared.world();
        lying_token::bend(lie, draft, &lying_token::Scene::about_access_token(&world, &audience))
    }

    fn usual(&self) -> Shape {
        if self.style() == Style::Entra { Shape::EntraV2 } else { Shape::Rfc9068 }
    }

    fn draft(&self, shape: Shape, who: &str) -> Draft {
        let person = self.find(who).unwrap_or_else(|| Person::named(who));
        let audience = self.audience();
        let world = self.shared.world();
        let claims = claims(&world, shape, &person, &audience);
        let mut draft = Draft::new(claims, SigningAlg::Rs256, world.keys.signing());
        if shape == Shape::Rfc9068 {
            draft.head("typ", json!("at+jwt"));
        }
        draft
    }
}

/// A token of the registered application for an API of the tenant, which has no roles.
pub(crate) fn for_application(world: &World, api: &str, is_v1: bool) -> String {
    let machine = Person::named("machine");
    let shape = if is_v1 { Shape::EntraV1 } else { Shape::EntraApplication };
    let mut claims = claims(world, shape, &machine, &stable_guid("api"));
    claims["tid"] = json!(world.tid);
    if is_v1 {
        claims["aud"] = json!(api);
        claims["appid"] = json!(world.registration.client_id);
    } else {
        claims["azp"] = json!(world.registration.client_id);
    }
    Draft::new(claims, SigningAlg::Rs256, world.keys.signing()).sign()
}

fn claims(world: &World, shape: Shape, person: &Person, audience: &str) -> Value {
    let (tid, now) = (world.tid_of(person), world.now());
    let (issuer, jti) = (world.issuer_of(&tid), uuid::Uuid::new_v4().to_string());
    let mut claims = match shape {
        Shape::EntraV2 | Shape::EntraApplication => json!({
            "aud": audience, "iss": issuer, "iat": now - 300, "nbf": now - 300, "exp": now + TTL,
            "azp": EDITOR, "azpacr": "0", "oid": person.oid, "tid": tid, "uti": jti, "ver": "2.0",
        }),
        Shape::EntraV1 => json!({
            "aud": format!("api://{audience}"), "iss": format!("https://sts.windows.net/{tid}/"), "iat": now - 300,
            "nbf": now - 300, "exp": now + TTL, "appid": EDITOR, "appidacr": "0", "oid": person.oid, "tid": tid,
            "sub": person.pairwise_sub(audience), "scp": "mcp.call", "upn": person.preferred_username, "ver": "1.0",
        }),
        Shape::Keycloak => json!({
            "iss": issuer, "sub": person.oid, "aud": [audience, "account"], "azp": EDITOR, "typ": "Bearer",
            "iat": now, "exp": now + TTL, "auth_time": now, "jti": jti, "sid": "session", "scope": "openid mcp.call",
            "realm_access": {"roles": ["offline_access"]}, "preferred_username": person.preferred_username,
        }),
        Shape::Rfc9068 => json!({
            "iss": issuer, "sub": person.oid, "aud": audience, "client_id": EDITOR, "iat": now, "exp": now + TTL,
            "jti": jti, "scope": "openid mcp.call",
        }),
    };
    match shape {
        Shape::EntraV2 => {
            claims["sub"] = json!(person.pairwise_sub(audience));
            claims["scp"] = json!("mcp.call");
            claims["name"] = json!(person.name);
            claims["preferred_username"] = json!(person.preferred_username);
        }
        Shape::EntraApplication => {
            claims["sub"] = json!(person.oid);
            claims["idtyp"] = json!("app");
            claims["roles"] = json!(person.roles);
        }
        Shape::EntraV1 | Shape::Keycloak | Shape::Rfc9068 => {}
    }
    claims
}
