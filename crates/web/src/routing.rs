//! How the public listener's routes are registered: each says who may call it, and from where. There is no other door
//! to the application than [`Routes`], and what it registered is the list that the tests walk.

use super::body;
use super::callers::{CallerRule, Callers};
use super::fault::{Fault, FaultFormat};
use super::origin::RequestOrigin;
use super::request::{CallerChecked, host};
use actix_web::dev::{Payload, ResourceDef};
use actix_web::guard::{self, GuardContext};
use actix_web::{
    Error, FromRequest, Handler, HttpMessage, HttpRequest, HttpResponse, Resource, Responder, Scope, web,
};
use futures_util::future::LocalBoxFuture;
use gatepost_config::Config;
use gatepost_sign_in::Context;
use std::marker::PhantomData;
use std::rc::Rc;

/// The hosts on which a route exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostScope {
    /// Whatever host the request names.
    Any,
    /// The public host alone.
    Public,
    /// A protected host, whose router sends the path here through the middleware. To a method that it does not take the
    /// path answers 404: only who may call it learns that it is there.
    Protected,
}

impl HostScope {
    fn includes(self, request: &GuardContext<'_>) -> bool {
        let is_public = || {
            config(request).is_some_and(|config| {
                host(request.head().headers()).as_ref() == Some(config.public_url.host())
            })
        };
        match self {
            Self::Any => true,
            Self::Public => is_public(),
            Self::Protected => !is_public(),
        }
    }
}

fn config<'a>(request: &'a GuardContext<'_>) -> Option<&'a Config> {
    request.app_data::<web::Data<Context>>().map(|context| &*context.site.config)
}

/// Says by the configuration whether a path exists.
pub(crate) type Switch = fn(&Config) -> bool;

/// Whether people may propose tenants.
pub(crate) const fn is_self_service(config: &Config) -> bool {
    config.tenants.self_service
}

/// One registered route.
#[derive(Clone, Debug)]
pub struct Route {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// Whether `HEAD` is answered too.
    pub takes_head: bool,
    /// The path, with `{name}` where a segment is a parameter.
    pub path: String,
    /// The hosts on which it exists.
    pub hosts: HostScope,
    /// Who may call it.
    pub callers: Callers,
    /// From where it may be called.
    pub origin: RequestOrigin,
}

/// The method of a route.
#[derive(Clone, Copy)]
pub(crate) struct Method {
    name: &'static str,
    takes_head: bool,
    /// Whether a handler may read a body; else one that comes is refused.
    takes_body: bool,
}

pub(crate) const GET: Method = Method { name: "GET", takes_head: true, takes_body: false };
/// For values that can be used once: a HEAD request must not use up a code.
pub(super) const GET_ONCE: Method = Method { takes_head: false, ..GET };
pub(crate) const POST: Method = Method { name: "POST", takes_head: false, takes_body: true };
/// For what the path says completely.
pub(crate) const POST_EMPTY: Method = Method { takes_body: false, ..POST };
pub(crate) const PUT: Method = Method { name: "PUT", ..POST };
pub(crate) const PATCH: Method = Method { name: "PATCH", ..POST };
pub(crate) const DELETE: Method = Method { name: "DELETE", takes_body: false, ..POST };

/// Registers routes, and keeps the list of them.
pub(crate) struct Routes<'a> {
    config: &'a mut web::ServiceConfig,
    prefix: String,
    list: Vec<Route>,
}

impl<'a> Routes<'a> {
    pub(crate) fn new(config: &'a mut web::ServiceConfig) -> Self {
        Self { config, prefix: String::new(), list: Vec::new() }
    }

    /// Adds a path with its methods.
    pub(crate) fn add(&mut self, path: PathRoutes) {
        let allow = path.allow();
        let refusal = move || {
            let allow = allow.clone();
            async move { Err::<HttpResponse, _>(allow.map_or(Fault::NotFound, Fault::MethodNotAllowed)) }
        };
        let whole = format!("{}{}", self.prefix, path.path);
        let written = if path.may_end_with_slash { both(&whole) } else { vec![whole] };
        let (hosts, switch, written) = (path.hosts, path.switch, ResourceDef::new(written));
        let is_there = move |request: &GuardContext<'_>| {
            // The framework decodes a path before it looks for its route: ours are what is written.
            written.is_match(request.head().uri.path())
                && hosts.includes(request)
                && switch.is_none_or(|is_on| config(request).is_some_and(is_on))
        };
        let resource = path.resource.guard(guard::fn_guard(is_there)).default_service(web::to(refusal));
        let whole = |route: Route| Route { path: format!("{}{}", self.prefix, route.path), hosts, ..route };
        self.list.extend(path.routes.into_iter().map(whole));
        self.config.service(resource);
    }

    /// Adds paths with a common prefix.
    pub(crate) fn scope(&mut self, prefix: &str, add: impl FnOnce(&mut Routes<'_>)) {
        self.add_scope(web::scope(prefix), prefix, add);
    }

    /// Adds paths with a common prefix that exist on the public host alone, and whose faults are answered in a format of
    /// their own.
    pub(crate) fn scope_with_format(
        &mut self,
        prefix: &str,
        format: FaultFormat,
        add: impl FnOnce(&mut Routes<'_>),
    ) {
        let is_there = guard::fn_guard(|request| HostScope::Public.includes(request));
        self.add_scope(web::scope(prefix).guard(is_there).app_data(format), prefix, add);
    }

    fn add_scope(&mut self, scope: Scope, prefix: &str, add: impl FnOnce(&mut Routes<'_>)) {
        let mut list = Vec::new();
        let scope = scope.configure(|config| {
            let mut routes = Routes { prefix: format!("{}{prefix}", self.prefix), ..Routes::new(config) };
            add(&mut routes);
            list = routes.list;
        });
        self.list.append(&mut list);
        self.config.service(scope);
    }

    pub(crate) fn list(self) -> Vec<Route> {
        self.list
    }
}

/// A path and its methods.
pub(crate) struct PathRoutes {
    resource: Resource,
    path: &'static str,
    may_end_with_slash: bool,
    hosts: HostScope,
    switch: Option<Switch>,
    routes: Vec<Route>,
}

/// A path without methods yet.
pub(crate) fn at(path: &'static str) -> PathRoutes {
    let resource = web::resource(path);
    let (hosts, routes) = (HostScope::Any, Vec::new());
    PathRoutes { resource, path, may_end_with_slash: false, hosts, switch: None, routes }
}

/// The same path with and without a slash at its end, which programs of the platform write.
pub(crate) fn at_or_slash(path: &'static str) -> PathRoutes {
    PathRoutes { resource: web::resource(both(path)), may_end_with_slash: true, ..at(path) }
}

fn both(path: &str) -> Vec<String> {
    vec![path.to_owned(), format!("{path}/")]
}

impl PathRoutes {
    /// Only on these hosts.
    pub(crate) fn only(self, hosts: HostScope) -> Self {
        Self { hosts, ..self }
    }

    /// Only while the configuration says so. Else every request for it is answered as if the path did not exist.
    pub(crate) fn only_if(self, switch: Switch) -> Self {
        Self { switch: Some(switch), ..self }
    }

    /// Adds a method.
    pub(crate) fn on<R, H, Args>(self, method: Method, _: R, origin: RequestOrigin, handler: H) -> Self
    where
        R: CallerRule,
        H: Handler<Args, Output: Responder>,
        Args: Arguments<Caller = R::Caller>,
    {
        self.with(
            method,
            R::CALLERS,
            origin,
            Rc::new(Endpoint::<R, H, Args> { handler, method, origin, of: PhantomData }),
        )
    }

    /// The framework's own code is compiled once, and not for each route.
    fn with(
        mut self,
        method: Method,
        callers: Callers,
        origin: RequestOrigin,
        endpoint: Rc<dyn Answer>,
    ) -> Self {
        let Method { name, takes_head, .. } = method;
        let takes = move |request: &GuardContext<'_>| match request.head().method.as_str() {
            "HEAD" => takes_head,
            sent => sent == name,
        };
        let answer = move |request: HttpRequest| Rc::clone(&endpoint).answer(request);
        let (path, hosts) = (self.path.to_owned(), self.hosts);
        self.routes.push(Route { method: name, takes_head, path, hosts, callers, origin });
        Self { resource: self.resource.route(web::route().guard(guard::fn_guard(takes)).to(answer)), ..self }
    }

    /// The value of `Allow` for other methods. `None`: they get 404.
    fn allow(&self) -> Option<String> {
        let heads = self.routes.iter().filter_map(|route| route.takes_head.then_some("HEAD"));
        let mut methods: Vec<&str> = self.routes.iter().map(|route| route.method).chain(heads).collect();
        methods.sort_unstable();
        (self.hosts != HostScope::Protected).then(|| methods.join(", "))
    }
}

/// The arguments of a handler: who calls, then whatever it takes from the request.
pub(crate) trait Arguments: 'static {
    type Caller;
    type Others: FromRequest;

    fn new(caller: Self::Caller, others: Self::Others) -> Self;
}

macro_rules! arguments {
    ($($other:ident)*) => {
        impl<Caller: 'static, $($other: FromRequest + 'static),*> Arguments for (Caller, $($other,)*) {
            type Caller = Caller;
            type Others = ($($other,)*);

            #[allow(non_snake_case, reason = "each part is named like its type")]
            fn new(caller: Caller, ($($other,)*): Self::Others) -> Self {
                (caller, $($other,)*)
            }
        }
    };
}

arguments! {}
arguments! { A }
arguments! { A B }
arguments! { A B C }
arguments! { A B C D }
arguments! { A B C D E }

/// A handler with what its route demands.
struct Endpoint<R, H, Args> {
    handler: H,
    method: Method,
    origin: RequestOrigin,
    of: PhantomData<(R, Args)>,
}

/// An [`Endpoint`] of whatever type.
trait Answer {
    fn answer(self: Rc<Self>, request: HttpRequest) -> LocalBoxFuture<'static, Result<HttpResponse, Error>>;
}

impl<R, H, Args> Answer for Endpoint<R, H, Args>
where
    R: CallerRule,
    H: Handler<Args, Output: Responder>,
    Args: Arguments<Caller = R::Caller>,
{
    /// Judges where a request comes from and who calls, and only then takes from it what the handler wants.
    fn answer(self: Rc<Self>, request: HttpRequest) -> LocalBoxFuture<'static, Result<HttpResponse, Error>> {
        Box::pin(async move {
            let caller = admit::<R>(&request, self.method, self.origin).await?;
            let others = Args::Others::from_request(&request, &mut Payload::None);
            let others = others.await.map_err(Into::<Error>::into)?;
            // The semaphore is never closed.
            let _permit = match R::permits(&request) {
                Some(permits) => permits.acquire().await.ok(),
                None => None,
            };
            let answer = self.handler.call(Args::new(caller, others)).await;
            Ok(answer.respond_to(&request).map_into_boxed_body())
        })
    }
}

/// Who calls. A body of a route that has none is refused before, unread: that tells nothing of the caller.
async fn admit<R: CallerRule>(
    request: &HttpRequest,
    method: Method,
    origin: RequestOrigin,
) -> Result<R::Caller, Error> {
    origin.check(request)?;
    if !method.takes_body {
        body::read(request, 0).await.map_err(Fault::from)?;
    }
    let caller = R::check(request).await?;
    request.extensions_mut().insert(CallerChecked);
    Ok(caller)
}
