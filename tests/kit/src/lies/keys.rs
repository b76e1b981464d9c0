//! Key sets to which a lie adds keys, or from which it removes keys.

use serde_json::{Value, json};

use super::Lie;
use crate::entra::keys::{RsaName, es256_jwk};
use crate::entra::world::World;

/// Changes the key set for lies that need other keys than the valid ones.
pub(crate) fn bend(lie: Lie, world: &World, jwks: &mut Vec<Value>) {
    match lie {
        Lie::KidAbsentOneSuitable => {
            let signing = world.keys.signing().key();
            jwks.retain(|jwk| jwk["kid"] == signing.kid.as_str());
            jwks.extend(strangers());
        }
        Lie::KeysStrangers => {
            jwks.splice(0..0, strangers());
            jwks.extend([
                json!({"kty": "RSA"}),
                json!({"kty": "RSA", "use": "sig", "kid": 7, "n": "!", "e": []}),
                json!("no key"),
            ]);
        }
        Lie::KidOfEncryptionKey => jwks.push(encryption_jwk()),
        Lie::Rsa1024 => jwks.push(RsaName::Weak.key().plain_jwk("RS256")),
        Lie::KeyIssuerOther => {
            let issuer = world.issuer_of(&crate::entra::people::stable_guid("another tenant"));
            jwks.push(RsaName::OtherTenant.key().entra_jwk(&issuer));
        }
        _ => {}
    }
}

fn encryption_jwk() -> Value {
    let mut jwk = RsaName::Encryption.key().plain_jwk("RSA-OAEP");
    jwk["use"] = json!("enc");
    jwk
}

/// Keys whose type or use does not fit a token that is signed with RS256.
fn strangers() -> Vec<Value> {
    let (x, y) =
        ("WKn-ZIGevcwGIyyrzFoZNBdaq9_TsqzGl96oc0CWuis", "y77t-RvAHRKTsSGdIYUfweuOvwrvDD-Q3Hv5J0fSKbE");
    vec![
        es256_jwk(),
        json!({"kty": "EC", "use": "sig", "kid": "k1", "alg": "ES256K", "crv": "secp256k1", "x": x, "y": y}),
        json!({"kty": "OKP", "use": "sig", "kid": "ed", "alg": "EdDSA", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
        json!({"kty": "AKP", "use": "sig", "kid": "pq", "alg": "ML-DSA-44", "pub": "AAAA"}),
        encryption_jwk(),
        json!({"kty": "EC", "use": "enc", "kid": "ecdh", "alg": "ECDH-ES", "crv": "P-256", "x": x, "y": y}),
    ]
}
