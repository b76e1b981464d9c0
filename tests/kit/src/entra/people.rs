//! The people and groups of the fake directory.
//!
//! Object ids are derived from the short name, so that a restarted demo has the same people.

use sha2::{Digest as _, Sha256};

/// The kind of an entry of `transitiveMemberOf`, which has several kinds (entra.md 2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    Security,
    Distribution,
    /// A directory role. Its `id` is the role template, as in `wids`.
    DirectoryRole,
    AdministrativeUnit,
}

impl GroupKind {
    /// The `@odata.type` in Graph.
    pub fn odata_type(self) -> &'static str {
        match self {
            Self::Security | Self::Distribution => "#microsoft.graph.group",
            Self::DirectoryRole => "#microsoft.graph.directoryRole",
            Self::AdministrativeUnit => "#microsoft.graph.administrativeUnit",
        }
    }
}

/// A membership at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Object id.
    pub id: String,
    /// The name; with `None`, Graph returns null even to a client that may read names.
    pub display_name: Option<String>,
    pub kind: GroupKind,
}

impl Group {
    /// A security group.
    pub fn new(id: &str, display_name: &str) -> Self {
        Self { id: id.to_owned(), display_name: Some(display_name.to_owned()), kind: GroupKind::Security }
    }
}

/// A person who can sign in. Every field can be changed with [`super::Entra::update`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The short name, which tests use to say who signs in. It is part of HTML ids (`#person-alice`).
    pub handle: String,
    pub oid: String,
    /// The tid of another tenant; `None` for the provider's own tid, which guests also have.
    pub tid: Option<String>,
    pub email: Option<String>,
    /// `email_verified`, which only the generic provider sends (entra.md 2.2).
    pub email_verified: Option<bool>,
    pub preferred_username: String,
    pub name: String,
    pub groups: Vec<Group>,
    /// App roles.
    pub roles: Vec<String>,
    pub login_hint: String,
    pub is_guest: bool,
    pub is_disabled: bool,
}

impl Person {
    /// Makes a member with an address at `example.com` and without groups.
    pub fn named(handle: &str) -> Self {
        let mut name = handle.to_owned();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self {
            handle: handle.to_owned(),
            oid: stable_guid(&format!("person {handle}")),
            tid: None,
            email: Some(format!("{handle}@example.com")),
            email_verified: Some(true),
            preferred_username: format!("{handle}@example.com"),
            name,
            groups: Vec::new(),
            roles: Vec::new(),
            login_hint: format!("O.{}", stable_guid(&format!("login hint {handle}"))),
            is_guest: false,
            is_disabled: false,
        }
    }

    #[must_use]
    pub fn oid(mut self, oid: &str) -> Self {
        oid.clone_into(&mut self.oid);
        self
    }

    /// Makes the person belong to another tenant.
    #[must_use]
    pub fn tid(mut self, tid: &str) -> Self {
        self.tid = Some(tid.to_owned());
        self
    }

    #[must_use]
    pub fn email(mut self, email: &str) -> Self {
        self.email = Some(email.to_owned());
        self
    }

    #[must_use]
    pub fn without_email(mut self) -> Self {
        self.email = None;
        self
    }

    #[must_use]
    pub fn email_verified(mut self, verified: Option<bool>) -> Self {
        self.email_verified = verified;
        self
    }

    #[must_use]
    pub fn preferred_username(mut self, preferred_username: &str) -> Self {
        preferred_username.clone_into(&mut self.preferred_username);
        self
    }

    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    #[must_use]
    pub fn group(mut self, id: &str, display_name: &str) -> Self {
        self.groups.push(Group::new(id, display_name));
        self
    }

    /// Adds a membership of any kind, with or without a name.
    #[must_use]
    pub fn member_of(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }

    /// Adds `count` security groups with fixed ids, from `Group 001` on. With more than 200, the token lists none
    /// (entra.md 2.4).
    #[must_use]
    pub fn many_groups(mut self, count: usize) -> Self {
        self.groups.extend((1..=count).map(|n| {
            let name = format!("Group {n:03}");
            Group::new(&stable_guid(&format!("group {name}")), &name)
        }));
        self
    }

    /// Adds an app role, which is in the claim `roles`.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.roles.push(role.to_owned());
        self
    }

    /// Adds a directory role, which is in `wids` if that is configured, and in Graph's list.
    #[must_use]
    pub fn directory_role(mut self, template_id: &str, display_name: &str) -> Self {
        let mut group = Group::new(template_id, display_name);
        group.kind = GroupKind::DirectoryRole;
        self.groups.push(group);
        self
    }

    /// Makes the person a guest from another tenant.
    #[must_use]
    pub fn guest(mut self) -> Self {
        self.is_guest = true;
        self
    }

    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.is_disabled = true;
        self
    }

    /// Entra's `sub`, which differs between applications (pairwise, `OpenID` Connect Core section 8.1).
    pub fn pairwise_sub(&self, client_id: &str) -> String {
        use base64::Engine as _;
        let hash = Sha256::digest(format!("{client_id} {}", self.oid));
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash)
    }
}

/// A GUID that only depends on `seed`.
pub fn stable_guid(seed: &str) -> String {
    let hash = Sha256::digest(seed);
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
