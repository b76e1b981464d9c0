//! A change whose request may come again.

use super::{Change, Done, RequestEvent};
use gatepost_core::administration::Matter;
use gatepost_core::secret::Hash;
use std::fmt;

/// Makes a change once, however often its request comes, and stores the answer in the change's own transaction.
///
/// Errors: `Repeated`, and those of the change.
pub struct Once<'a, C, F> {
    pub change: &'a C,
    pub repeat: Repeat,
    /// The text of the answer.
    pub answer: F,
}

impl<C: fmt::Debug, F> fmt::Debug for Once<'_, C, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once")
            .field("change", &self.change)
            .field("repeat", &self.repeat)
            .finish_non_exhaustive()
    }
}

impl<C: Change, F: Fn(&Done<C::Outcome>) -> String + Send + Sync> Change for Once<'_, C, F> {
    type Outcome = C::Outcome;
    const NAME: &'static str = C::NAME;

    fn matter(&self) -> Matter {
        self.change.matter()
    }

    fn may_unmake_admins(&self) -> bool {
        self.change.may_unmake_admins()
    }

    fn may_be_made_by_key(&self) -> bool {
        self.change.may_be_made_by_key()
    }

    fn request_event(&self, outcome: &Self::Outcome) -> Option<RequestEvent> {
        self.change.request_event(outcome)
    }
}

/// A request that may come again.
#[derive(Clone, Copy, Debug)]
pub struct Repeat {
    /// A hash of the caller and of the key that the caller chose.
    pub key: Hash,
    /// A hash of everything else.
    pub request: Hash,
}

/// What is stored about a request that came before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredAnswer {
    /// It was another request with the same key.
    OfAnotherRequest,
    /// It has no answer: an earlier version of Gatepost stored answers after their changes.
    Unknown,
    Known(String),
}
