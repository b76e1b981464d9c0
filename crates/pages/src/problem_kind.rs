//! The page about one kind of problem of the API, to which problem documents link.

use super::message::{Chrome, Fact, Message, Tone, render};
use super::page::Page;
use gatepost_core::ids::RequestId;

/// The page about a kind of problem.
pub fn problem_kind(title: &str, status: u16, explanation: &[&str], request_id: RequestId) -> Page {
    let message = Message {
        chrome: Chrome::public(title, Tone::Calm, request_id),
        paragraphs: explanation.iter().map(|&paragraph| paragraph.to_owned()).collect(),
        facts: vec![Fact::new("Status", status.to_string())],
        actions: Vec::new(),
    };
    Page::public(200, render(&message), &[])
}
