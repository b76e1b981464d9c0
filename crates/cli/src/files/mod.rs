//! The configuration as files: reads and writes the YAML of `gatepost apply` and `gatepost export`.

mod fault;
mod read;
mod write;

pub use fault::{Fault, Place};
pub use read::{Files, Reference, read};
pub use write::{FILES, Written, write};
