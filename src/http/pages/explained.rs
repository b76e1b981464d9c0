//! The header debugger on the public host: a question, and what `/verify` would answer, step by step.

use super::message::{Chrome, Tone, render};
use super::page::Page;
use super::paths;
use super::style::Sheet;
use super::words::shorten;
use crate::explain::{Answer, Change, Explanation, Mark, PastRequest, RefusalFacts};
use askama::Template;
use gatepost_core::ids::RequestId;

/// 200 with an explanation or an empty form; 400 or 404 with what is wrong in the form.
#[derive(Clone, Copy, Debug)]
pub struct Explained<'a> {
    /// As it was sent.
    pub form: &'a QuestionForm,
    /// What follows; `None`: nothing was asked yet.
    pub outcome: Option<&'a Outcome>,
    /// Finds the log line.
    pub request_id: RequestId,
}

/// What follows from the form.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What would be answered.
    Explained(Explanation),
    /// What was answered, and what would be now.
    Past(Box<PastRequest>),
    /// It cannot be read, or is about nobody and nothing.
    Fault(QuestionFault),
}

/// The fields, as text.
#[derive(Clone, Debug, Default)]
pub struct QuestionForm {
    /// An address or an id.
    pub person: String,
    /// Where.
    pub url: String,
    /// With which method; empty: GET.
    pub method: String,
    /// The query of the middleware's address.
    pub requirement: String,
    /// A refusal's, instead of all that.
    pub number: String,
}

/// What is wrong in the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuestionFault {
    /// Neither an address nor an id.
    Person,
    /// Nobody has it; these are like it.
    UnknownPerson(Vec<String>),
    /// No absolute address.
    Url,
    /// No method.
    Method,
    /// No number of a request.
    Number,
    /// Nothing is kept of it.
    UnknownNumber,
}

impl QuestionFault {
    const fn status(&self) -> u16 {
        match self {
            Self::UnknownPerson(_) | Self::UnknownNumber => 404,
            Self::Person | Self::Url | Self::Method | Self::Number => 400,
        }
    }

    fn says(&self) -> String {
        match self {
            Self::Person => "Who? An e-mail address, or an id as in X-User-Id.".to_owned(),
            Self::UnknownPerson(similar) if similar.is_empty() => "Nobody here is called so.".to_owned(),
            Self::UnknownPerson(similar) => {
                format!("Nobody here is called so. Did you mean {}?", similar.join(" or "))
            }
            Self::Url => "Where? A whole address, as in https://app.example.com/path.".to_owned(),
            Self::Method => "That is no method: GET, POST, PUT, DELETE, ...".to_owned(),
            Self::Number => "That is no number: 32 digits and letters, at the foot of every page.".to_owned(),
            Self::UnknownNumber => {
                "Nothing is kept of that number: it was no refusal of somebody signed in, or is too old."
                    .to_owned()
            }
        }
    }
}

/// The methods that the form offers.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// With more particulars than this they are folded, and a header's value with more characters.
const SHOWN_AT_ONCE: usize = 6;
const SHOWN_CHARACTERS: usize = 120;

#[derive(Template)]
#[template(path = "explained.html")]
struct View<'a> {
    chrome: Chrome,
    form: &'a QuestionForm,
    fault: Option<String>,
    past: Option<PastView<'a>>,
    found: Option<Found<'a>>,
}

struct PastView<'a> {
    refused: Option<&'a RefusalFacts>,
    changes: &'a [Change],
}

struct Found<'a> {
    is_refused: bool,
    decision: String,
    first: Option<AnswerView<'a>>,
    answer: Option<AnswerView<'a>>,
    steps: Vec<StepView>,
}

struct AnswerView<'a> {
    status: u16,
    headers: Vec<(String, &'a str)>,
}

struct StepView {
    title: String,
    mark: Mark,
    says: String,
    details: Vec<String>,
}

impl Explained<'_> {
    /// The page.
    pub fn page(&self) -> Page {
        let (explanation, past, fault) = match self.outcome {
            None => (None, None, None),
            Some(Outcome::Explained(explanation)) => (Some(explanation), None, None),
            Some(Outcome::Past(past)) => (past.now.as_ref(), Some(past), None),
            Some(Outcome::Fault(fault)) => (None, None, Some(fault)),
        };
        let found = explanation.map(found);
        let tone = match &found {
            Some(found) if found.is_refused => Tone::Stop,
            _ => Tone::Calm,
        };
        let view = View {
            chrome: Chrome::public("Header debugger", tone, self.request_id),
            form: self.form,
            fault: fault.map(QuestionFault::says),
            past: past.map(|past| PastView { refused: past.refused.as_ref(), changes: &past.changes }),
            found,
        };
        Page::public(fault.map_or(200, QuestionFault::status), render(&view), &[])
    }
}

fn found(explanation: &Explanation) -> Found<'_> {
    let steps = explanation.steps.iter().map(|step| StepView {
        title: capitalised(step.title()),
        mark: step.mark(),
        says: step.text(),
        details: step.details(),
    });
    let mut steps: Vec<StepView> = steps.collect();
    // The last step is the decision, which stands above them.
    let decision = steps.pop();
    Found {
        is_refused: decision.as_ref().is_some_and(|step| step.mark == Mark::No),
        decision: decision.map(|step| capitalised(&step.says)).unwrap_or_default(),
        first: explanation.sign_in_first.as_ref().map(answer),
        answer: explanation.answer.as_ref().map(answer),
        steps,
    }
}

fn answer(answer: &Answer) -> AnswerView<'_> {
    let headers = answer.headers.iter();
    AnswerView {
        status: answer.status,
        headers: headers
            .map(|(name, value)| (gatepost_core::header_names::canonical(name), value.as_str()))
            .collect(),
    }
}

/// "passes" is "Passes".
fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}
