//! `gatepost tool-server`: servers that speak MCP, and who may use which of their tools.

mod update;

use super::check_mcp::Way;
use super::console::Console;
use super::error::CommandError;
use super::report::{Report, lines, text_or_dash};
use clap::{Args, Subcommand};
use gatepost_admin::views;
use gatepost_core::access::Role;
use gatepost_core::administration::Scope;
use gatepost_core::ids::{GroupName, ProviderId, ServiceName, TenantId, ToolRuleId, ToolServerId};
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::endpoint::Endpoint;
use gatepost_core::mcp::pattern::{Kind, Subject};
use gatepost_core::mcp::words::{Audience, PageAddress, ScopeName, ServerName};
use gatepost_core::tool_pattern::ToolPattern;
use gatepost_store::directory::changes::{
    AddToolRule, CreateToolServer, DeleteToolServer, RemoveToolRule, ToolServerPatch,
};
use gatepost_store::directory::{Directory, DirectoryError, GroupKey, Place, ToolServerSettings};
use serde::Serialize;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Creates a tool server
    #[command(
        after_help = "Example:\n  gatepost tool-server create github --tenant github --url https://mcp.example.com/servers/github/mcp"
    )]
    Create {
        /// Its id, unique among all tenants
        id: ToolServerId,
        /// The tenant that it belongs to
        #[arg(long)]
        tenant: TenantId,
        /// Where clients reach it: https, a protected host, a path, no slash at the end
        #[arg(long)]
        url: Endpoint,
        #[command(flatten)]
        settings: Settings,
    },
    /// Changes what is said about a tool server; what is not named stays
    #[command(
        after_help = "With --mode headers it is tried first whether the server refuses messages whose headers and body differ. Its router must\n\
                      have mcp=headers by then, and refuses everybody else until the trial is over.\n\n\
                      Examples:\n  gatepost tool-server update github --name GitHub\n  gatepost tool-server update github --mode headers"
    )]
    Update {
        /// A tool server's id
        id: ToolServerId,
        /// Where clients reach it
        #[arg(long)]
        url: Option<Endpoint>,
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        way: Way,
    },
    /// Deletes a tool server with its rules; the gate then refuses its address
    #[command(
        after_help = "Examples:\n  gatepost tool-server delete github --dry-run\n  gatepost tool-server delete github"
    )]
    Delete {
        /// A tool server's id
        #[arg(value_parser = ToolServerId::from_stored)]
        id: ToolServerId,
    },
    /// Shows all tool servers
    #[command(after_help = "Example:\n  gatepost tool-server list --json")]
    List {
        /// Of this tenant
        #[arg(long)]
        tenant: Option<TenantId>,
    },
    /// Shows a tool server and its rules
    #[command(after_help = "Example:\n  gatepost tool-server show github")]
    Show {
        /// A tool server's id
        id: ToolServerId,
    },
    /// Allows somebody tools, prompts or resources; from the first rule about a kind on, nothing else of it is allowed
    #[command(
        after_help = "Examples:\n  gatepost tool-server allow github --group MCP-GitHub --tool get_*\n  \
        gatepost tool-server allow github --everyone --prompt *"
    )]
    Allow(RuleArguments),
    /// Takes such a rule back
    #[command(after_help = "Example:\n  gatepost tool-server forbid github --group MCP-GitHub --tool get_*")]
    Forbid(RuleArguments),
}

/// The word for no service. `GATEPOST_SERVICES` cannot have one with this name.
const NONE: &str = "none";

#[derive(Debug, Args)]
pub(super) struct Settings {
    /// The name that people see
    #[arg(long)]
    name: Option<ServerName>,
    /// The provider whose tokens it takes
    #[arg(long)]
    provider: Option<ProviderId>,
    /// What tokens for it name as their audience; default: its address, at Entra any of the provider's
    #[arg(long)]
    audience: Option<Audience>,
    /// A scope that clients ask for; may be repeated
    #[arg(long = "scope")]
    scopes: Vec<ScopeName>,
    /// body, or headers for a server that refuses messages whose headers and body differ; only `update` sets headers
    #[arg(long)]
    mode: Option<Mode>,
    /// A page for people about it
    #[arg(long)]
    documentation: Option<PageAddress>,
    /// Whether it is what the host has at the bare well-known path
    #[arg(long)]
    default: Option<bool>,
    /// The upstream of `GATEPOST_SERVICES` at which its lists are filtered; none takes it away
    #[arg(long, value_name = "NAME")]
    service: Option<ServiceName>,
}

impl Settings {
    fn patch(self, url: Option<Endpoint>) -> ToolServerPatch {
        let scopes: Vec<String> = self.scopes.into_iter().map(ScopeName::into_text).collect();
        ToolServerPatch {
            url,
            name: self.name.map(|name| Some(name.into_text())),
            provider: self.provider.map(Some),
            audience: self.audience.map(|audience| Some(audience.into_text())),
            scopes: (!scopes.is_empty()).then_some(scopes),
            mode: self.mode,
            documentation: self.documentation.map(|page| Some(page.into_text())),
            is_default: self.default,
            service: self.service.map(|name| (name.as_str() != NONE).then_some(name)),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct RuleArguments {
    /// A tool server's id
    id: ToolServerId,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    what: What,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// The members of this group
    #[arg(long)]
    group: Option<GroupName>,
    /// Those with this role in the tenant, or a higher one
    #[arg(long)]
    role: Option<Role>,
    /// This key
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// Everybody who may enter
    #[arg(long)]
    everyone: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A tool's name, or its beginning with *
    #[arg(long, value_name = "PATTERN")]
    tool: Option<ToolPattern>,
    /// A prompt's name, or its beginning with *
    #[arg(long, value_name = "PATTERN")]
    prompt: Option<ToolPattern>,
    /// A resource's URI, or its beginning with *
    #[arg(long, value_name = "PATTERN")]
    resource: Option<ToolPattern>,
}

impl What {
    fn parts(self) -> Option<(Kind, ToolPattern)> {
        let tool = self.tool.map(|pattern| (Kind::Tool, pattern));
        let prompt = self.prompt.map(|pattern| (Kind::Prompt, pattern));
        tool.or(prompt).or_else(|| self.resource.map(|pattern| (Kind::Resource, pattern)))
    }
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    match command {
        Command::Create { id, tenant, url, settings } => create(console, id, tenant, (url, settings)).await,
        Command::Update { id, url, settings, way } => {
            update::run(console, id, settings.patch(url), &way).await
        }
        Command::Delete { id } => {
            let tenant = tenant_of(console, &id).await?;
            console.carry_out(&DeleteToolServer { id: id.clone(), tenant }).await?;
            let was = console.either("was", "would be");
            let text =
                format!("Tool server {id} {was} deleted, with its rules. The gate refuses its address.");
            Ok(Report::new(text, views::ToolServerChange { id: id.to_string(), changed: true }))
        }
        Command::List { tenant } => list(console, tenant.as_ref()).await,
        Command::Show { id } => show(console, &id).await,
        Command::Allow(arguments) => allow(console, arguments).await,
        Command::Forbid(arguments) => forbid(console, arguments).await,
    }
}

async fn create(
    console: &Console,
    id: ToolServerId,
    tenant: TenantId,
    (url, settings): (Endpoint, Settings),
) -> Result<Report, CommandError> {
    demand_configured(console, &tenant, Some(&url), None).await?;
    let none = ToolServerSettings {
        url: url.clone(),
        name: None,
        provider: None,
        audience: None,
        scopes: Vec::new(),
        mode: Mode::default(),
        documentation: None,
        is_default: false,
        service: None,
    };
    let settings = settings.patch(None).of(&none);
    demand_configured(console, &tenant, None, settings.service.as_ref()).await?;
    console.carry_out(&CreateToolServer { id: id.clone(), tenant, settings }).await?;
    let text = format!(
        "Tool server {id} {} created at {url}. Everybody who may enter may use all of its tools until the first rule: \
         gatepost tool-server allow {id} --group NAME --tool PATTERN",
        console.either("was", "would be")
    );
    Ok(Report::new(text, views::ToolServerChange { id: id.to_string(), changed: true }))
}

/// Demands what the configuration here has to say about an address and an upstream.
async fn demand_configured(
    console: &Console,
    tenant: &TenantId,
    url: Option<&Endpoint>,
    service: Option<&ServiceName>,
) -> Result<(), CommandError> {
    let Some(admin) = console.configured_here() else { return Ok(()) };
    if let Some(url) = url {
        admin.demand_protected(Some(tenant), url).await?;
    }
    Ok(admin.demand_service(service)?)
}

async fn find(console: &Console, id: &ToolServerId) -> Result<views::ToolServer, CommandError> {
    let found = if let Some(api) = console.api() {
        api.find_tool_server(id).await?
    } else {
        let found = console.here()?.stores.directory.find_tool_server(&Scope::System, id).await?;
        found.as_ref().map(views::ToolServer::from)
    };
    found.ok_or_else(|| DirectoryError::UnknownToolServer(id.clone()).into())
}

async fn tenant_of(console: &Console, id: &ToolServerId) -> Result<TenantId, CommandError> {
    let tenant = find(console, id).await?.tenant.parse();
    tenant.map_err(|_| DirectoryError::UnknownToolServer(id.clone()).into())
}

async fn rules(console: &Console, id: &ToolServerId) -> Result<Vec<views::ToolRule>, CommandError> {
    let page = async |directory: &Directory, after: Option<Place>, limit| {
        directory.list_tool_rules(&Scope::System, id, after.as_ref(), limit).await
    };
    console.list((&["tool-servers", id.as_str(), "rules"], &[]), page).await
}

async fn list(console: &Console, tenant: Option<&TenantId>) -> Result<Report, CommandError> {
    let page = async |directory: &Directory, after: Option<Place>, limit| {
        directory.list_tool_servers(&Scope::System, tenant, after.as_ref(), limit).await
    };
    let mut servers: Vec<views::ToolServer> = match (console.api(), tenant) {
        (Some(api), None) => api.list_tool_servers().await?,
        (_, tenant) => {
            let tenant = tenant.map_or("", TenantId::as_str);
            console.list((&["tenants", tenant, "tool-servers"], &[]), page).await?
        }
    };
    servers.sort_by(|one, other| one.id.cmp(&other.id));
    let rows = servers.iter().map(|server| {
        let name = text_or_dash(server.name.as_ref());
        [server.id.clone(), server.tenant.clone(), name, server.url.clone()]
    });
    let none = "There is no tool server. To create one: gatepost tool-server create ID --tenant ID --url URL";
    Ok(Report::list(["Tool server", "Tenant", "Name", "Address"], rows.collect(), none, &servers))
}

/// A tool server and its rules.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    server: views::ToolServer,
    rules: Vec<views::ToolRule>,
}

async fn show(console: &Console, id: &ToolServerId) -> Result<Report, CommandError> {
    let (server, rules) = (find(console, id).await?, rules(console, id).await?);
    let mut text = vec![
        format!("Tool server {id} of tenant {}: {}", server.tenant, server.url),
        format!("Messages are judged by their {}.", server.mode),
    ];
    text.extend(server.service.iter().map(|name| format!("Its lists are filtered at service {name}.")));
    for kind in Kind::ALL {
        let of_kind: Vec<_> = rules.iter().filter(|rule| rule.kind == kind.as_str()).collect();
        if of_kind.is_empty() {
            text.push(format!("Every {kind}: everybody who may enter, because there is no rule."));
        }
        let holder = |rule: &views::ToolRule| {
            rule.group.as_ref().map_or_else(|| rule.subject.clone(), |name| format!("group {name}"))
        };
        text.extend(of_kind.iter().map(|rule| format!("{kind} {}: {}", rule.pattern, holder(rule))));
    }
    Ok(Report::new(lines(&text), Shown { server, rules }))
}

/// For whom a rule is.
async fn subject(console: &Console, who: Who) -> Result<Subject, CommandError> {
    if let Some(name) = who.group {
        let number = console.find_group(&name).await?.id.parse();
        let number = number.map_err(|_| DirectoryError::UnknownGroup(GroupKey::Name(name)))?;
        return Ok(Subject::Group(number));
    }
    Ok(match (who.role, who.key) {
        (Some(role), _) => Subject::Role(role),
        (None, Some(key)) => Subject::Key(key),
        (None, None) => Subject::Everyone,
    })
}

async fn allow(console: &Console, arguments: RuleArguments) -> Result<Report, CommandError> {
    let RuleArguments { id, who, what } = arguments;
    let (subject, tenant) = (subject(console, who).await?, tenant_of(console, &id).await?);
    let Some((kind, pattern)) = what.parts() else { return Err(CommandError::NoPattern) };
    let text = format!("{subject} {} use {kind} {pattern} of {id}", console.either("may", "could"));
    let change = AddToolRule { server: id.clone(), tenant, subject, kind, pattern };
    let done = console.carry_out(&change).await?;
    let text = if done.changed { format!("{text}.") } else { format!("{text} already.") };
    let change = views::ToolRuleChange {
        id: done.outcome,
        tool_server: id.to_string(),
        left: None,
        changed: done.changed,
    };
    Ok(Report::new(text, change))
}

async fn forbid(console: &Console, arguments: RuleArguments) -> Result<Report, CommandError> {
    let RuleArguments { id, who, what } = arguments;
    let (subject, tenant) = (subject(console, who).await?, tenant_of(console, &id).await?);
    let Some((kind, pattern)) = what.parts() else { return Err(CommandError::NoPattern) };
    let meant = (subject.to_string(), kind.to_string(), pattern.to_string());
    let is_meant = |rule: &&views::ToolRule| {
        (&rule.subject, &rule.kind, &rule.pattern) == (&meant.0, &meant.1, &meant.2)
    };
    let rules = rules(console, &id).await?;
    let rule = rules.iter().find(is_meant).and_then(|rule| rule.id.parse().ok());
    let rule: ToolRuleId = rule.ok_or_else(|| CommandError::NoRule(id.clone()))?;
    let left = console.carry_out(&RemoveToolRule { server: id.clone(), tenant, rule }).await?.outcome;
    let mut text = format!("The rule {} gone.", console.either("is", "would be"));
    if left == 0 {
        text.push_str(console.either(" It was", " It is"));
        text.push_str(" the last one about its kind: everybody who may enter may use every ");
        text.extend([kind.as_str(), " of ", id.as_str(), "."]);
    }
    let (rule, tool_server) = (rule.to_string(), id.to_string());
    Ok(Report::new(text, views::ToolRuleChange { id: rule, tool_server, left: Some(left), changed: true }))
}
