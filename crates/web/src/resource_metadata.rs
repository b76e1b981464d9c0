//! What clients of a tool server learn about it before they have a token (RFC 9728), at the host of the server. Its router
//! has no middleware: nobody who asks has signed in.

use super::answer;
use super::fault::Fault;
use super::request::{data, host};
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use gatepost_runtime::site::Site;
use gatepost_runtime::tools::{GateServer, ToolServers};
use gatepost_sign_in::{Browser, Context};
use serde_json::{Value, json};
use std::rc::Rc;

/// Where the documents are; below it the path of a tool server follows.
pub const PATH: &str = "/.well-known/oauth-protected-resource";
/// The same with a path.
pub(super) const PATH_OF_SERVER: &str = "/.well-known/oauth-protected-resource/{path:.*}";
/// Clients may keep it for so long.
const CACHE_CONTROL: &str = "max-age=300";

/// The document about one tool server.
pub(super) async fn show(
    _: Rc<Browser>,
    request: HttpRequest,
    servers: web::Data<ToolServers>,
) -> Result<HttpResponse, Fault> {
    let path = request.path().strip_prefix(PATH).filter(|path| !path.is_empty());
    let host = host(request.headers()).ok_or(Fault::NotFound)?;
    let known = servers.into_inner().known().await;
    let server = known.as_ref().and_then(|snapshot| snapshot.named(&host, path));
    let document = document(server.ok_or(Fault::NotFound)?, &data::<Context>(&request).site);
    let mut answer = answer::text("application/json", document.to_string(), CACHE_CONTROL);
    // Clients in browsers read it, from any origin. It is the same for everybody.
    answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(answer)
}

fn document(server: &GateServer, site: &Site) -> Value {
    let is_meant = |id: &_| server.provider.as_ref().is_none_or(|provider| provider == id);
    let providers = site.config.providers.iter().filter(|provider| is_meant(&provider.id));
    let issuers: Vec<String> =
        providers.map(|provider| gatepost_oidc::authorization_server(&provider.kind)).collect();
    let mut document = json!({
        "resource": server.url.as_str(),
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],
    });
    if !server.scopes.is_empty() {
        document["scopes_supported"] = json!(server.scopes);
    }
    if let Some(name) = &server.name {
        document["resource_name"] = json!(name);
    }
    if let Some(page) = &server.documentation {
        document["resource_documentation"] = json!(page);
    }
    document
}
