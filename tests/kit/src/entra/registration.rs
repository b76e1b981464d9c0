//! The app registration: what an operator would have typed into Entra's portal, or into another provider's console.

use std::collections::BTreeSet;

use super::keys::{ClientCertificate, SigningAlg};

/// Which provider the fake plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Entra ID with Graph on the same port.
    #[default]
    Entra,
    /// A plain `OpenID` provider with a concrete issuer, much like Keycloak.
    Oidc,
}

/// `groupMembershipClaims` (entra.md 2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupsClaim {
    /// Neither `groups` nor `wids`.
    None,
    /// Security groups and directory roles.
    #[default]
    SecurityGroup,
    /// Groups assigned to the application.
    ApplicationGroup,
    /// No `groups`, but `wids`.
    DirectoryRole,
    /// All groups and `wids`.
    All,
}

/// What a too long list of groups is replaced by (entra.md 2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overage {
    /// `_claim_names` and `_claim_sources` with the retired Azure AD Graph address.
    #[default]
    ClaimNames,
    /// `hasgroups`, as in the implicit flow.
    HasGroups,
}

/// What the values of `groups` are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupValues {
    #[default]
    ObjectId,
    /// `cloud_displayname`: names, which are neither unique nor immutable.
    CloudDisplayName,
}

/// Which refresh tokens the client gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshTokens {
    /// As the style does: Entra asks for `offline_access`, the generic provider gives them always.
    #[default]
    Given,
    /// None, by a policy that no endpoint tells.
    Withheld,
    /// None, and the client may not use the grant (RFC 6749 section 5.2, `unauthorized_client`).
    GrantRefused,
}

/// A client secret and whether its time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSecret {
    pub value: String,
    pub is_expired: bool,
}

/// The registered application. Change it with [`super::Entra::configure`].
#[derive(Clone, Debug)]
pub struct Registration {
    pub client_id: String,
    pub secrets: Vec<ClientSecret>,
    /// Compared byte by byte; in Entra the post-logout addresses are among them.
    pub redirect_uris: Vec<String>,
    pub frontchannel_logout_uri: Option<String>,
    /// Whether `common` and `organizations` may be used.
    pub is_multi_tenant: bool,
    pub groups_claim: GroupsClaim,
    pub group_values: GroupValues,
    pub overage: Overage,
    /// Optional claims of the ID token: `email`, `sid`, `login_hint`, `auth_time`, `acct`, `upn`. Of the generic provider
    /// `sid` alone.
    pub optional_claims: BTreeSet<String>,
    /// Permissions consented to; `GroupMember.Read.All` makes Graph tell group names.
    pub permissions: BTreeSet<String>,
    /// Generic provider only: path of the groups' claim, `.` between levels.
    pub groups_path: String,
    /// Generic provider only.
    pub signing_alg: SigningAlg,
    /// JWTs accepted as federated credential, exactly these strings.
    pub assertions: BTreeSet<String>,
    pub refresh_tokens: RefreshTokens,
    /// The answer to a refresh has no ID token (`OpenID` Connect Core section 12.2 allows it).
    pub refreshes_without_id_token: bool,
    /// Generic provider only: userinfo has the groups too, at `groups_path`.
    pub groups_in_userinfo: bool,
    /// Generic provider only: the one algorithm that is registered for client assertions.
    pub assertion_alg: Option<String>,
    /// Generic provider only: the `kid` under which the client's key is registered; an assertion must name it.
    pub assertion_kid: Option<String>,
    pub(crate) certificates: Vec<ClientCertificate>,
}

impl Registration {
    pub(crate) fn new(client_id: String, client_secret: String) -> Self {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Self {
            client_id,
            secrets: vec![ClientSecret { value: client_secret, is_expired: false }],
            redirect_uris: Vec::new(),
            frontchannel_logout_uri: None,
            is_multi_tenant: false,
            groups_claim: GroupsClaim::default(),
            group_values: GroupValues::default(),
            overage: Overage::default(),
            optional_claims: set(&["email", "sid", "login_hint", "auth_time"]),
            permissions: set(&[
                "openid",
                "profile",
                "email",
                "offline_access",
                "User.Read",
                "GroupMember.Read.All",
            ]),
            groups_path: "groups".to_owned(),
            signing_alg: SigningAlg::default(),
            assertions: BTreeSet::new(),
            refresh_tokens: RefreshTokens::default(),
            refreshes_without_id_token: false,
            groups_in_userinfo: false,
            assertion_alg: None,
            assertion_kid: None,
            certificates: Vec::new(),
        }
    }

    /// Accepts `private_key_jwt` made with this certificate; `key` is its private key, of which only the public half is kept.
    pub fn register_certificate(&mut self, certificate_pem: &str, key_pem: &str) {
        self.certificates.push(ClientCertificate::from_pem(certificate_pem, key_pem));
    }
}
