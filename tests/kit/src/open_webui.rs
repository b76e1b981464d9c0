//! A fake `Open WebUI` (0.12.4) with its rules for trusted headers, as in its `backend/open_webui/routers/auths.py` and
//! `utils/auth.py`, but without its code. As there, whoever reaches it directly can claim to be anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use axum::{Router, serve};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// The environment variables, as Compose sets them.
pub type Variables = BTreeMap<String, String>;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The display name. It is only set when the account is created.
    pub name: String,
    /// The role: `admin`, `user` or `pending`.
    pub role: String,
    /// The application's groups that the person is in.
    pub groups: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Book {
    accounts: BTreeMap<String, Account>,
    groups: BTreeSet<String>,
    /// The application's own tokens, and their accounts.
    tokens: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
struct Shared {
    variables: Arc<Variables>,
    book: Arc<Mutex<Book>>,
}

/// A running server. It stops when this value is dropped.
#[derive(Debug)]
pub struct OpenWebUi {
    addr: SocketAddr,
    shared: Shared,
    task: AbortHandle,
}

impl OpenWebUi {
    /// Starts the server with these environment variables.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(variables: Variables) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let shared = Shared { variables: Arc::new(variables), book: Arc::default() };
        let router = Router::new()
            .route("/", get(async || "Open WebUI"))
            .route("/api/v1/auths/signin", post(sign_in))
            .route("/api/v1/auths/signout", post(sign_out))
            .route("/api/v1/auths/", get(who_am_i))
            .with_state(shared.clone());
        let task = tokio::spawn(async move { serve(listener, router).await }).abort_handle();
        Self { addr, shared, task }
    }

    /// The address of the server.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Creates a group, as an administrator of `Open WebUI` can.
    pub fn create_group(&self, name: &str) {
        self.shared.book().groups.insert(name.to_owned());
    }

    /// The account of an address.
    pub fn find_account(&self, email: &str) -> Option<Account> {
        self.shared.book().accounts.get(email).cloned()
    }

    /// The addresses of all accounts.
    pub fn list_addresses(&self) -> Vec<String> {
        self.shared.book().accounts.keys().cloned().collect()
    }
}

impl Drop for OpenWebUi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of the header that a variable names, if both exist.
    fn header<'a>(&self, headers: &'a HeaderMap, variable: &str) -> Option<&'a str> {
        headers.get(self.variables.get(variable)?)?.to_str().ok()
    }

    fn is_password_auth(&self) -> bool {
        self.variables.get("ENABLE_PASSWORD_AUTH").is_none_or(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// The sign-in request, which the page sends without a form.
async fn sign_in(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    if !shared.is_password_auth() {
        return detail(StatusCode::FORBIDDEN, "The requested action has been restricted");
    }
    // An empty header counts as present: it is the account with the address "".
    let Some(email) = shared.header(&headers, "WEBUI_AUTH_TRUSTED_EMAIL_HEADER") else {
        return detail(StatusCode::BAD_REQUEST, "Your provider has not provided a trusted header");
    };
    let email = email.to_lowercase();
    let name = shared.header(&headers, "WEBUI_AUTH_TRUSTED_NAME_HEADER").unwrap_or(&email);
    let name = unquote(name);
    let mut book = shared.book();
    if !book.accounts.contains_key(&email) {
        let default = shared.variables.get("DEFAULT_USER_ROLE").map_or("pending", String::as_str);
        let role = if book.accounts.is_empty() { "admin" } else { default };
        let account = Account { name, role: role.to_owned(), groups: BTreeSet::new() };
        book.accounts.insert(email.clone(), account);
    }
    let listed = shared.header(&headers, "WEBUI_AUTH_TRUSTED_GROUPS_HEADER").unwrap_or_default();
    let listed: Vec<&str> = listed.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    // Only existing groups with exactly these names, without decoding. An empty list changes nothing.
    let wanted: BTreeSet<String> =
        book.groups.iter().filter(|name| listed.contains(&name.as_str())).cloned().collect();
    let role = shared.header(&headers, "WEBUI_AUTH_TRUSTED_ROLE_HEADER").unwrap_or_default();
    let role = role.trim().to_lowercase();
    if let Some(account) = book.accounts.get_mut(&email) {
        if !listed.is_empty() {
            account.groups = wanted;
        }
        if matches!(role.as_str(), "admin" | "user" | "pending") {
            account.role = role;
        }
    }
    let token = format!("{:032x}", rand::random::<u128>());
    book.tokens.insert(token.clone(), email.clone());
    let cookie = format!("token={token}; Path=/; HttpOnly; SameSite=lax");
    ([("set-cookie", cookie)], Json(json!({ "token": token, "email": email }))).into_response()
}

async fn who_am_i(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let book = shared.book();
    let Some(email) = token(&headers).and_then(|token| book.tokens.get(&token)) else {
        return detail(StatusCode::UNAUTHORIZED, "Invalid token");
    };
    let claimed = shared.header(&headers, "WEBUI_AUTH_TRUSTED_EMAIL_HEADER").unwrap_or_default();
    if !claimed.is_empty() && claimed.to_lowercase() != *email {
        return detail(StatusCode::UNAUTHORIZED, "User mismatch. Please sign in again.");
    }
    let role = book.accounts.get(email).map(|account| account.role.clone());
    Json(json!({ "email": email, "role": role })).into_response()
}

/// Signs out. The page then opens `redirect_url`, or its own sign-in, which sends `/signin` at once.
async fn sign_out(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    if let Some(token) = token(&headers) {
        shared.book().tokens.remove(&token);
    }
    let redirect = shared.variables.get("WEBUI_AUTH_SIGNOUT_REDIRECT_URL");
    let cookie = "token=; Path=/; Max-Age=0";
    ([("set-cookie", cookie)], Json(json!({ "status": true, "redirect_url": redirect }))).into_response()
}

/// The token from `Authorization: Bearer`, or from the cookie.
fn token(headers: &HeaderMap) -> Option<String> {
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let cookies = headers.get_all("cookie").iter().filter_map(|line| line.to_str().ok());
    let cookie = cookies.flat_map(|line| line.split("; ")).find_map(|pair| pair.strip_prefix("token="));
    bearer.or(cookie).map(str::to_owned)
}

/// Percent-decodes as UTF-8, without decoding plus signs (`urllib.parse.unquote`).
fn unquote(text: &str) -> String {
    let query = format!("v={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(query.as_bytes()).next().map(|(_, v)| v.into_owned()).unwrap_or_default()
}

fn detail(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "detail": text }))).into_response()
}
