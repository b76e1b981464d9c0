//! Why a request is not answered as its route would: errors of routing, of extractors, of handlers. Each is logged and
//! answered in one place, the middleware [`answer`], which knows the request.

use super::answer::{PageAnswer, Redirect, empty};
use super::body::{self, BodyError};
use super::problem::{self, unavailable};
use super::request::{CallerChecked, add_headers, browser, data};
use crate::problem_document;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, Responder, ResponseError};
use gatepost_core::error_chain::Chain;
use gatepost_pages::{self as pages, Retry};
use gatepost_runtime::authn::LoadError;
use gatepost_runtime::parameters::ParameterError;
use gatepost_sign_in::addresses::login_address_for_page;
use gatepost_sign_in::sign_out::BackChannelError;
use gatepost_sign_in::{Context, Problem};
use gatepost_store::directory::DirectoryError;
use hyper::StatusCode;

/// Why a request was not answered as its route would.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("there is nothing at this path")]
    NotFound,
    /// With the methods that there are.
    #[error("the path takes {0}")]
    MethodNotAllowed(String),
    #[error("another site asked for a change")]
    CrossOrigin,
    /// A prefetch, or a part of a page, such as an image or a frame.
    #[error("nobody looks at the answer")]
    PrefetchedOrEmbedded,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error("nobody is signed in")]
    SignInFirst,
    #[error("the person is no administrator")]
    AdminsOnly,
    /// A sign-in or sign-out does not go on.
    #[error("{problem}")]
    Stopped {
        problem: Problem,
        /// The sealed value of the login, so that the next one ends where it should.
        to: Option<String>,
    },
    /// It does not hold, or was used before.
    #[error(transparent)]
    LogoutTokenRefused(BackChannelError),
    /// The keys to verify it with cannot be had now.
    #[error(transparent)]
    LogoutTokenUnverifiable(BackChannelError),
    /// An operation of the API does not do what was asked.
    #[error("{}", .0.detail)]
    Api(Box<problem_document::Problem>),
    /// The request was answered before. Holds that answer in the form of its scope.
    #[error("the request was answered before")]
    Answered(String),
    /// A route answered without checking its caller, or the framework failed.
    #[error("the route does not say who may call it")]
    CallerNotChecked,
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Stopped { problem, to: None }
    }
}

impl From<LoadError> for Fault {
    fn from(error: LoadError) -> Self {
        Problem::Unavailable(error).into()
    }
}

impl From<DirectoryError> for Fault {
    fn from(error: DirectoryError) -> Self {
        LoadError::from(error).into()
    }
}

impl From<BackChannelError> for Fault {
    fn from(error: BackChannelError) -> Self {
        match error {
            BackChannelError::Unavailable(error) => error.into(),
            BackChannelError::KeysUnavailable(_) => Self::LogoutTokenUnverifiable(error),
            BackChannelError::Refused(_) | BackChannelError::Replayed => Self::LogoutTokenRefused(error),
        }
    }
}

impl From<problem_document::Problem> for Fault {
    fn from(problem: problem_document::Problem) -> Self {
        Self::Api(Box::new(problem))
    }
}

/// How the faults of a scope are answered, if not as pages.
#[derive(Clone, Copy)]
pub(crate) struct FaultFormat(pub(crate) fn(&Fault, &HttpRequest) -> HttpResponse);

/// The error alone does not know the request: [`answer`] makes its answer, and this one is never sent.
impl ResponseError for Fault {
    fn error_response(&self) -> HttpResponse {
        empty(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Answers a request of the application: a fault as a page, and nothing where no rule judged the caller.
pub async fn answer(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    body::keep(&mut request);
    let response = next.call(request).await?;
    let request = response.request();
    let answer = match response.response().error() {
        Some(error) => Some(error.as_error::<Fault>().unwrap_or(&Fault::CallerNotChecked).answer(request)),
        None if !request.extensions().contains::<CallerChecked>() => {
            Some(Fault::CallerNotChecked.answer(request))
        }
        None => None,
    };
    let mut response = match answer {
        Some(answer) => response.into_response(answer),
        None => response,
    };
    add_headers(&mut response);
    Ok(body::answered(response))
}

impl Fault {
    /// Logs the fault and renders it: as a page, unless its scope says otherwise.
    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        if let Some(FaultFormat(answer)) = request.app_data() {
            return answer(self, request);
        }
        let browser = browser(request);
        // As it is registered: the path of an invitation has its secret.
        let path = || request.match_pattern().unwrap_or_else(|| request.path().to_owned());
        let id = browser.request_id;
        let page =
            |problem: pages::Problem<'_>| PageAnswer(problem.page(Retry::default(), id)).respond_to(request);
        match self {
            Self::NotFound => page(pages::Problem::NotFound),
            Self::MethodNotAllowed(allow) => page(pages::Problem::MethodNotAllowed { allow }),
            Self::CrossOrigin => {
                tracing::warn!(request.id = %id, path = path(), "refused a change that another site asked for");
                page(pages::Problem::CrossOrigin)
            }
            Self::PrefetchedOrEmbedded => empty(StatusCode::FORBIDDEN),
            // The connection ends with this answer, whatever is left of the body.
            Self::Body(error) => {
                tracing::info!(request.id = %id, path = path(), error = %error, "refused a request for its body");
                empty(error.status())
            }
            Self::Parameter(error) => {
                let what = error.to_string();
                tracing::info!(request.id = %id, path = path(), error = %what, "refused a request");
                page(pages::Problem::Malformed(&what))
            }
            Self::SignInFirst => {
                let is_read = matches!(request.method().as_str(), "GET" | "HEAD");
                let page =
                    request.uri().path_and_query().filter(|_| is_read).map_or("/", |page| page.as_str());
                let to = login_address_for_page(&data::<Context>(request).site, page);
                Redirect { to, cookie: None }.respond_to(request)
            }
            Self::AdminsOnly => page(pages::Problem::AdminsOnly),
            Self::Stopped { problem, to } => problem::answer(request, problem, to.as_deref()),
            Self::LogoutTokenRefused(error) => {
                tracing::warn!(request.id = %id, error = %Chain(error), "refused a logout token");
                empty(StatusCode::BAD_REQUEST)
            }
            Self::LogoutTokenUnverifiable(error) => {
                tracing::warn!(request.id = %id, error = %Chain(error), "a logout token must come again");
                page(unavailable(request))
            }
            Self::CallerNotChecked => {
                tracing::error!(request.id = %id, path = path(), "a route answered that does not say who may call it");
                page(pages::Problem::Internal)
            }
            Self::Answered(_) => {
                tracing::error!(request.id = %id, path = path(), "an answer of the API outside of it");
                page(pages::Problem::Internal)
            }
            Self::Api(problem) => {
                tracing::error!(request.id = %id, path = path(), code = problem.code.kind().slug, "a problem of the API outside of it");
                page(pages::Problem::Internal)
            }
        }
    }
}
