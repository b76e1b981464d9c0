//! The step about what a request asks a tool server for.

use super::Trace;
use crate::gate::case::{Case, Verdict};
use gatepost_admin::explain::ExplainError;
use gatepost_core::decision::{Denial, Missing};
use gatepost_core::mcp::message::Ask;
use gatepost_core::mcp::pattern::Kind;
use gatepost_core::mcp::rules::Way;
use gatepost_pages::explanation::{Step, ToolFacts};
use gatepost_runtime::assertion::Claims;
use gatepost_runtime::tools::{Addresses, GateServer, NO_SERVER, ToolPassage, bounded};
use gatepost_telemetry::Reason;
use std::sync::Arc;

impl Trace<'_> {
    /// Decides what is still open where the router asks about tools. Returns the verdict, and its reason where that does not
    /// follow from it.
    pub(super) async fn tool(
        &mut self,
        case: &Case<'_>,
        verdict: Verdict,
    ) -> Result<(Verdict, Option<Reason>), ExplainError> {
        let mut passage = match verdict {
            Verdict::AskTools(passage) => passage,
            verdict => {
                if self.question.call.is_some() && case.requirement.mcp.is_none() {
                    self.steps.push(Step::Tool(self.tool_facts(false, None)));
                }
                return Ok((verdict, None));
            }
        };
        let servers = Addresses::new(self.context.stores.directory.read_tool_servers().await?);
        let mode = case.requirement.mcp.unwrap_or_default();
        let server = servers.find(case.origin.host(), case.forwarded.path());
        let Some(server) = server.filter(|server| passage.reaches(server, case.requirement, mode)) else {
            self.steps.push(Step::Tool(self.tool_facts(true, None)));
            let missing = Missing { tool: Some(NO_SERVER.to_owned()), ..Missing::default() };
            return Ok((denied(&passage, missing), Some(Reason::UnknownToolServer)));
        };
        self.targets.insert(format!("tool_server:{}", server.id));
        self.steps.push(Step::Tool(self.tool_facts(true, Some((&passage, server)))));
        let ask = match &self.question.call {
            Some(call) => Ask::Call(call.clone()),
            None if case.forwarded.method() == "GET" => Ask::Stream,
            None => Ask::Look,
        };
        // An explanation must not contain a valid assertion.
        let sign = |_: Claims| "...".to_owned();
        let limit = self.context.site.config.verify.groups_header_limit;
        let grant = |passage: &ToolPassage| Arc::new(passage.grant(server, limit));
        let verdict = match passage.decide(server, &ask, grant, sign) {
            Ok(headers) => Verdict::Allow { headers, charge: None },
            Err(missing) => denied(&passage, missing),
        };
        Ok((verdict, None))
    }

    fn tool_facts(&self, is_judged: bool, found: Option<(&ToolPassage, &GateServer)>) -> ToolFacts {
        let call = self.question.call.as_ref();
        let kind = call.map_or(Kind::Tool, |call| call.kind);
        let way = found.zip(call).map(|((passage, server), call)| passage.find_way(server, call));
        let missing = way.as_ref().and_then(|way| way.as_ref().err()).cloned().unwrap_or_default();
        ToolFacts {
            is_judged,
            server: found.map(|(_, server)| server.id.to_string()),
            kind: call.map(|call| call.kind.as_str().into()),
            name: call.map(|call| bounded(&call.name)),
            way: way.and_then(Result::ok).map(named),
            missing_groups: missing.groups,
            missing_key: missing.key,
            patterns: found.map(|(passage, server)| passage.patterns(server, kind)).unwrap_or_default(),
        }
    }
}

fn named(way: Way<'_>) -> String {
    match way {
        Way::Administrator => "administrator".to_owned(),
        Way::Open => "open".to_owned(),
        Way::Rule(by) => by.to_string(),
    }
}

fn denied(passage: &ToolPassage, missing: Missing) -> Verdict {
    Verdict::Deny {
        denial: Denial::Forbidden(missing),
        user: Some(passage.user),
        email: Some(passage.email.clone()),
        may_request: passage.may_request,
        via: None,
    }
}
