//! The relying party.
