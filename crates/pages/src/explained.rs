//! The header debugger on the public host: a form, and what `/verify` would answer, step by step.

use super::explanation::{Answer, Change, Explanation, Mark, PastRequest, RefusalFacts};
use super::message::{Chrome, Tone, render};
use super::page::Page;
use super::paths;
use super::style::Sheet;
use super::words::{capitalised, shorten};
use askama::Template;
use gatepost_core::ids::RequestId;

/// 200 with an explanation or an empty form; 400 or 404 with an error in the form.
#[derive(Clone, Copy, Debug)]
pub struct Explained<'a> {
    /// The form as it was sent.
    pub form: &'a QuestionForm,
    /// The result; `None` if the form was not sent yet.
    pub outcome: Option<&'a Outcome>,
    /// The id of the request in the log.
    pub request_id: RequestId,
}

/// The result of a form.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What `/verify` would answer now.
    Explained(Explanation),
    /// A stored refusal, and what `/verify` would answer now.
    Past(Box<PastRequest>),
    /// The form is invalid, or the person or request is not known.
    Fault(QuestionFault),
}

/// The fields of the form, as text.
#[derive(Clone, Debug, Default)]
pub struct QuestionForm {
    /// A person's address or id.
    pub person: String,
    /// The id of an API key, in place of a person.
    pub key: String,
    /// The URL of the request.
    pub url: String,
    /// The method of the request; empty for GET.
    pub method: String,
    /// The query of the middleware's address.
    pub requirement: String,
    /// The tool that the request calls, where the router asks about tools.
    pub tool: String,
    /// The request number of a refusal, instead of the other fields.
    pub number: String,
}

/// An error in the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuestionFault {
    /// The person is neither an address nor an id.
    Person,
    /// Nobody has this address or id; the list has similar addresses.
    UnknownPerson(Vec<String>),
    /// The text is not the id of a key. It may be a key itself.
    Key,
    /// No key has this id.
    UnknownKey,
    /// A person and a key.
    TwoAskers,
    /// The URL is not absolute.
    Url,
    /// The method is not valid.
    Method,
    /// The request number is not valid.
    Number,
    /// Nothing is stored under the request number.
    UnknownNumber,
}

impl QuestionFault {
    const fn status(&self) -> u16 {
        match self {
            Self::UnknownPerson(_) | Self::UnknownKey | Self::UnknownNumber => 404,
            Self::Person | Self::Key | Self::TwoAskers | Self::Url | Self::Method | Self::Number => 400,
        }
    }

    fn says(&self) -> String {
        match self {
            Self::Person => "Enter a person: an e-mail address, or an id as in X-User-Id. Or enter the id of an API key.".to_owned(),
            Self::UnknownPerson(similar) if similar.is_empty() => "Nobody here has this address or id.".to_owned(),
            Self::UnknownPerson(similar) => {
                format!("Nobody here has this address or id. Did you mean {}?", similar.join(" or "))
            }
            Self::Key => "Enter the id of the API key, as its page shows it. If you entered the key itself, rotate it: \
                addresses of pages are kept in many places."
                .to_owned(),
            Self::UnknownKey => "There is no API key with this id.".to_owned(),
            Self::TwoAskers => "Enter either a person or an API key.".to_owned(),
            Self::Url => "Enter a complete address, such as https://app.example.com/path.".to_owned(),
            Self::Method => "Enter a method: GET, POST, PUT, DELETE, ...".to_owned(),
            Self::Number => "Enter a request number: 32 digits and letters, as at the foot of every page.".to_owned(),
            Self::UnknownNumber => {
                "Nothing is stored under this number: it was not a refusal of somebody signed in, or it is too old."
                    .to_owned()
            }
        }
    }
}

/// The methods that the form offers.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// A longer list of details, or a longer header value, is collapsed.
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
    /// Renders the page.
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
    // The last step is the decision, which the page shows above the steps.
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
