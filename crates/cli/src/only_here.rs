//! What works only where the stores are, why, and what to do instead.

/// What an installation elsewhere does not do through its API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnlyHere {
    /// It works on this machine: its files, its listeners, its schema.
    Machine,
    /// `apply` compares and changes in one transaction.
    Apply,
    /// `export` writes what one moment of the directory holds.
    Export,
    /// `audit verify` is worth something only to whoever reads the rows.
    Verification,
    /// No key makes or changes a key.
    Keys,
    /// Addresses of people.
    Address,
    /// A tool server is tried with a key that is made for it.
    Trial,
}

impl OnlyHere {
    /// The end of the sentence that begins with "`GATEPOST_API` names an installation elsewhere, and".
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::Machine => "this works on one that is here",
            Self::Apply => {
                "this changes everything that files say in one transaction or nothing, which its API cannot"
            }
            Self::Export => "this writes which groups files manage, which its API does not tell",
            Self::Verification => {
                "this proves something only where it reads the audit's rows itself, not what a server says about them"
            }
            Self::Keys => {
                "no key makes or changes a key there, so that nobody who steals one has another that you do not know"
            }
            Self::Address => "its API does not change which address applications get",
            Self::Trial => {
                "this tries the tool server with a key that is made for it, which no key makes there"
            }
        }
    }

    /// What to do.
    pub(super) const fn hint(self) -> &'static str {
        match self {
            Self::Machine | Self::Apply | Self::Export | Self::Address | Self::Trial => {
                "run it where that installation runs, without GATEPOST_API"
            }
            Self::Verification => {
                "run it where the database is, without GATEPOST_API; `gatepost audit heads` works from here, and --against compares \
                 with what it printed"
            }
            Self::Keys => {
                "use the portal, or run it where that installation runs, without GATEPOST_API; `gatepost key revoke` works from here"
            }
        }
    }
}
