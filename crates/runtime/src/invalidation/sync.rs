//! The atomics that [`super::lease`] uses. `tests/model` replaces this module with `loom`'s atomics.

pub use std::sync::atomic::{AtomicU64, Ordering};
