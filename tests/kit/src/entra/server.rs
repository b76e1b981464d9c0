//! The fake provider's web server. It has its own runtime, so that stopping it breaks every connection, like a crash.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use url::form_urlencoded;

use super::journal::{Call, Endpoint};
use super::keys::RsaName;
use super::registration::Style;
use super::world::Shared;
use super::{authorize, discovery, graph, logout, token};

/// The largest request body that is read.
const BODY_LIMIT: usize = 1 << 20;

/// A listener, and the runtime that serves it.
#[derive(Debug)]
pub(crate) struct Running {
    runtime: Option<Runtime>,
    pub(crate) addr: SocketAddr,
}

impl Running {
    pub(crate) fn start(addr: SocketAddr, router: impl FnOnce(SocketAddr) -> Router) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("fake-entra").enable_all().build()?;
        let router = router(addr);
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { runtime: Some(runtime), addr })
    }

    /// Stops the server. Returns when the port is free again.
    pub(crate) async fn stop(mut self) {
        if let Some(runtime) = self.runtime.take() {
            let shut = move || runtime.shutdown_timeout(std::time::Duration::from_secs(5));
            // After a panic in the runtime the port may stay in use, which the next start reports.
            let _ = tokio::task::spawn_blocking(shut).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// All routes of a style.
pub(crate) fn router(style: Style, shared: &Arc<Shared>) -> Router {
    let authorize = || get(authorize::authorize).post(authorize::authorize);
    let logout = || get(logout::logout).post(logout::logout);
    let token = || post(token::token).get(token::not_by_get);
    let userinfo = || get(graph::userinfo).post(graph::userinfo);
    let routes = match style {
        Style::Entra => Router::new()
            .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery::metadata))
            .route("/{tenant}/discovery/v2.0/keys", get(discovery::key_set))
            .route("/{tenant}/oauth2/v2.0/authorize", authorize())
            .route("/{tenant}/oauth2/v2.0/token", token())
            .route("/{tenant}/oauth2/v2.0/logout", logout())
            .route("/{tenant}/sign-in", post(authorize::sign_in))
            .route("/oidc/userinfo", userinfo())
            .route("/v1.0/me/{what}", get(graph::me).post(graph::me))
            .route("/v1.0/users/{oid}/{what}", get(graph::user).post(graph::user)),
        Style::Oidc => Router::new()
            .route("/realms/{tenant}/.well-known/openid-configuration", get(discovery::metadata))
            .route("/realms/{tenant}/protocol/openid-connect/certs", get(discovery::key_set))
            .route("/realms/{tenant}/protocol/openid-connect/auth", authorize())
            .route("/realms/{tenant}/protocol/openid-connect/token", token())
            .route("/realms/{tenant}/protocol/openid-connect/userinfo", userinfo())
            .route("/realms/{tenant}/protocol/openid-connect/logout", logout())
            .route("/realms/{tenant}/protocol/openid-connect/revoke", post(token::revoke))
            .route("/realms/{tenant}/sign-in", post(authorize::sign_in)),
    };
    routes
        .route("/attacker/{what}", get(attacker).post(attacker))
        .layer(middleware::from_fn_with_state(shared.clone(), record))
        .with_state(shared.clone())
}

/// Records the request, then waits if the endpoint's requests are held back.
async fn record(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let is_form = header(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let fields = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect();
    let call = Call {
        at: Instant::now(),
        endpoint: Endpoint::of_path(parts.uri.path()),
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: fields(parts.uri.query().unwrap_or_default().as_bytes()),
        form: if is_form { fields(&body) } else { Vec::new() },
        authorization: header(header::AUTHORIZATION),
    };
    shared.journal.record(call.clone());
    shared.journal.pass(call.endpoint).await;
    let mut request = Request::from_parts(parts, Body::from(body));
    request.extensions_mut().insert(call);
    next.run(request).await
}

/// The attacker's answers, which look valid but must never be used.
async fn attacker(
    State(shared): State<Arc<Shared>>,
    Path(what): Path<String>,
    Extension(call): Extension<Call>,
) -> Response {
    let world = shared.world();
    let jwk = RsaName::Attacker.key().plain_jwk("RS256");
    match what.as_str() {
        "discovery" => axum::Json(discovery::document(&world)).into_response(),
        "keys" => {
            axum::Json(json!({"keys": [jwk, world.keys.signing().key().plain_jwk("RS256")]})).into_response()
        }
        "graph" | "groups" => {
            let group = json!({"@odata.type": "#microsoft.graph.group", "id": "attacker", "displayName": "MCP-Admin"});
            axum::Json(json!({"value": [group]})).into_response()
        }
        _ => (StatusCode::BAD_REQUEST, format!("{} is not for you", call.path)).into_response(),
    }
}
