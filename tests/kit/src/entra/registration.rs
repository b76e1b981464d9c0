//! The app registration, which an operator would make in Entra's portal or in another provider's console.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::{ClientCertificate, SigningAlg};

/// Which provider the fake plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Entra ID with Graph on the same port.
    #[default]
    Entra,
    /// A generic `OpenID` provider with a fixed issuer, similar to Keycloak.
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

/// What replaces a list of groups that is too long for a token (entra.md 2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overage {
    /// `_claim_names` and `_claim_sources` with the retired Azure AD Graph address.
    #[default]
    ClaimNames,
    /// `hasgroups`, as in the implicit flow.
    HasGroups,
}

/// What the values of `groups` contain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupValues {
    #[default]
    ObjectId,
    /// `cloud_displayname`: names, which are neither unique nor immutable.
    CloudDisplayName,
}

/// Whether the client gets refresh tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshTokens {
    /// The default of the style: Entra requires `offline_access`, the generic provider always issues them.
    #[default]
    Given,
    /// None, because of a policy that no endpoint reports.
    Withheld,
    /// None, and the refresh grant is refused (RFC 6749 section 5.2, `unauthorized_client`).
    GrantRefused,
}

/// A client secret, and whether it has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSecret {
    pub value: String,
    pub is_expired: bool,
}

/// Another application of the tenant: an API with an Application ID URI.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Api {
    /// Its manifest does not say `requestedAccessTokenVersion: 2`, so its tokens are of version 1.
    pub issues_v1: bool,
    /// Only applications with a role get tokens (`appRoleAssignmentRequired`), and the registered one has none.
    pub needs_assignment: bool,
}

/// The registered application. Change it with [`super::Entra::configure`].
#[derive(Clone, Debug)]
pub struct Registration {
    pub client_id: String,
    pub secrets: Vec<ClientSecret>,
    /// The redirect URIs, which are compared byte by byte. In Entra, they include the post-logout redirect URIs.
    pub redirect_uris: Vec<String>,
    pub frontchannel_logout_uri: Option<String>,
    /// Whether people of other tenants may sign in, through `common` and `organizations`.
    pub is_multi_tenant: bool,
    pub groups_claim: GroupsClaim,
    pub group_values: GroupValues,
    pub overage: Overage,
    /// Optional claims of the ID token: `email`, `sid`, `login_hint`, `auth_time`, `acct`, `upn`. The generic provider
    /// only has `sid`.
    pub optional_claims: BTreeSet<String>,
    /// The granted permissions. With `GroupMember.Read.All`, Graph returns the names of groups.
    pub permissions: BTreeSet<String>,
    /// Generic provider only: the path of the groups claim, with `.` between levels.
    pub groups_path: String,
    /// Generic provider only.
    pub signing_alg: SigningAlg,
    /// The JWTs that are accepted as a federated credential.
    pub assertions: BTreeSet<String>,
    pub refresh_tokens: RefreshTokens,
    /// Leaves out the ID token in answers to a refresh, which `OpenID` Connect Core section 12.2 allows.
    pub refreshes_without_id_token: bool,
    /// Generic provider only: userinfo also has the groups, at `groups_path`.
    pub groups_in_userinfo: bool,
    /// Generic provider only: the algorithm that is registered for client assertions.
    pub assertion_alg: Option<String>,
    /// Generic provider only: the `kid` of the client's key, which an assertion must have.
    pub assertion_kid: Option<String>,
    /// Entra only: the APIs of the tenant, by their Application ID URIs.
    pub apis: BTreeMap<String, Api>,
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
            apis: BTreeMap::new(),
            certificates: Vec::new(),
        }
    }

    /// Registers a certificate for `private_key_jwt`. `key` is its private key, of which only the public part is kept.
    pub fn register_certificate(&mut self, certificate_pem: &str, key_pem: &str) {
        self.certificates.push(ClientCertificate::from_pem(certificate_pem, key_pem));
    }
}
