//! Client authentication at the token endpoint (OpenID Connect Core section 9).
//!
//! `ring` signs, in constant time.

use super::credential_error::CredentialError;
use super::metadata::Metadata;
use super::signature::Algorithm;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use gatepost_config::{
    AssertionAlgorithm, AssertionConfig, ClientCredential, DerivedSecret, ProviderConfig, ProviderKind,
    WatchedSecret,
};
use gatepost_core::clock::Timestamp;
use gatepost_core::secret::fill_random;
use openidconnect::core::CoreClientAuthMethod;
use openidconnect::{AuthType, ClientSecret};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SigningKey;
use rustls::{SignatureAlgorithm, SignatureScheme};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use url::form_urlencoded;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ASSERTION_TTL: Duration = Duration::from_mins(5);
const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

/// The client with its credential.
#[derive(Debug)]
pub(super) struct Client {
    id: String,
    secret: Secret,
    /// Entra has requirements that its discovery document does not state.
    is_entra: bool,
    /// The operator's settings for client assertions.
    assertion: AssertionConfig,
}

#[derive(Debug)]
enum Secret {
    Password(WatchedSecret),
    Certificate(DerivedSecret<Arc<CertificateKey>>),
    /// Workload identity: a file that the platform replaces.
    AssertionFile(PathBuf),
}

/// The client authentication of one request.
#[derive(Debug)]
pub(super) enum Authentication {
    /// The crate puts it into the request.
    Secret(ClientSecret, AuthType),
    /// `private_key_jwt`, which the crate does not implement: parameters in addition to `client_id`.
    Assertion([(&'static str, String); 2]),
}

impl Authentication {
    /// Adds it to the form of a request that the crate does not make, or gives the text after `Basic `.
    pub fn add_to(self, form: &mut Vec<(&'static str, String)>, client_id: &str) -> Option<String> {
        match self {
            Self::Secret(secret, AuthType::BasicAuth) => return Some(basic(client_id, secret.secret())),
            Self::Secret(secret, _) => form.push(("client_secret", secret.into_secret())),
            Self::Assertion(parameters) => form.extend(parameters),
        }
        form.push(("client_id", client_id.to_owned()));
        None
    }
}

impl Client {
    pub fn new(config: &ProviderConfig) -> Result<Self, CredentialError> {
        let secret = match &config.credential {
            ClientCredential::Secret(secret) => Secret::Password(secret.clone()),
            ClientCredential::Certificate(pem) => Secret::Certificate(keys_of(pem)?),
            ClientCredential::AssertionFile(path) => Secret::AssertionFile(path.clone()),
        };
        let is_entra = matches!(config.kind, ProviderKind::Entra { .. });
        Ok(Self { id: config.client_id.clone(), secret, is_entra, assertion: config.assertion.clone() })
    }

    /// Authenticates one request, by the method that the discovery document names.
    pub async fn authenticate(&self, metadata: &Metadata) -> Result<Authentication, CredentialError> {
        let assertion = match &self.secret {
            Secret::Password(secret) => {
                let secret = ClientSecret::new(secret.current().expose_secret().to_owned());
                let auth_type =
                    if self.posts_secret(metadata) { AuthType::RequestBody } else { AuthType::BasicAuth };
                return Ok(Authentication::Secret(secret, auth_type));
            }
            Secret::Certificate(keys) => {
                let key = keys.current();
                key.assertion(&self.claims(metadata), &self.header(metadata, &key))?
            }
            Secret::AssertionFile(path) => read_assertion(path).await?,
        };
        Ok(Authentication::Assertion([
            ("client_assertion_type", ASSERTION_TYPE.to_owned()),
            ("client_assertion", assertion),
        ]))
    }

    /// Entra lists no algorithms, wants PS256, and finds the certificate by `x5t#S256` alone. Other providers find the key by
    /// `kid`, and register it for one algorithm, by default RS256.
    fn header<'a>(&'a self, metadata: &Metadata, key: &'a CertificateKey) -> AssertionHeader<'a> {
        let listed = metadata.document.token_endpoint_auth_signing_alg_values_supported();
        let lists = |algorithm| listed.is_some_and(|listed| listed.contains(&algorithm));
        let wants_pss = self.is_entra || (lists(Algorithm::Ps256) && !lists(Algorithm::Rs256));
        let usual = if wants_pss { AssertionAlgorithm::Ps256 } else { AssertionAlgorithm::Rs256 };
        let usual_kid = (!self.is_entra).then_some(key.thumbprint.as_str());
        AssertionHeader {
            algorithm: self.assertion.algorithm.unwrap_or(usual),
            kid: self.assertion.kid.as_deref().or(usual_kid),
        }
    }

    /// The claims of an assertion (RFC 7523 section 3).
    fn claims(&self, metadata: &Metadata) -> serde_json::Value {
        let now = Timestamp::now();
        json!({
            "aud": metadata.token_endpoint(),
            "iss": self.id,
            "sub": self.id,
            "jti": unique_id(),
            "nbf": now.minus(CLOCK_TOLERANCE).unix(),
            "iat": now.unix(),
            "exp": now.plus(ASSERTION_TTL).unix(),
        })
    }

    /// Without a list of methods `client_secret_basic` is used (OpenID Connect Discovery section 3).
    fn posts_secret(&self, metadata: &Metadata) -> bool {
        let supported = metadata.document.token_endpoint_auth_methods_supported();
        let supports = |method| supported.is_some_and(|supported| supported.contains(&method));
        supports(CoreClientAuthMethod::ClientSecretPost)
            && (self.is_entra || !supports(CoreClientAuthMethod::ClientSecretBasic))
    }
}

/// The credential of HTTP Basic authentication. Both parts are form-urlencoded (RFC 6749 section 2.3.1).
fn basic(client_id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    BASE64_STANDARD.encode(format!("{}:{}", encode(client_id), encode(secret)))
}

async fn read_assertion(path: &Path) -> Result<String, CredentialError> {
    let unreadable = |error| CredentialError::AssertionFile(path.to_owned(), Arc::new(error));
    let text = tokio::fs::read_to_string(path).await.map_err(unreadable)?;
    match text.trim() {
        "" => Err(unreadable(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the file is empty"))),
        assertion => Ok(assertion.to_owned()),
    }
}

/// The certificate and key in the PEM text, read again when the file changes.
fn keys_of(pem: &WatchedSecret) -> Result<DerivedSecret<Arc<CertificateKey>>, CredentialError> {
    DerivedSecret::new(pem.clone(), |pem| CertificateKey::from_pem(pem).map(Arc::new))
}

/// The members of an assertion's header that differ from provider to provider.
struct AssertionHeader<'a> {
    algorithm: AssertionAlgorithm,
    kid: Option<&'a str>,
}

/// A certificate with its private key, for `private_key_jwt` (RFC 7523).
#[derive(Debug)]
struct CertificateKey {
    key: Arc<dyn SigningKey>,
    /// `x5t#S256`. Entra finds the certificate by it. At other providers it is the `kid`.
    thumbprint: String,
}

impl CertificateKey {
    fn from_pem(pem: &SecretString) -> Result<Self, CredentialError> {
        let pem = pem.expose_secret().as_bytes();
        let certificate = CertificateDer::from_pem_slice(pem).map_err(|_| CredentialError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| CredentialError::NoPrivateKey)?;
        let key = rustls::crypto::ring::sign::any_supported_type(&key)
            .map_err(|_| CredentialError::UnsuitableKey)?;
        if key.algorithm() != SignatureAlgorithm::RSA {
            return Err(CredentialError::UnsuitableKey);
        }
        Ok(Self { key, thumbprint: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate)) })
    }

    fn assertion(
        &self,
        claims: &serde_json::Value,
        header: &AssertionHeader<'_>,
    ) -> Result<String, CredentialError> {
        let (algorithm, scheme) = match header.algorithm {
            AssertionAlgorithm::Ps256 => ("PS256", SignatureScheme::RSA_PSS_SHA256),
            AssertionAlgorithm::Rs256 => ("RS256", SignatureScheme::RSA_PKCS1_SHA256),
        };
        let mut json = json!({"alg": algorithm, "typ": "JWT", "x5t#S256": self.thumbprint});
        if let Some(kid) = header.kid {
            json["kid"] = kid.into();
        }
        let encode = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&json), encode(claims));
        let by_scheme = self.key.choose_scheme(&[scheme]).ok_or(CredentialError::UnsuitableKey)?;
        let signature = by_scheme.sign(signed.as_bytes()).map_err(CredentialError::Signing)?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// A random GUID, which Entra requires.
fn unique_id() -> String {
    let mut bytes = [0; 16];
    fill_random(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::jws::Jws;
    use super::super::testing::{Signer, metadata};
    use super::*;
    use gatepost_config::Config;

    fn client(credential: ClientCredential, is_entra: bool) -> Client {
        let secret = match credential {
            ClientCredential::Certificate(pem) => Secret::Certificate(keys_of(&pem).expect("a certificate")),
            ClientCredential::Secret(secret) => Secret::Password(secret),
            ClientCredential::AssertionFile(path) => Secret::AssertionFile(path),
        };
        Client { id: "us".into(), secret, is_entra, assertion: AssertionConfig::default() }
    }

    /// The authentication of a request that the crate does not make.
    async fn sent(client: &Client, metadata: &Metadata) -> (Vec<(&'static str, String)>, Option<String>) {
        let mut form = Vec::new();
        let authentication = client.authenticate(metadata).await.expect("an authentication");
        let basic = authentication.add_to(&mut form, &client.id);
        (form, basic)
    }

    #[tokio::test]
    async fn a_secret_is_sent_as_the_metadata_requires() {
        use CoreClientAuthMethod::{ClientSecretBasic, ClientSecretPost};
        let secret = || ClientCredential::Secret("s e+c:r%t".into());
        let supporting = |methods: Vec<CoreClientAuthMethod>| {
            let mut metadata = metadata();
            metadata.document = metadata.document.set_token_endpoint_auth_methods_supported(Some(methods));
            metadata
        };
        let basic = (Vec::new(), Some(BASE64_STANDARD.encode("us:s+e%2Bc%3Ar%25t")));
        assert_eq!(sent(&client(secret(), false), &metadata()).await, basic);
        let posted = (vec![("client_secret", "s e+c:r%t".to_owned()), ("client_id", "us".to_owned())], None);
        assert_eq!(sent(&client(secret(), false), &supporting(vec![ClientSecretPost])).await, posted);
        let both = supporting(vec![ClientSecretPost, ClientSecretBasic]);
        assert_eq!(sent(&client(secret(), false), &both).await, basic);
        assert_eq!(sent(&client(secret(), true), &both).await, posted);
    }

    #[tokio::test]
    async fn a_certificate_signs_an_assertion_that_its_key_verifies() {
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n{}",
            BASE64_STANDARD.encode("der"),
            Signer::first().pem()
        );
        let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest("der"));
        let listing = |algorithms: &[Algorithm]| {
            let mut metadata = metadata();
            let listed = Some(algorithms.to_vec());
            metadata.document =
                metadata.document.set_token_endpoint_auth_signing_alg_values_supported(listed);
            metadata
        };
        let (rs256, ps256, es256) = (Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256);
        let chosen = AssertionConfig { kid: Some("k-1".into()), algorithm: Some(AssertionAlgorithm::Ps256) };
        let usual = AssertionConfig::default;
        for (is_entra, listed, assertion, algorithm, kid) in [
            (true, &[][..], usual(), "PS256", None),
            (true, &[], chosen.clone(), "PS256", Some("k-1")),
            (false, &[], usual(), "RS256", Some(thumbprint.as_str())),
            (false, &[rs256, ps256], usual(), "RS256", Some(&thumbprint)),
            (false, &[es256, ps256], usual(), "PS256", Some(&thumbprint)),
            (false, &[rs256, ps256], chosen, "PS256", Some("k-1")),
        ] {
            let metadata = listing(listed);
            let mut client = client(ClientCredential::Certificate(pem.clone().into()), is_entra);
            client.assertion = assertion;
            let (form, _) = sent(&client, &metadata).await;
            assert_eq!(form[0], ("client_assertion_type", ASSERTION_TYPE.into()));
            assert_eq!(form[2], ("client_id", "us".into()));
            let token = Jws::parse(&form[1].1).expect("a token");
            let claims = token.verify(&Signer::first().key("k")).expect("a signature");
            assert_eq!(claims.find_text("aud"), Some(metadata.token_endpoint()));
            let header = BASE64_URL_SAFE_NO_PAD
                .decode(form[1].1.split('.').next().unwrap_or_default())
                .expect("base64");
            let header: serde_json::Value = serde_json::from_slice(&header).expect("JSON");
            assert_eq!((header["alg"].as_str(), header["kid"].as_str()), (Some(algorithm), kid));
            assert_eq!(header["x5t#S256"], thumbprint);
        }
    }

    #[tokio::test]
    async fn a_certificate_replaced_in_its_file_signs_from_then_on_and_a_broken_one_never() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("client.pem");
        let put = |text: &str| std::fs::write(&path, text).expect("a file");
        let pem = |signer: &Signer| {
            format!("-----BEGIN CERTIFICATE-----\nZGVy\n-----END CERTIFICATE-----\n{}", signer.pem())
        };
        put(&pem(Signer::first()));
        let id = "GATEPOST_PROVIDERS__KC__";
        let settings = [
            ("GATEPOST_PUBLIC_URL", "https://auth.example.com"),
            ("GATEPOST_HOSTS", "app.example.com"),
            (&format!("{id}KIND"), "oidc"),
            (&format!("{id}ISSUER"), "https://idp.example.com"),
            (&format!("{id}CLIENT_ID"), "us"),
            (&format!("{id}CLIENT_CERTIFICATE_FILE"), path.to_str().expect("a path")),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::parse("", settings.into_iter()).expect("a configuration");
        let ClientCredential::Certificate(secret) = &config.providers[0].credential else { panic!("a file") };
        let client = Client::new(&config.providers[0]).expect("a client");
        let is_of = async |signer: &Signer| {
            let (form, _) = sent(&client, &metadata()).await;
            Jws::parse(&form[1].1).expect("a token").verify(&signer.key("k")).is_ok()
        };
        let (first, second) = (pem(Signer::first()), pem(Signer::second()));
        let half = &second[..second.len() - 200];
        for (text, is_of_second) in [(half, false), (&second, true), ("", true), (&first, false)] {
            put(text);
            secret.reload_on_next_use();
            assert_eq!(
                (is_of(Signer::first()).await, is_of(Signer::second()).await),
                (!is_of_second, is_of_second)
            );
        }
    }

    #[test]
    fn an_incomplete_pem_is_refused_by_name() {
        let from_pem =
            |pem: String| CertificateKey::from_pem(&pem.into()).err().map(|error| error.to_string());
        assert_eq!(from_pem(Signer::first().pem()), Some(CredentialError::NoCertificate.to_string()));
        let certificate = "-----BEGIN CERTIFICATE-----\nZGVy\n-----END CERTIFICATE-----\n".to_owned();
        assert_eq!(from_pem(certificate.clone()), Some(CredentialError::NoPrivateKey.to_string()));
        assert_eq!(
            from_pem(format!("{certificate}{}", Signer::weak().pem())),
            Some(CredentialError::UnsuitableKey.to_string())
        );
    }

    #[tokio::test]
    async fn an_assertion_file_is_read_anew_each_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("assertion");
        let client = client(ClientCredential::AssertionFile(path.clone()), true);
        assert!(matches!(client.authenticate(&metadata()).await, Err(CredentialError::AssertionFile(..))));
        for text in ["one", "two\n"] {
            std::fs::write(&path, text).expect("a file");
            let (form, _) = sent(&client, &metadata()).await;
            assert_eq!(form[1], ("client_assertion", text.trim().to_owned()));
        }
        std::fs::write(&path, " \n").expect("a file");
        assert!(client.authenticate(&metadata()).await.is_err());
    }
}
