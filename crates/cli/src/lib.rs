//! The command line: one file per subcommand, results on stdout, errors on stderr.
//!
//! An administrative command returns a [`report::Report`], which is printed here, for people or for programs.
//! Exit codes: 0 success, 1 failure with the reason on stderr, 2 invalid arguments.

mod access;
mod address;
mod admin;
mod apply;
mod audit;
mod audit_chain;
mod certs;
mod check;
mod check_mcp;
mod check_store;
mod completions;
mod console;
mod copy;
mod copy_stores;
mod directory_hints;
mod end;
mod environment;
mod erasures;
mod erasures_file;
mod error;
mod explain;
mod export;
pub mod files;
mod group;
mod healthcheck;
mod key;
mod key_table;
mod member;
mod migrate;
mod moment;
mod only_here;
mod openapi;
mod owner_error;
mod program;
mod proposal;
mod remote;
mod report;
mod request;
mod router_file;
mod serve;
mod session;
pub mod start;
mod store;
mod tenant;
mod tenant_branding;
mod tenant_check;
mod tenant_export;
mod tenant_invitation;
mod tenant_life;
mod tenant_member;
mod tenant_provider;
mod tenant_routers;
mod tenant_settings;
mod tenant_usage;
#[cfg(test)]
mod tests;
mod tool_server;
mod user;

pub use program::{Here, Program};

use crate::start::StartError;
use clap::{Args, Parser, Subcommand};
use console::Console;
use environment::Environment;
use error::CommandError;
use gatepost_config::{Config, RemoteConfig};
use gatepost_core::administration::Version;
use gatepost_core::error_chain::Chain;
use gatepost_store::directory::Conditions;
use only_here::OnlyHere;
use std::env::{ArgsOs, VarsOs};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `gatepost`.
#[derive(Debug, Parser)]
#[command(
    name = "gatepost",
    version,
    about = "Sign-in and access control for Traefik, with ForwardAuth and OpenID Connect",
    after_help = "Every command reads the same settings as `serve`: run it in the same folder and environment.\n\
                  Exit codes: 0 success, 1 failure (the reason is on stderr), 2 invalid arguments.\n\n\
                  Examples:\n  gatepost serve --config /etc/gatepost/gatepost.toml\n  \
                  gatepost check --traefik traefik.yml dynamic.yml\n  \
                  gatepost user show alice@example.com"
)]
struct Arguments {
    /// gatepost.toml; default: ./gatepost.toml, then /etc/gatepost/gatepost.toml, if present
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs Gatepost (default)
    #[command(after_help = "Example:\n  gatepost serve --config /etc/gatepost/gatepost.toml")]
    Serve,
    /// Brings the directory's schema up to date, then exits
    #[command(after_help = migrate::HELP)]
    Migrate(migrate::Migrate),
    /// Checks configuration, provider, stores and Traefik's files, and says how to fix each problem
    #[command(after_help = "Examples:\n  gatepost check\n  \
                            gatepost check --traefik traefik.yml dynamic/*.yml docker-compose.yml\n  \
                            gatepost check --json | jq '.findings[] | select(.severity == \"error\")'\n\n\
                            Exit codes: 0 no errors (there may be warnings and hints), 1 errors. \
                            docs/check.md lists all findings.")]
    Check(check::Check),
    /// Explains step by step whether a person may open an address, or why a request was refused
    #[command(after_help = explain::HELP)]
    Explain(explain::Explain),
    /// Shows who can open an address, a router's requirement or a tenant, or call a tool, and why; or what a person can open
    #[command(after_help = access::HELP)]
    Access(access::Access),
    /// Asks a running Gatepost whether it is ready; for Docker's HEALTHCHECK
    #[command(after_help = "Example:\n  gatepost healthcheck")]
    Healthcheck,
    /// Creates and renews the certificates for TLS between Traefik and the internal listener
    #[command(
        after_help = "Needs no other setting if --dir is given. Valid certificates are not replaced: run it as often as you like.\n\n\
                            Example:\n  gatepost certs --dir /etc/gatepost/certs --name gatepost --client-dir /etc/traefik/gatepost"
    )]
    Certs(certs::Arguments),
    /// Shows and changes who is an admin
    #[command(after_help = "Examples:\n  gatepost admin list\n  gatepost admin grant alice@example.com")]
    Admin(Administration<admin::Command>),
    /// Shows and changes groups, their links to groups of providers, and their members
    #[command(
        after_help = "Examples:\n  gatepost group list\n  gatepost group add MCP-GitHub alice@example.com"
    )]
    Group(Administration<group::Command>),
    /// Shows and changes tenants, and the groups that have access to them
    #[command(after_help = "Examples:\n  gatepost tenant list\n  gatepost tenant map MCP-GitHub github")]
    Tenant(Administration<tenant::Command>),
    /// Shows and changes servers that speak MCP, and who may use which of their tools
    #[command(after_help = "Examples:\n  gatepost tool-server show github\n  \
                      gatepost tool-server allow github --group MCP-GitHub --tool get_*")]
    ToolServer(Administration<tool_server::Command>),
    /// Shows and changes people
    #[command(after_help = "Examples:\n  gatepost user list\n  gatepost user show alice@example.com")]
    User(Administration<user::Command>),
    /// Shows and decides people's requests for access
    #[command(
        after_help = "Examples:\n  gatepost request list\n  gatepost request grant 0199d1f0-5b7c-7d2e-8a3f-0123456789ab --for 30d"
    )]
    Request(Administration<request::Command>),
    /// Shows and decides which tenants people propose
    #[command(
        after_help = "Examples:\n  gatepost proposal list\n  gatepost proposal approve 0199d1f0-5b7c-7d2e-8a3f-0123456789ab"
    )]
    Proposal(Administration<proposal::Command>),
    /// Shows, makes and revokes API keys, with which programs pass
    #[command(
        after_help = "Examples:\n  gatepost key create ci --host wiki.example.com\n  gatepost key list"
    )]
    Key(Administration<key::Command>),
    /// Shows and ends sessions
    #[command(after_help = "Examples:\n  gatepost session list alice@example.com\n  \
                            gatepost session end --user alice@example.com")]
    Session(Administration<session::Command>),
    /// Shows what the stores are and hold
    #[command(after_help = "Example:\n  gatepost store show")]
    Store(Administration<store::Command>),
    /// Compares groups, links and tenants with files, and makes the directory hold what the files say
    #[command(after_help = apply::HELP)]
    Apply(apply::Apply),
    /// Writes groups, links and tenants into files that `gatepost apply` reads
    #[command(after_help = export::HELP)]
    Export(export::Export),
    /// Copies the directory, and sessions, from one file to Postgres and Redis, or back
    #[command(after_help = copy::HELP)]
    Copy(copy::Copy),
    /// Keeps beside the dumps of the directory what was erased, and erases it again where a dump was restored
    #[command(after_help = erasures::HELP)]
    Erasures(erasures::Erasures),
    /// Shows the audit log: who changed what, and whether it is whole
    #[command(after_help = "Example:\n  gatepost audit list --user alice@example.com --since 7d")]
    Audit(Administration<audit::Command>),
    /// Prints the OpenAPI document of the API
    #[command(after_help = "Needs no setting. Example:\n  gatepost openapi > gatepost.openapi.json")]
    Openapi,
    /// Prints the completion script for a shell
    #[command(after_help = completions::EXAMPLES)]
    Completions {
        /// The shell
        shell: completions::Shell,
    },
}

/// Commands that read and change the stores, also while `serve` uses them.
#[derive(Debug, Args)]
struct Administration<C: Subcommand> {
    /// Print JSON for programs: field names do not change, times are RFC 3339 in UTC
    #[arg(long, global = true)]
    json: bool,
    /// Show what would change, and change nothing
    #[arg(long, global = true)]
    dry_run: bool,
    /// Change only what still has this version, as `--json` shows it
    #[arg(long, global = true, value_name = "VERSION")]
    if_version: Option<Version>,
    #[command(subcommand)]
    command: C,
}

impl<C: Subcommand> Administration<C> {
    fn conditions(&self) -> Conditions {
        Conditions { if_version: self.if_version, is_dry_run: self.dry_run, ..Conditions::default() }
    }
}

/// Runs the command; `main` passes the environment, because nothing else may read it.
pub fn run(program: Program, arguments: ArgsOs, environment: VarsOs) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match dispatch(program, arguments, environment) {
        Ok(code) => code,
        Err(error) => {
            report::print_error(&Chain(&error).to_string(), error.hint().as_deref());
            ExitCode::FAILURE
        }
    }
}

fn dispatch(program: Program, arguments: Arguments, environment: VarsOs) -> Result<ExitCode, CommandError> {
    let environment = Environment::read(environment);
    let elsewhere = || -> Result<(Option<RemoteConfig>, &Environment), CommandError> {
        let environment = environment.as_ref().map_err(Clone::clone)?;
        Ok((Config::load_remote(arguments.config.as_deref(), environment.variables())?, environment))
    };
    // Whoever names an installation elsewhere does not mean the one here.
    let only_here = || match elsewhere()? {
        (Some(_), _) => Err(CommandError::OnlyHere(OnlyHere::Machine)),
        (None, environment) => Ok(environment),
    };
    let load = || -> Result<(Config, &Environment), CommandError> {
        let environment = only_here()?;
        Ok((Config::load(arguments.config.as_deref(), environment.variables())?, environment))
    };
    // As many threads as cores: sign-ins and cold look-ups run here, and the stores' connections.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("main").build();
    let runtime = runtime.map_err(StartError::Runtime)?;
    actix_web::rt::System::with_tokio_rt(|| runtime).block_on(async {
        let open_for = async |conditions| {
            if let (Some(config), environment) = elsewhere()? {
                return Console::elsewhere(&config, environment.actor(), conditions);
            }
            let (config, environment) = load()?;
            Console::open(program, config, environment.actor(), conditions).await
        };
        let open = async || open_for(Conditions::default()).await;
        let done = |()| ExitCode::SUCCESS;
        let (json, report) = match arguments.command.unwrap_or(Command::Serve) {
            Command::Serve => return serve::run(program, load()?.0).await.map(done),
            Command::Migrate(args) => return migrate::run(&load()?.0, args).await.map(done),
            Command::Completions { shell } => return completions::print(shell).map(done),
            Command::Openapi => return openapi::print().map(done),
            Command::Healthcheck => return healthcheck::run(&load()?.0).await.map(done),
            Command::Certs(args) => {
                only_here()?;
                (args.json, certs::run(&args, || load().map(|(config, _)| config))?)
            }
            // It checks a configuration with which other commands refuse to start.
            Command::Check(args) => {
                if environment.is_ok() {
                    only_here()?;
                }
                return Box::pin(check::run(program, arguments.config.clone(), environment.as_ref(), args))
                    .await;
            }
            Command::Explain(args) => (args.json, Box::pin(explain::run(&open().await?, args)).await?),
            Command::Access(args) => {
                let json = args.json;
                let Some(report) = Box::pin(access::run(&open().await?, args)).await? else {
                    return Ok(ExitCode::SUCCESS);
                };
                (json, report)
            }
            Command::Apply(args) => return Box::pin(apply::run(&open().await?, args)).await,
            Command::Copy(args) => (args.json, Box::pin(copy::run(load()?, args)).await?),
            Command::Erasures(args) => {
                let environment = only_here()?;
                (args.json, Box::pin(erasures::run(arguments.config.as_deref(), environment, args)).await?)
            }
            Command::Export(args) => (args.json, export::run(&open().await?, args).await?),
            Command::Admin(args) => {
                let (console, json) = (open_for(args.conditions()).await?, args.json);
                (json, console.finish(admin::run(&console, args.command).await?))
            }
            Command::Group(args) => {
                let (console, json) = (open_for(args.conditions()).await?, args.json);
                (json, console.finish(group::run(&console, args.command).await?))
            }
            Command::Tenant(args) => {
                let (console, json) = (open_for(args.conditions()).await?, args.json);
                (json, console.finish(Box::pin(tenant::run(&console, args.command)).await?))
            }
            Command::ToolServer(args) => {
                let (console, json) = (open_for(args.conditions()).await?, args.json);
                (json, console.finish(Box::pin(tool_server::run(&console, args.command)).await?))
            }
            Command::Audit(args) => return audit::run(&open().await?, args.command, args.json).await,
            Command::User(args) => {
                let (console, json) = (open_for(args.conditions()).await?, args.json);
                (json, console.finish(Box::pin(user::run(&console, args.command)).await?))
            }
            Command::Request(args) => {
                let (console, json) = (open_for(args.conditions()).await?, args.json);
                (json, console.finish(Box::pin(request::run(&console, args.command)).await?))
            }
            Command::Proposal(args) => {
                let (console, json) = (open_for(args.conditions()).await?, args.json);
                (json, console.finish(Box::pin(proposal::run(&console, args.command)).await?))
            }
            Command::Key(args) => {
                let (console, json) = (open_for(args.conditions()).await?, args.json);
                (json, console.finish(Box::pin(key::run(&console, args.command)).await?))
            }
            Command::Session(args) => {
                let (console, json) = (open_for(args.conditions()).await?, args.json);
                (json, console.finish(Box::pin(session::run(&console, args.command)).await?))
            }
            Command::Store(args) => (args.json, store::run(&open().await?, args.command).await?),
        };
        report.print(json).map(|()| report.exit_code()).map_err(CommandError::Output)
    })
}
