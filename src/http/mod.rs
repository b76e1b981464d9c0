//! Two listeners.

pub mod pages;
