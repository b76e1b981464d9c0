//! The people and groups of the fake directory.
//!
//! Object ids are derived from the short name, so that a demo restarted shows the same people.

use sha2::{Digest as _, Sha256};

/// What an entry of `transitiveMemberOf` is (Graph mixes them, entra.md 2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    Security,
    Distribution,
    /// A directory role; its `id` is the role template, as `wids` has it.
    DirectoryRole,
    AdministrativeUnit,
}

impl GroupKind {
    /// The `@odata.type` that Graph gives.
    pub fn odata_type(self) -> &'static str {
        match self {
            Self::Security | Self::Distribution => "#microsoft.graph.group",
            Self::DirectoryRole => "#microsoft.graph.directoryRole",
            Self::AdministrativeUnit => "#microsoft.graph.administrativeUnit",
        }
    }
}

/// A membership as the provider sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Object id.
    pub id: String,
    /// `None`: Graph answers null even to who may read names.
    pub display_name: Option<String>,
    pub kind: GroupKind,
}

impl Group {
    /// A security group.
    pub fn new(id: &str, display_name: &str) -> Self {
        Self { id: id.to_owned(), display_name: Some(display_name.to_owned()), kind: GroupKind::Security }
    }
}

/// Somebody who can sign in. Every field may be changed with [`super::Entra::update`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Short name: the stable part of HTML ids (`#person-alice`), and how tests say who signs in.
    pub handle: String,
    pub oid: String,
    /// `None`: the provider's own tid. A guest keeps that; somebody of another tenant bears its tid.
    pub tid: Option<String>,
    pub email: Option<String>,
    /// Sent by the generic provider only; Entra never sends it (entra.md 2.2).
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
    /// A member with an address at `example.com`, without groups.
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

    /// Somebody of another tenant.
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

    /// A membership of any kind, with or without a name.
    #[must_use]
    pub fn member_of(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }

    /// `count` more security groups with stable ids, `Group 001` and on; above 200 the token overflows (entra.md 2.4).
    #[must_use]
    pub fn many_groups(mut self, count: usize) -> Self {
        self.groups.extend((1..=count).map(|n| {
            let name = format!("Group {n:03}");
            Group::new(&stable_guid(&format!("group {name}")), &name)
        }));
        self
    }

    /// An app role, in the `roles` claim.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.roles.push(role.to_owned());
        self
    }

    /// A directory role: in `wids` where configured, and among what Graph lists.
    #[must_use]
    pub fn directory_role(mut self, template_id: &str, display_name: &str) -> Self {
        let mut group = Group::new(template_id, display_name);
        group.kind = GroupKind::DirectoryRole;
        self.groups.push(group);
        self
    }

    /// A guest of the provider's tenant, at home elsewhere.
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

    /// Entra's subject: another one for each application (pairwise, `OpenID` Connect Core section 8.1).
    pub fn pairwise_sub(&self, client_id: &str) -> String {
        use base64::Engine as _;
        let hash = Sha256::digest(format!("{client_id} {}", self.oid));
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash)
    }
}

/// A GUID that depends on nothing but `seed`.
pub fn stable_guid(seed: &str) -> String {
    let hash = Sha256::digest(seed);
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
