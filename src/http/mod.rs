//! Two listeners.
