//! Sealed values, cookies, session records.
