//! `gatepost check`: each mistake is named, with its place and its fix.

mod certificates;
pub mod checked_site;
mod documents;
mod files;
mod providers;
mod settings;
mod stores;
mod tls;
mod tool_servers;
mod trial;
