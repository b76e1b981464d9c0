//! Puts it together.
