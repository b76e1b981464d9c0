//! The page that shows the operations of the API.

use super::message::{Chrome, Tone, render};
use super::page::Page;
use super::paths;
use super::style::Sheet;
use askama::Template;
use gatepost_core::ids::RequestId;

/// An operation of the API.
#[derive(Clone, Debug)]
pub struct ApiOperation {
    /// `GET`, ...
    pub method: String,
    pub path: String,
    /// What it does, as a sentence.
    pub summary: String,
}

#[derive(Template)]
#[template(path = "api.html")]
struct View<'a> {
    chrome: Chrome,
    document: &'a str,
    groups: &'a [(String, Vec<ApiOperation>)],
}

/// 200: the operations of the API, in groups with a heading each.
pub fn api_operations(groups: &[(String, Vec<ApiOperation>)], request_id: RequestId) -> Page {
    let chrome = Chrome::public("The API", Tone::Calm, request_id);
    Page::public(200, render(&View { chrome, document: paths::OPENAPI, groups }), &[])
}
