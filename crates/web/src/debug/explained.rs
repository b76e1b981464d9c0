//! What `/verify` would answer to the request of a person or of a key, and why: a form, one use case, a page.

use crate::answer::PageAnswer;
use crate::callers::Admin;
use crate::extract::Query;
use crate::fault::Fault;
use actix_web::web;
use gatepost_admin::explain::{Asker, ExplainError, Explainer, Question};
use gatepost_core::mcp::message::Call;
use gatepost_core::mcp::pattern::Kind;
use gatepost_pages::{Explained, Outcome, QuestionFault, QuestionForm};
use hyper::Method;
use serde::Deserialize;

/// The fields of the form.
#[derive(Deserialize)]
pub(crate) struct Fields {
    person: Option<String>,
    key: Option<String>,
    url: Option<String>,
    method: Option<String>,
    requirement: Option<String>,
    tool: Option<String>,
    number: Option<String>,
}

impl From<Fields> for QuestionForm {
    fn from(fields: Fields) -> Self {
        let text = |field: Option<String>| field.map(|text| text.trim().to_owned()).unwrap_or_default();
        Self {
            person: text(fields.person),
            key: text(fields.key),
            url: text(fields.url),
            method: text(fields.method),
            requirement: requirement(&text(fields.requirement)).to_owned(),
            tool: text(fields.tool),
            number: text(fields.number),
        }
    }
}

/// Reads the form and shows what follows from it.
///
/// # Errors
/// [`Fault`]: the directory cannot say.
pub(crate) async fn explained(
    Admin(admin): Admin,
    explainer: web::Data<dyn Explainer>,
    Query(fields): Query<Fields>,
) -> Result<PageAnswer, Fault> {
    let form: QuestionForm = fields.into();
    let outcome = match asked(&**explainer, &form).await {
        Ok(outcome) => outcome,
        Err(ExplainError::UnknownUser { similar, .. }) => {
            Some(Outcome::Fault(QuestionFault::UnknownPerson(similar)))
        }
        Err(ExplainError::UnknownKey(_)) => Some(Outcome::Fault(QuestionFault::UnknownKey)),
        Err(ExplainError::UnknownRequest(_)) => Some(Outcome::Fault(QuestionFault::UnknownNumber)),
        Err(ExplainError::Directory(error)) => return Err(error.into()),
    };
    let request_id = admin.browser.request_id;
    Ok(PageAnswer(Explained { form: &form, outcome: outcome.as_ref(), request_id }.page()))
}

/// `None`: nothing was asked yet.
async fn asked(explainer: &dyn Explainer, form: &QuestionForm) -> Result<Option<Outcome>, ExplainError> {
    if !form.number.is_empty() {
        return Ok(Some(match form.number.parse() {
            Ok(number) => Outcome::Past(Box::new(explainer.explain_request(number).await?)),
            Err(_) => Outcome::Fault(QuestionFault::Number),
        }));
    }
    Ok(match question(form) {
        None => None,
        Some(Err(fault)) => Some(Outcome::Fault(fault)),
        Some(Ok(question)) => Some(Outcome::Explained(explainer.explain(&question).await?)),
    })
}

/// `None`: nothing was asked yet.
fn question(form: &QuestionForm) -> Option<Result<Question, QuestionFault>> {
    let is_empty = form.person.is_empty() && form.key.is_empty() && form.url.is_empty();
    (!is_empty).then(|| {
        let asker = asker(form)?;
        let url = form.url.parse().map_err(|_| QuestionFault::Url)?;
        let method = match form.method.as_str() {
            // GET is preselected, and no tool is called with it.
            "" | "GET" if !form.tool.is_empty() => Method::POST,
            "" => Method::GET,
            method => method.parse().map_err(|_| QuestionFault::Method)?,
        };
        let call = Some(form.tool.clone()).filter(|name| !name.is_empty());
        let call = call.map(|name| Call { kind: Kind::Tool, name });
        Ok(Question::own(asker, url, method, form.requirement.clone()).asking_for(call))
    })
}

fn asker(form: &QuestionForm) -> Result<Asker, QuestionFault> {
    match (form.person.as_str(), form.key.as_str()) {
        (person, "") => person.parse().map(Asker::Person).map_err(|_| QuestionFault::Person),
        ("", key) => key.parse().map(Asker::Key).map_err(|_| QuestionFault::Key),
        _ => Err(QuestionFault::TwoAskers),
    }
}

/// The query of the middleware's address, also where the whole address was pasted.
fn requirement(text: &str) -> &str {
    text.split_once('?').map_or(text, |(_, query)| query)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(person: &str, url: &str, method: &str) -> QuestionForm {
        let [person, url, method] = [person, url, method].map(str::to_owned);
        QuestionForm { person, url, method, requirement: String::new(), ..QuestionForm::default() }
    }

    #[test]
    fn a_requirement_is_taken_as_it_stands_in_the_proxys_file() {
        for text in
            ["group=A&admin=true", "?group=A&admin=true", "https://gatepost:4181/verify?group=A&admin=true"]
        {
            assert_eq!(requirement(text), "group=A&admin=true");
        }
        assert_eq!(requirement(""), "");
    }

    #[test]
    fn each_field_that_cannot_be_read_is_named() {
        let fault = |form: QuestionForm| question(&form).map(Result::err);
        assert_eq!(fault(form("", "", "GET")), None);
        let url = "https://app.example.com/";
        assert_eq!(fault(form("a@example.com", url, "")), Some(None));
        let of_key =
            |person: &str, key: &str| QuestionForm { key: key.to_owned(), ..form(person, url, "GET") };
        assert_eq!(fault(of_key("", "0199d1f0-5b7c-7d2e-8a3f-0123456789ab")), Some(None));
        for (form, wanted) in [
            (of_key("", "gp_secret"), QuestionFault::Key),
            (of_key("a@example.com", "0199d1f0-5b7c-7d2e-8a3f-0123456789ab"), QuestionFault::TwoAskers),
            (form("", url, "GET"), QuestionFault::Person),
            (form("a@b@c", url, "GET"), QuestionFault::Person),
            (form("a@example.com", "", "GET"), QuestionFault::Url),
            (form("a@example.com", "https://u:p@app.example.com/", "GET"), QuestionFault::Url),
            (form("a@example.com", url, "G T"), QuestionFault::Method),
        ] {
            assert_eq!(fault(form), Some(Some(wanted)));
        }
    }
}
