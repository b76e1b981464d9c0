//! The provider's own pages: account picker, errors, sign-out. Plain HTML with fixed ids.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};

use super::people::Person;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:3rem auto;padding:0 1rem;\
color-scheme:light dark}button,a.button{display:block;width:100%;box-sizing:border-box;text-align:left;\
padding:.7rem 1rem;margin:.4rem 0;font:inherit;border:1px solid #8888;border-radius:.4rem;cursor:pointer}\
small{opacity:.75;display:block}input{font:inherit;padding:.5rem;width:100%;box-sizing:border-box}";

/// Escapes a text for HTML content or an attribute value.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

pub(crate) fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>",
        title = escape(title)
    );
    (status, [("cache-control", "no-store")], Html(html)).into_response()
}

/// An error page of the provider. Most of Entra's errors end on one.
pub(crate) fn refusal(text: &str) -> Response {
    page(
        StatusCode::BAD_REQUEST,
        "Sorry, but we're having trouble signing you in",
        &format!("<p id=\"error\">{}</p>", escape(text)),
    )
}

/// The account picker. `request` is the query of the authorization request, which the form sends back.
pub(crate) fn picker<'a>(
    action: &str,
    request: &str,
    people: impl Iterator<Item = &'a Person>,
    problem: Option<&str>,
) -> Response {
    let mut body = String::new();
    if let Some(problem) = problem {
        body += &["<p id=\"error\" role=\"alert\">", &escape(problem), "</p>"].concat();
    }
    let form = format!(
        "<form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"request\" value=\"{}\">",
        escape(action),
        escape(request)
    );
    body.push_str(&form);
    body.extend(people.map(account));
    body.push_str("<button id=\"cancel\" name=\"cancel\" value=\"1\">Cancel</button></form>");
    let other = format!(
        "<details id=\"other-account\"><summary>Use another account</summary>{form}\
         <label for=\"username\">Email, phone, or Skype</label><input id=\"username\" name=\"person\" autocomplete=\"off\">\
         <button id=\"next\">Next</button></form></details>"
    );
    body.push_str(&other);
    page(StatusCode::OK, "Pick an account", &body)
}

fn account(person: &Person) -> String {
    format!(
        "<button id=\"person-{handle}\" name=\"person\" value=\"{handle}\">{name}<small>{username}</small></button>",
        handle = escape(&person.handle),
        name = escape(&person.name),
        username = escape(&person.preferred_username),
    )
}

/// Hidden fields of a form.
pub(crate) fn hidden_inputs(fields: &[(String, String)]) -> String {
    let input = |(name, value): &(String, String)| {
        ["<input type=\"hidden\" name=\"", &escape(name), "\" value=\"", &escape(value), "\">"].concat()
    };
    fields.iter().map(input).collect()
}

/// The authorization response with `response_mode=form_post`.
pub(crate) fn form_post(redirect_uri: &str, fields: &[(String, String)]) -> Response {
    let inputs = hidden_inputs(fields);
    let body = format!(
        "<form id=\"answer\" method=\"post\" action=\"{}\">{inputs}<button>Continue</button></form>\
         <script>document.getElementById('answer').submit()</script>",
        escape(redirect_uri)
    );
    page(StatusCode::OK, "Working...", &body)
}
