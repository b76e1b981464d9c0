//! Whether a person may sign in, as pages say it.

use gatepost_core::clock::Timestamp;

/// Whether a person may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonState {
    /// Has signed in, and is not disabled.
    Active,
    /// Nobody has signed in with the address yet.
    Awaited,
    /// An administrator disabled the person at this time.
    Disabled(Timestamp),
}

impl PersonState {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Awaited => "waiting",
            Self::Disabled(_) => "disabled",
        }
    }

    /// The class of its tag.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Active => "",
            Self::Awaited => "aside",
            Self::Disabled(_) => "wrong",
        }
    }
}
