//! What a form has just done, in the address that it redirects to. The address holds a word and a number, never a text:
//! anybody can make a link with it.

/// What a form did to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonNotice {
    Created,
    Known,
    Disabled,
    Enabled,
    SessionEnded,
    SessionsEnded,
    Released,
    Joined,
    EndChanged,
    Left,
    Decided,
}

impl PersonNotice {
    const ALL: [Self; 11] = [
        Self::Created,
        Self::Known,
        Self::Disabled,
        Self::Enabled,
        Self::SessionEnded,
        Self::SessionsEnded,
        Self::Released,
        Self::Joined,
        Self::EndChanged,
        Self::Left,
        Self::Decided,
    ];

    /// The value of `done`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Known => "known",
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::SessionEnded => "session",
            Self::SessionsEnded => "sessions",
            Self::Released => "released",
            Self::Joined => "joined",
            Self::EndChanged => "end",
            Self::Left => "left",
            Self::Decided => "decided",
        }
    }

    /// The notice of an address, if it has one.
    pub fn find(done: Option<&str>) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| Some(notice.as_str()) == done)
    }

    /// What happened, as sentences.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Created => {
                "The person is added. Whoever signs in first with this address becomes this person."
            }
            Self::Known => "Somebody has this address already: this is their page.",
            Self::Disabled => "The person is disabled: all sessions have ended, and no key of theirs works.",
            Self::Enabled => "The person may sign in again.",
            Self::SessionEnded => "The session has ended.",
            Self::SessionsEnded => "All sessions have ended.",
            Self::Released => "The address is free: the next person who signs in with it gets it.",
            Self::Joined => "The person is in the group now. It counts from the next request on.",
            Self::EndChanged => "The end of the membership is changed.",
            Self::Left => "The person is no longer in the group by a decision made here.",
            Self::Decided => "The decision about the administrator is changed.",
        }
    }
}
