//! The signing keys of a provider, each cached by itself.
//!
//! The front ends of a provider may publish different sets for a while, and Entra rotates its keys without notice. So keys
//! are merged by `kid`, and a fetch for one token removes no key. The hourly refresh removes the keys that it does not find.
//! While no set can be fetched, keys stay for 24 hours. An empty or oversized set changes nothing.

use super::signature::{Algorithm, KeyType, PublicKey};
use super::token_error::TokenError;
use super::transport::CallError;
use openidconnect::core::CoreJsonWebKeyUse;
use openidconnect::{
    JsonWebKey, JsonWebKeyAlgorithm, JsonWebKeyId, JsonWebKeySet, SignatureVerificationError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};

const KEY_TTL: Duration = Duration::from_hours(24);
const SET_LIMIT: usize = 100;
const CACHE_LIMIT: usize = 1000;

/// A public key that may sign tokens. `ring` verifies with it, so the crate's own cryptography is never called.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "Value", into = "Value")]
pub(super) struct Key(Arc<SigningKey>);

#[derive(Debug)]
struct SigningKey {
    kid: Option<JsonWebKeyId>,
    issuer: Option<String>,
    algorithm: Option<Algorithm>,
    public: PublicKey,
    jwk: Value,
}

impl TryFrom<Value> for Key {
    type Error = &'static str;

    /// Reads a JWK. Refuses unknown kinds (RFC 7517 section 5), keys for encryption or for other algorithms, and RSA keys
    /// below 2048 bits.
    fn try_from(jwk: Value) -> Result<Self, Self::Error> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let operations = jwk.get("key_ops").and_then(Value::as_array);
        let may_verify = operations.is_none_or(|list| list.iter().any(|operation| operation == "verify"));
        if text("use").is_some_and(|usage| usage != "sig") || !may_verify {
            return Err("not a key for signatures");
        }
        let named = |name| Algorithm::named(name).ok_or("not a key for an accepted algorithm");
        Ok(Self(Arc::new(SigningKey {
            kid: text("kid").map(|kid| JsonWebKeyId::new(kid.to_owned())),
            issuer: text("issuer").map(str::to_owned),
            algorithm: text("alg").map(named).transpose()?,
            public: PublicKey::parse(&jwk).ok_or("not a kind of key that is used here")?,
            jwk,
        })))
    }
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        key.0.jwk.clone()
    }
}

impl JsonWebKey for Key {
    type KeyUse = CoreJsonWebKeyUse;
    type SigningAlgorithm = Algorithm;

    fn key_id(&self) -> Option<&JsonWebKeyId> {
        self.0.kid.as_ref()
    }

    fn key_type(&self) -> &KeyType {
        self.0.public.kind()
    }

    fn key_use(&self) -> Option<&CoreJsonWebKeyUse> {
        Some(&CoreJsonWebKeyUse::Signature)
    }

    fn signing_alg(&self) -> JsonWebKeyAlgorithm<&Algorithm> {
        let algorithm = self.0.algorithm.as_ref();
        algorithm.map_or(JsonWebKeyAlgorithm::Unspecified, JsonWebKeyAlgorithm::Algorithm)
    }

    fn new_symmetric(_: Vec<u8>) -> Self {
        unreachable!("no Algorithm uses a shared secret, and the crate asks for nothing else")
    }

    fn verify_signature(
        &self,
        algorithm: &Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureVerificationError> {
        if self.0.public.verifies(*algorithm, message, signature) {
            Ok(())
        } else {
            Err(SignatureVerificationError::CryptoError("the signature is wrong".to_owned()))
        }
    }

    fn hash_bytes(&self, bytes: &[u8], algorithm: &Algorithm) -> Result<Vec<u8>, String> {
        Ok(algorithm.hash(bytes))
    }
}

impl Key {
    /// The issuer that the key signs for, as Entra states it. May have `{tenantid}` in it.
    pub fn issuer(&self) -> Option<&str> {
        self.0.issuer.as_deref()
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        self.0.algorithm.is_none_or(|own| own == algorithm) && *self.key_type() == algorithm.needs()
    }

    fn replaces(&self, older: &Self) -> bool {
        self.key_id() == older.key_id() && self.key_type() == older.key_type()
    }
}

/// The usable keys of a JWK set (RFC 7517 section 5): at least one and at most 100. The crate skips the others.
pub(super) fn parse_set(document: Map<String, Value>) -> Result<JsonWebKeySet<Key>, CallError> {
    let set: JsonWebKeySet<Key> =
        serde_json::from_value(Value::Object(document)).map_err(|_| CallError::Unexpected("no JWK set"))?;
    match set.keys().len() {
        0 => Err(CallError::Unexpected("no usable signing key")),
        1..=SET_LIMIT => Ok(set),
        _ => Err(CallError::Unexpected("more than 100 keys")),
    }
}

/// The keys that a token may be signed with.
#[derive(Debug, Default)]
pub(super) struct JwkCache(Vec<CachedKey>);

#[derive(Debug)]
struct CachedKey {
    key: Key,
    fetched_at: Instant,
}

impl JwkCache {
    /// Adds the keys of a set that was fetched at `now`.
    pub fn merge(&mut self, set: &JsonWebKeySet<Key>, now: Instant) {
        self.0.retain(|cached| {
            let is_replaced = set.keys().iter().any(|key| key.replaces(&cached.key));
            now.saturating_duration_since(cached.fetched_at) < KEY_TTL && !is_replaced
        });
        self.0.extend(set.keys().iter().map(|key| CachedKey { key: key.clone(), fetched_at: now }));
        let excess = self.0.len().saturating_sub(CACHE_LIMIT);
        self.0.drain(..excess);
    }

    /// Whether there is no key.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes the keys that no set has had since `since`. Changes nothing if no set was fetched since then.
    pub fn withdraw_unseen(&mut self, since: Instant) {
        if self.0.iter().any(|cached| cached.fetched_at >= since) {
            self.0.retain(|cached| cached.fetched_at >= since);
        }
    }

    /// The one key that a token with this `kid` and algorithm can be signed with.
    ///
    /// For a token without `kid` only the latest set counts, because the cache also has older keys.
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm, now: Instant) -> Result<Key, TokenError> {
        let latest = self.0.last().map(|cached| cached.fetched_at);
        let mut candidates = self.0.iter().filter(|cached| {
            let named = kid.map_or(Some(cached.fetched_at) == latest, |kid| {
                cached.key.key_id().is_some_and(|own| own.as_str() == kid)
            });
            named && cached.key.fits(algorithm) && now.saturating_duration_since(cached.fetched_at) < KEY_TTL
        });
        match (candidates.next(), candidates.next()) {
            (Some(cached), None) => Ok(cached.key.clone()),
            (Some(_), Some(_)) => Err(TokenError::AmbiguousKey),
            (None, _) => Err(TokenError::UnknownKey),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Signer, object};
    use super::*;
    use serde_json::json;

    const RS256: Algorithm = Algorithm::Rs256;

    fn set(keys: &[Value]) -> Result<JsonWebKeySet<Key>, CallError> {
        parse_set(object(&json!({ "keys": keys })))
    }

    #[test]
    fn keys_that_no_refresh_could_confirm_stay_for_a_day() {
        let (a, b) = (Signer::first().jwk("a"), Signer::second().jwk("b"));
        let start = Instant::now();
        let mut cache = JwkCache::default();
        cache.merge(&set(&[a]).expect("a set"), start);
        let noon = start + Duration::from_hours(12);
        cache.merge(&set(&[b]).expect("a set"), noon);
        assert!(cache.find(Some("a"), RS256, noon).is_ok());
        assert!(cache.find(Some("b"), RS256, noon).is_ok());
        let next_day = start + KEY_TTL;
        assert_eq!(cache.find(Some("a"), RS256, next_day).err(), Some(TokenError::UnknownKey));
        assert!(cache.find(Some("b"), RS256, next_day).is_ok());
    }

    #[test]
    fn a_key_that_a_refresh_does_not_find_is_withdrawn() {
        let (a, b) = (Signer::first().jwk("a"), Signer::second().jwk("b"));
        let start = Instant::now();
        let mut cache = JwkCache::default();
        cache.merge(&set(&[a.clone(), b]).expect("a set"), start);
        let refresh = start + Duration::from_hours(1);
        cache.merge(&set(&[a]).expect("a set"), refresh + Duration::from_secs(1));
        cache.withdraw_unseen(refresh);
        let now = refresh + Duration::from_secs(2);
        assert!(cache.find(Some("a"), RS256, now).is_ok());
        assert_eq!(cache.find(Some("b"), RS256, now).err(), Some(TokenError::UnknownKey));
        cache.withdraw_unseen(now);
        assert!(cache.find(Some("a"), RS256, now).is_ok(), "no set came, so nothing was withdrawn");
    }

    #[test]
    fn a_set_without_usable_keys_is_no_set() {
        for keys in [
            json!([]),
            json!([{"kty":"RSA"}]),
            json!([{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}]),
            json!([Signer::weak().jwk("w")]),
            json!(vec![Signer::first().jwk("a"); 101]),
        ] {
            assert!(parse_set(object(&json!({ "keys": keys }))).is_err(), "{}", keys.to_string().len());
        }
        assert!(parse_set(object(&json!({}))).is_err());
    }

    #[test]
    fn keys_are_chosen_by_kid_type_use_and_alg() {
        let with = |name: &str, value: Value| {
            let mut jwk = Signer::first().jwk("a");
            jwk[name] = value;
            jwk
        };
        let now = Instant::now();
        let find = |keys: &[Value], kid| {
            let mut cache = JwkCache::default();
            cache.merge(&set(keys).expect("a set"), now);
            cache.find(kid, RS256, now).map(|_| ())
        };
        let other = Signer::second().jwk("b");
        assert_eq!(find(&[with("use", json!("enc")), other.clone()], Some("a")), Err(TokenError::UnknownKey));
        assert_eq!(
            find(&[with("alg", json!("PS256")), other.clone()], Some("a")),
            Err(TokenError::UnknownKey)
        );
        assert_eq!(
            find(&[with("key_ops", json!(["encrypt"])), other.clone()], Some("a")),
            Err(TokenError::UnknownKey)
        );
        assert_eq!(find(&[with("alg", json!("RS256")), other.clone()], Some("a")), Ok(()));
        assert_eq!(find(&[with("kid", json!("b")), other.clone()], Some("b")), Err(TokenError::AmbiguousKey));
        assert_eq!(find(&[with("kid", json!("a")), other.clone()], None), Err(TokenError::AmbiguousKey));
        let unrelated = json!({"kty":"EC","crv":"P-384","x":"AA","y":"AA","kid":"c"});
        assert_eq!(find(&[with("kid", Value::Null), unrelated], None), Ok(()));
    }

    #[test]
    fn without_a_kid_only_the_latest_set_counts() {
        let now = Instant::now();
        let mut cache = JwkCache::default();
        cache.merge(&set(&[Signer::first().jwk("a")]).expect("a set"), now);
        cache.merge(&set(&[Signer::second().jwk("b")]).expect("a set"), now + Duration::from_secs(1));
        let found = cache.find(None, RS256, now + Duration::from_secs(2)).expect("one key");
        assert_eq!(found.key_id().map(|kid| kid.as_str()), Some("b"));
    }
}
