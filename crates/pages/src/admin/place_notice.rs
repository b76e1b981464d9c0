//! What a form has just done to a group, a tenant, a key or a tool server, in the address that it redirects to. The address holds a word, never
//! a text: anybody can make a link with it.

/// What a form did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceNotice {
    Created,
    /// There was one already.
    Known,
    Renamed,
    Branded,
    Withdrawn,
    Deleted,
    Erased,
    Suspended,
    Resumed,
    Restored,
    Joined,
    Left,
    Linked,
    Unlinked,
    Mapped,
    Unmapped,
    KeyChanged,
    KeyRevoked,
    /// The form was sent before, and has made its key.
    KeyShown,
    /// The key whose secret was looked up.
    KeyFound,
    Registered,
    ServerChanged,
    Allowed,
    /// There was such a rule already.
    AllowedBefore,
    Forbidden,
    Proposed,
    Proved,
    Refused,
    Unhosted,
    ProviderSet,
    ProviderRemoved,
    Settled,
}

impl PlaceNotice {
    const ALL: [Self; 32] = [
        Self::Created,
        Self::Known,
        Self::Renamed,
        Self::Branded,
        Self::Withdrawn,
        Self::Deleted,
        Self::Erased,
        Self::Suspended,
        Self::Resumed,
        Self::Restored,
        Self::Joined,
        Self::Left,
        Self::Linked,
        Self::Unlinked,
        Self::Mapped,
        Self::Unmapped,
        Self::KeyChanged,
        Self::KeyRevoked,
        Self::KeyShown,
        Self::KeyFound,
        Self::Registered,
        Self::ServerChanged,
        Self::Allowed,
        Self::AllowedBefore,
        Self::Forbidden,
        Self::Proposed,
        Self::Proved,
        Self::Refused,
        Self::Unhosted,
        Self::ProviderSet,
        Self::ProviderRemoved,
        Self::Settled,
    ];

    /// The value of `done`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Known => "known",
            Self::Renamed => "renamed",
            Self::Branded => "branded",
            Self::Withdrawn => "withdrawn",
            Self::Deleted => "deleted",
            Self::Erased => "erased",
            Self::Suspended => "suspended",
            Self::Resumed => "resumed",
            Self::Restored => "restored",
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Linked => "linked",
            Self::Unlinked => "unlinked",
            Self::Mapped => "mapped",
            Self::Unmapped => "unmapped",
            Self::KeyChanged => "key-changed",
            Self::KeyRevoked => "key-revoked",
            Self::KeyShown => "key-shown",
            Self::KeyFound => "key-found",
            Self::Registered => "registered",
            Self::ServerChanged => "server-changed",
            Self::Allowed => "allowed",
            Self::AllowedBefore => "allowed-before",
            Self::Forbidden => "forbidden",
            Self::Proposed => "proposed",
            Self::Proved => "proved",
            Self::Refused => "refused",
            Self::Unhosted => "unhosted",
            Self::ProviderSet => "provider-set",
            Self::ProviderRemoved => "provider-removed",
            Self::Settled => "settled",
        }
    }

    /// Whether the notice of an address says that the page's subject was created just now.
    pub fn is_created(done: Option<&str>) -> bool {
        done == Some(Self::Created.as_str())
    }

    /// What the notice of an address says, if it has one.
    pub fn text_of(done: Option<&str>) -> Option<&'static str> {
        Self::ALL.into_iter().find(|notice| Some(notice.as_str()) == done).map(Self::text)
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Created => "It is created. Add people now, or let a group bring them.",
            Self::Known => "There was one of this name already. This is it.",
            Self::Renamed => "It has the new name.",
            Self::Withdrawn => "The invitation is withdrawn. Its link counts no more.",
            Self::Branded => "The pages look like this now. That counts within a second.",
            Self::Deleted => "It is deleted.",
            Self::Erased => "The person is erased.",
            Self::Suspended => "It is suspended. That counts within a second.",
            Self::Resumed => "It is resumed. That counts within a second.",
            Self::Restored => "It is restored, with its members, hosts and keys.",
            Self::Joined => "The person is in it now. That counts from the next request on.",
            Self::Left => "The person was removed. That counts from the next request on.",
            Self::Linked => "The provider\u{2019}s group is linked. Its people are in this group now.",
            Self::Unlinked => "The provider\u{2019}s group is no longer linked.",
            Self::Mapped => "The group opens the tenant now.",
            Self::Unmapped => "The group opens the tenant no more.",
            Self::KeyChanged => "The key is changed. That counts from the next request on.",
            Self::KeyRevoked => "The key is revoked. It counts no more within a second.",
            Self::KeyShown => {
                "This form was sent before, and its secret was shown then. Get another secret if you do not have it."
            }
            Self::KeyFound => {
                "This is the key that was found. If others may know it, revoke it or get another secret."
            }
            Self::Registered => {
                "It is registered. Allow something now, or leave all tools open to who may enter."
            }
            Self::ServerChanged => "It is changed. That counts within a second.",
            Self::Allowed => "It is allowed. That counts within a second.",
            Self::AllowedBefore => "There was such a rule already.",
            Self::Forbidden => "The rule is gone. That counts within a second.",
            Self::Proposed => "It is proposed. It counts as soon as it is proved.",
            Self::Proved => "It is confirmed. It takes effect within a second.",
            Self::Refused => "It is refused. That counts within a second.",
            Self::Unhosted => "The host belongs to the tenant no more. That counts within a second.",
            Self::ProviderSet => {
                "The provider accepted the client, and is kept. That counts within a second."
            }
            Self::ProviderRemoved => {
                "The tenant brings no provider any more. Sessions of its people have ended."
            }
            Self::Settled => "It is kept. That counts within a second.",
        }
    }
}
