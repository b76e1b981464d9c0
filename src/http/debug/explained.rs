//! What `/verify` would answer to a person's request, and why: a form, one use case, a page.

use crate::explain::{self, ExplainError, Question};
use crate::http::pages::{Explained, Outcome, QuestionFault, QuestionForm};
use crate::http::public::{Fault, Visit};
use crate::http::respond::{self, Answer};
use crate::state::State;
use hyper::Method;

/// Reads the form and shows what follows from it.
///
/// # Errors
/// [`Fault`]: a field stands twice, or the directory cannot say.
pub(in crate::http) async fn explained(visit: &Visit<'_>) -> Result<Answer, Fault> {
    let fields = visit.parameters(["person", "url", "method", "requirement", "number"])?;
    let [person, url, method, demanded, number] =
        fields.map(|text| text.map(|text| text.trim().to_owned()).unwrap_or_default());
    let form = QuestionForm { person, url, method, requirement: requirement(&demanded).to_owned(), number };
    let outcome = match asked(visit.state, &form).await {
        Ok(outcome) => outcome,
        Err(ExplainError::UnknownUser { similar, .. }) => {
            Some(Outcome::Fault(QuestionFault::UnknownPerson(similar)))
        }
        Err(ExplainError::UnknownRequest(_)) => Some(Outcome::Fault(QuestionFault::UnknownNumber)),
        Err(ExplainError::Directory(error)) => return Err(error.into()),
    };
    let page = Explained { form: &form, outcome: outcome.as_ref(), request_id: visit.visitor.request_id };
    Ok(respond::page(page.page(), visit.is_head()))
}

/// `None`: nothing was asked yet.
async fn asked(state: &State, form: &QuestionForm) -> Result<Option<Outcome>, ExplainError> {
    if !form.number.is_empty() {
        return Ok(Some(match form.number.parse() {
            Ok(number) => Outcome::Past(Box::new(explain::explain_request(state, number).await?)),
            Err(_) => Outcome::Fault(QuestionFault::Number),
        }));
    }
    Ok(match question(form) {
        None => None,
        Some(Err(fault)) => Some(Outcome::Fault(fault)),
        Some(Ok(question)) => Some(Outcome::Explained(explain::explain(state, &question).await?)),
    })
}

/// `None`: nothing was asked yet.
fn question(form: &QuestionForm) -> Option<Result<Question, QuestionFault>> {
    let is_empty = form.person.is_empty() && form.url.is_empty();
    (!is_empty).then(|| {
        let user = form.person.parse().map_err(|_| QuestionFault::Person)?;
        let url = form.url.parse().map_err(|_| QuestionFault::Url)?;
        let method = match form.method.as_str() {
            "" => Method::GET,
            method => method.parse().map_err(|_| QuestionFault::Method)?,
        };
        Ok(Question::own(user, url, method, form.requirement.clone()))
    })
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
        QuestionForm { person, url, method, requirement: String::new(), number: String::new() }
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
        for (form, wanted) in [
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
