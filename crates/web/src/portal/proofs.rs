//! What the pages share on which names are proved: hosts of a tenant, and domains of its provider.

use gatepost_pages::admin::{PlaceNotice, ProofEntry};

/// Names on a page: each has its record and its forms.
const PAGE: usize = 8;

/// What is decided about a host, or about a domain of a provider.
#[derive(Clone, Copy)]
pub(super) enum Verb {
    Confirm,
    Approve,
    Refuse,
}

impl Verb {
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Approve => "approve",
            Self::Refuse => "refuse",
        }
    }

    pub(super) const fn notice(self) -> PlaceNotice {
        match self {
            Self::Confirm | Self::Approve => PlaceNotice::Proved,
            Self::Refuse => PlaceNotice::Refused,
        }
    }
}

/// The part of the names that a page shows, and where the next page begins. `from` is on it, if there is such a name.
pub(super) fn part<'a>(
    mut all: Vec<ProofEntry<'a>>,
    after: Option<&str>,
    from: Option<&str>,
) -> (Vec<ProofEntry<'a>>, Option<&'a str>) {
    all.sort_by_key(|entry| entry.name);
    all.retain(|entry| match (from, after) {
        (Some(from), _) => entry.name >= from,
        (None, Some(after)) => entry.name > after,
        (None, None) => true,
    });
    let has_more = all.len() > PAGE;
    all.truncate(PAGE);
    let next = all.last().map(|entry| entry.name).filter(|_| has_more);
    (all, next)
}
