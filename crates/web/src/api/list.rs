//! Lists: filters, a page of them, and the place where the next one begins.
//!
//! `after` is sealed with the path and the filters that it belongs to: it opens for no other list.

use super::reply::Reply;
use crate::fault::Fault;
use crate::problem_document::{Flaw, Problem};
use crate::request::data;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use gatepost_core::host::Origin;
use gatepost_sign_in::Context;
use gatepost_store::directory::{self, Place};
use gatepost_store::session::sealed::{KeyRing, Purpose};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::{Ready, ready};
use std::str::FromStr;
use std::sync::Arc;
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

const DEFAULT_LIMIT: u32 = 50;
const MOST: u32 = 200;
/// Bytes of a value of a filter.
const MOST_BYTES: usize = 512;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T: ToSchema> {
    pub(super) items: Vec<T>,
    /// The value of `after` for the next page. `null`: this is the last one.
    pub(super) next: Option<String>,
}

/// The parameters of every list, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document is made of it; Page reads them")]
pub(super) struct PageParameters {
    /// How many items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before, with the same filters.
    after: Option<String>,
}

/// The parameters of a query, taken one by one. What nobody took is unknown.
pub(super) struct Parameters<'a> {
    values: BTreeMap<String, Vec<String>>,
    flaws: &'a mut Vec<Flaw>,
}

impl<'a> Parameters<'a> {
    fn of(request: &HttpRequest, flaws: &'a mut Vec<Flaw>) -> Self {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
            values.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Self { values, flaws }
    }

    fn refuse_rest(self) {
        for name in self.values.into_keys() {
            self.flaws.push(Flaw::of_parameter(name, "unknown", "There is no such parameter here."));
        }
    }

    /// A parameter that occurs once at most.
    pub(super) fn one<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let mut values = self.values.remove(name)?;
        if values.len() > 1 {
            self.flaws.push(Flaw::of_parameter(name, "repeated", "The parameter occurs more than once."));
            return None;
        }
        self.parse(name, &values.pop()?)
    }

    /// A parameter that may occur several times.
    pub(super) fn several<T: FromStr<Err: Display>>(&mut self, name: &str) -> Vec<T> {
        let values = self.values.remove(name).unwrap_or_default();
        values.iter().filter_map(|value| self.parse(name, value)).collect()
    }

    /// Whether a parameter is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Notes that a parameter is wrong together with others.
    pub(super) fn flaw(&mut self, name: &str, code: &'static str, detail: &str) {
        self.flaws.push(Flaw::of_parameter(name, code, detail));
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, name: &str, value: &str) -> Option<T> {
        let parsed = if value.len() > MOST_BYTES {
            Err("It is too long".to_owned())
        } else if value.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
            // Postgres stores no NUL.
            Err("It is not UTF-8 without control characters".to_owned())
        } else {
            Ok(value)
        };
        let parsed = parsed.and_then(|value| value.parse().map_err(|error: T::Err| error.to_string()));
        parsed
            .map_err(|error| self.flaws.push(Flaw::of_parameter(name, "malformed", format!("{error}."))))
            .ok()
    }
}

/// What somebody searches for: no control character, 256 characters at most.
pub(super) struct SearchText(pub(super) String);

impl FromStr for SearchText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_valid = text.chars().count() <= 256 && !text.chars().any(char::is_control);
        if is_valid {
            Ok(Self(text.to_owned()))
        } else {
            Err("It has at most 256 characters, none of them a control character")
        }
    }
}

/// The filters of a list.
pub(super) trait Filter: Sized {
    /// Takes its parameters; what is wrong is noted.
    fn read(parameters: &mut Parameters<'_>) -> Self;
}

/// A search alone.
pub(super) struct SearchFilter {
    pub(super) q: Option<String>,
}

impl Filter for SearchFilter {
    fn read(parameters: &mut Parameters<'_>) -> Self {
        Self { q: parameters.one::<SearchText>("q").map(|SearchText(text)| text) }
    }
}

/// The parameter of a search alone, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document is made of it; the filter reads it")]
pub(super) struct SearchParameters {
    /// What to search for.
    q: Option<String>,
}

/// No filters.
impl Filter for () {
    fn read(_: &mut Parameters<'_>) -> Self {}
}

/// A page that is asked for.
pub(super) struct Page<F> {
    pub(super) filter: F,
    pub(super) limit: u32,
    /// The place of the last item before.
    pub(super) after: Option<String>,
    /// The path and the filters.
    context: String,
    public_url: Origin,
    ring: Arc<KeyRing>,
}

/// The filters of what is answered at once, without pages.
pub(super) struct Filtered<F>(pub(super) F);

impl<F: Filter> FromRequest for Filtered<F> {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut flaws = Vec::new();
        let mut parameters = Parameters::of(request, &mut flaws);
        let filter = F::read(&mut parameters);
        parameters.refuse_rest();
        ready(if flaws.is_empty() { Ok(Self(filter)) } else { Err(Problem::invalid(flaws).into()) })
    }
}

impl<F: Filter> FromRequest for Page<F> {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request).map_err(|flaws| Problem::invalid(flaws).into()))
    }
}

impl<F: Filter> Page<F> {
    fn read(request: &HttpRequest) -> Result<Self, Vec<Flaw>> {
        let site = &data::<Context>(request).site;
        let mut flaws = Vec::new();
        let mut parameters = Parameters::of(request, &mut flaws);
        let limit = parameters.one::<u32>("limit").unwrap_or(DEFAULT_LIMIT);
        if !(1..=MOST).contains(&limit) {
            parameters.flaws.push(Flaw::of_parameter(
                "limit",
                "out_of_range",
                format!("It must be 1 to {MOST}."),
            ));
        }
        let after = parameters.one::<String>("after");
        let context = context(request.path(), &parameters.values);
        let filter = F::read(&mut parameters);
        parameters.refuse_rest();
        let after =
            after.map(|sealed| site.ring.open::<String>(Purpose::ListPlace, &context, &sealed)).transpose();
        let after = after.unwrap_or_else(|_| {
            let detail = "It is not `next` of a page of this list with these filters.";
            flaws.push(Flaw::of_parameter("after", "malformed", detail));
            None
        });
        if !flaws.is_empty() {
            return Err(flaws);
        }
        let (public_url, ring) = (site.config.public_url.clone(), Arc::clone(&site.ring));
        Ok(Self { filter, limit, after, context, public_url, ring })
    }

    /// One more than the page has: whether there is a next page.
    pub(super) const fn wanted(&self) -> u32 {
        self.limit + 1
    }

    /// The place of the last item before, as its type. Nobody but this list has sealed it.
    pub(super) fn place<T: FromStr>(&self) -> Option<T> {
        self.after.as_deref().and_then(|place| place.parse().ok())
    }

    /// The page that the directory read.
    pub(super) fn found<I, T: Serialize + ToSchema + for<'a> From<&'a I>>(
        &self,
        page: &directory::Page<I>,
    ) -> Reply {
        self.list(page.items.iter().map(T::from).collect(), page.next.as_ref().map(Place::to_string))
    }

    /// The page, from up to [`Self::wanted`] items.
    pub(super) fn reply<I, T: Serialize + ToSchema>(
        &self,
        mut items: Vec<I>,
        place: impl Fn(&I) -> String,
        view: impl Fn(&I) -> T,
    ) -> Reply {
        let has_more = items.len() > self.limit as usize;
        items.truncate(self.limit as usize);
        let next = items.last().filter(|_| has_more).map(place);
        self.list(items.iter().map(view).collect(), next)
    }

    fn list<T: Serialize + ToSchema>(&self, items: Vec<T>, next: Option<String>) -> Reply {
        self.reply_with(next, |next| List { items, next })
    }

    /// The page, made with the value of `after` for the page behind `next`.
    pub(super) fn reply_with<T: Serialize>(
        &self,
        next: Option<String>,
        page: impl FnOnce(Option<String>) -> T,
    ) -> Reply {
        let next = next.map(|place| self.ring.seal(Purpose::ListPlace, &self.context, place));
        let link = next.as_ref().map(|next| {
            let separator = if self.context.ends_with('?') { "" } else { "&" };
            format!(
                "<{}{}{separator}limit={}&after={next}>; rel=\"next\"",
                self.public_url, self.context, self.limit
            )
        });
        Reply::ok(page(next)).next(link)
    }
}

/// The path with its filters in one order, ready for more parameters.
fn context(path: &str, filters: &BTreeMap<String, Vec<String>>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, values) in filters {
        query.extend_pairs(values.iter().map(|value| (name, value)));
    }
    format!("{path}?{}", query.finish())
}
