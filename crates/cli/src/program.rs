//! What the program does that lies above the command line.

use crate::start::StartError;
use futures_util::future::LocalBoxFuture;
use gatepost_admin::explain::Explainer;
use gatepost_config::Config;
use gatepost_runtime::site::Site;
use gatepost_runtime::stores::Stores;
use std::sync::Arc;

/// What the program does. The command line does not know the gate, so that a change of the gate does not compile it again.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Opens what commands work on. Called within a runtime.
    pub open: fn(Config) -> Result<Here, StartError>,
    /// Serves until a signal says stop.
    pub serve: fn(Config) -> LocalBoxFuture<'static, Result<(), StartError>>,
}

/// What commands work on here: parts of the process, opened as `serve` opens them.
#[derive(Debug)]
pub struct Here {
    /// What is configured.
    pub site: Arc<Site>,
    /// Both stores.
    pub stores: Arc<Stores>,
    /// Makes changes.
    pub admin: Arc<gatepost_admin::Context>,
    /// Explains decisions.
    pub explainer: Arc<dyn Explainer>,
}
