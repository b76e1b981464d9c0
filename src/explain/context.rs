use gatepost_runtime::hosts::Hosts;
use gatepost_runtime::site::Site;
use gatepost_runtime::stores::Stores;
use std::sync::Arc;

/// What an explanation needs.
#[derive(Debug)]
pub struct Context {
    /// The configuration.
    pub site: Arc<Site>,
    /// The protected hosts.
    pub hosts: Arc<Hosts>,
    /// Both stores, with the metrics.
    pub stores: Arc<Stores>,
}
