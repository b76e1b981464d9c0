//! The forms of a page, sent as a browser sends them.

use super::page;
use crate::world::{PUBLIC, World};
use gatepost_kit::client::{Answer, Client};
use reqwest::Method;

/// A form of a page, with the fields that the page filled in.
#[derive(Clone)]
pub struct FilledForm {
    page: String,
    action: String,
    fields: Vec<(String, String)>,
}

/// Opens a page, and finds the form with this action.
pub async fn form(world: &World, browser: &Client, path: &str, action: &str) -> FilledForm {
    let answer = page(world, browser, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    form_of(&answer, path, action)
}

/// The form with this action on a page that is there already.
pub fn form_of(answer: &Answer, path: &str, action: &str) -> FilledForm {
    let start = format!("method=\"post\" action=\"{action}\">");
    let (_, form) =
        answer.body.split_once(&start).unwrap_or_else(|| panic!("no {action} in {}", answer.body));
    let form = form.split("</form>").next().unwrap();
    let inputs = form.split("<input").skip(1).map(|input| input.split('>').next().unwrap());
    let is_choice = |input: &&str| input.contains("type=\"radio\"") || input.contains("type=\"checkbox\"");
    let is_sent = |input: &&str| !is_choice(input) || input.contains("checked");
    let fields = inputs.filter(is_sent).map(|input| (attribute(input, "name"), attribute(input, "value")));
    FilledForm { page: path.to_owned(), action: action.to_owned(), fields: fields.collect() }
}

fn attribute(input: &str, name: &str) -> String {
    let (_, rest) = input.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name} in {input}"));
    rest.split('"').next().unwrap().replace("&#34;", "\"").replace("&#38;", "&")
}

impl FilledForm {
    /// Enters a value.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The value of a field.
    pub fn value(&self, name: &str) -> String {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.unwrap_or_else(|| panic!("no {name} in {:?}", self.fields)).1.clone()
    }

    /// Leaves out a field.
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// Sends it from its page.
    pub async fn send(&self, world: &World, browser: &Client) -> Answer {
        self.send_from(world, browser, &world.url(PUBLIC, &self.page)).await
    }

    /// Sends it from another page.
    pub async fn send_from(&self, world: &World, browser: &Client, from: &str) -> Answer {
        let fields: Vec<_> =
            self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = browser.request(Method::POST, &world.url(PUBLIC, &self.action)).from(from);
        request.form(&fields).send().await
    }

    /// Sends it, and returns the page that says what was done.
    pub async fn done(&self, world: &World, browser: &Client) -> String {
        let answer = self.send(world, browser).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        world.has_heard().await;
        let next = browser.get(answer.location().unwrap().as_str()).await;
        assert_eq!(next.status, 200, "{}", next.body);
        assert!(next.body.contains("role=\"status\""), "no notice: {}", next.body);
        next.body
    }
}
