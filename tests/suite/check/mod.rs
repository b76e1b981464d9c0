//! `gatepost check`: each mistake is named, with its place and its mend.

mod certificates;
pub mod doctor;
mod documents;
mod files;
mod providers;
mod settings;
mod stores;
mod tls;
