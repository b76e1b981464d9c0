//! The synchronisation that [`super::lease`] is written with; its model puts `loom`'s in its place.

pub use std::sync::atomic::{AtomicU64, Ordering};
