//! Counts the instructions of hot functions and of a whole warm `/verify` with valgrind, which is not affected by other
//! load on the machine. The value that a benchmark returns is dropped after the count.

use gatepost::gate::forwarded::Forwarded;
use gatepost_bench::in_process::Gate;
use gatepost_bench::load::Requests;
use gatepost_core::access::{Access, Person, Role, Standing};
use gatepost_core::auth_time::AuthTime;
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision::{Demand, Lifetimes, Permit, Recheck, SessionTimes, decide};
use gatepost_core::host::HostName;
use gatepost_core::ids::{GroupName, UserId};
use gatepost_core::mcp::Mode;
use gatepost_core::requirement::Requirement;
use gatepost_core::secret::Secret;
use gatepost_runtime::headers::Headers;
use gatepost_runtime::identity_headers::{self, IdentityHeaders};
use gatepost_runtime::session_cache::{CacheKey, CachedSession};
use gatepost_store::session::cookie::{self, CookiePolicy};
use gatepost_store::session::sealed::{KeyRing, Purpose};
use gatepost_store::session::tokens::{HostValue, SessionId};
use gungraun::prelude::*;
use gungraun::{Callgrind, EntryPoint};
use hyper::HeaderMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const HOST: &str = "app.example.test";
const LIFETIMES: Lifetimes = Lifetimes {
    idle: Duration::from_hours(1),
    absolute: Duration::from_hours(12),
    refresh_interval: Duration::from_mins(15),
};

struct Sealed {
    ring: KeyRing,
    host: HostName,
    text: String,
}

fn sealed() -> Sealed {
    let ring = KeyRing::new(&[Secret::generate()]);
    let now = Timestamp::now();
    let value =
        HostValue { session: SessionId::generate(), user: UserId::generate(), auth_time: AuthTime::at(now) };
    let text = ring.seal(Purpose::HostCookie, HOST, value);
    Sealed { ring, host: HOST.parse().expect("a host"), text }
}

#[library_benchmark]
#[bench::of_a_host(sealed())]
fn open_cookie(sealed: Sealed) -> (Option<HostValue>, Sealed) {
    let opened = cookie::open_host(black_box(&sealed.text), &sealed.ring, &sealed.host);
    (black_box(opened), sealed)
}

#[library_benchmark]
#[bench::of_a_cookie(sealed())]
fn pass_key(sealed: Sealed) -> (CacheKey, Sealed) {
    (black_box(CacheKey::of(black_box(HOST), &sealed.text)), sealed)
}

fn headers() -> HeaderMap {
    Requests::pages("/verify", HOST).ready().http2(0).headers().clone()
}

#[library_benchmark]
#[bench::of_a_browser(headers())]
fn parse_forwarded(headers: HeaderMap) -> HeaderMap {
    drop(black_box(Forwarded::parse(Headers::new(black_box(&headers)), false)).expect("a request"));
    headers
}

#[library_benchmark]
#[bench::empty("")]
#[bench::group_and_tenant("group=MCP-GitHub&tenant=github")]
fn parse_requirement(query: &str) -> Requirement {
    black_box(Requirement::parse(black_box(query)).expect("a requirement"))
}

struct Asked {
    now: Timestamp,
    standing: Standing,
    times: SessionTimes,
    requirement: Requirement,
}

fn asked() -> Asked {
    let now = Timestamp::now();
    let group = |name: &str| -> GroupName { name.parse().expect("a group's name") };
    let person = Person {
        id: UserId::generate(),
        email: Some("person-1@example.com".parse().expect("an address")),
        name: Some("Person 1".into()),
    };
    let access = Access {
        groups: ["Everybody", "MCP-GitHub", "Wiki-Editors"].map(group).to_vec(),
        tenants: [("github".parse().expect("a tenant"), Role::Member)].into(),
        is_admin: false,
        ..Access::default()
    };
    Asked {
        now,
        standing: Standing {
            person,
            is_disabled: false,
            sessions_not_before: None,
            is_session_ended: false,
            counts_until: BootTime::MAX,
            access: access.into(),
        },
        times: SessionTimes {
            started_at: now,
            auth_time: AuthTime::at(now),
            last_seen_at: now,
            checked_at: now,
            recheck: Recheck::ByRefresh,
            unreachable_at: None,
        },
        requirement: Requirement::parse("group=MCP-GitHub&tenant=github").expect("a requirement"),
    }
}

fn permit(asked: &Asked) -> Permit<'_> {
    let demand = Demand {
        now: asked.now,
        requirement: &asked.requirement,
        is_cross_origin: false,
        may_redirect: false,
    };
    decide(&demand, &asked.standing, &asked.times, &LIFETIMES).expect("a permit")
}

#[library_benchmark]
#[bench::group_and_tenant(asked())]
fn decide_permit(asked: Asked) -> Asked {
    black_box(permit(black_box(&asked)));
    asked
}

#[library_benchmark(config = LibraryBenchmarkConfig::default()
    .tool(Callgrind::default().entry_point(EntryPoint::Custom("*::written".to_owned()))))]
#[bench::of_a_person(Gate::open(), asked(), headers())]
fn write_identity(gate: Gate, asked: Asked, request: HeaderMap) -> (HeaderMap, Gate) {
    let rendered = IdentityHeaders::new(&asked.standing, &gate.state().site.config.verify);
    let forwarded = Forwarded::parse(Headers::new(&request), false).expect("a request");
    // Runs once before the count, so that the allocator is in the same state each time.
    let cookies = gate.state().site.cookies;
    identity_headers::write(
        &mut HeaderMap::with_capacity(12),
        &permit(&asked),
        &rendered,
        forwarded.headers(),
        cookies,
    );
    let headers = written(&permit(&asked), &rendered, forwarded.headers(), cookies);
    (headers, gate)
}

#[inline(never)]
fn written(
    permit: &Permit<'_>,
    rendered: &IdentityHeaders,
    sent: Headers<'_>,
    cookies: CookiePolicy,
) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    identity_headers::write(black_box(&mut headers), permit, rendered, sent, cookies);
    headers
}

fn open_with_key() -> (Gate, CacheKey) {
    let gate = Gate::open();
    let key = CacheKey::of(HOST, gate.cookie());
    (gate, key)
}

#[library_benchmark]
#[bench::of_memory(open_with_key())]
fn find_pass((gate, key): (Gate, CacheKey)) -> (Option<Arc<CachedSession>>, Gate) {
    (black_box(gate.state().gate.cache.fresh(black_box(&key))), gate)
}

// From the bytes of the request to the bytes of the answer, without sockets.
#[library_benchmark]
#[bench::kept_alive(Gate::open())]
fn whole_warm_verify(mut gate: Gate) -> Gate {
    gate.ask();
    gate
}

fn open_tools(mode: Mode, patterns: usize) -> Gate {
    let others = (1..patterns).map(|number| format!("other_{number}"));
    Gate::of_tools(mode, &["get_*".to_owned()].into_iter().chain(others).collect::<Vec<_>>())
}

// The same for the call of a tool: by its headers, and by its body of 2 KiB.
#[library_benchmark]
#[bench::by_headers(open_tools(Mode::Headers, 1))]
#[bench::by_body(open_tools(Mode::Body, 1))]
#[bench::by_headers_100_rules(open_tools(Mode::Headers, 100))]
fn whole_tool_call(mut gate: Gate) -> Gate {
    gate.ask();
    gate
}

library_benchmark_group!(
    name = hot,
    benchmarks = [
        open_cookie,
        pass_key,
        parse_forwarded,
        parse_requirement,
        decide_permit,
        write_identity,
        find_pass,
        whole_warm_verify,
        whole_tool_call
    ]
);
main!(library_benchmark_groups = hot);
