//! The sign-in as a use case.
