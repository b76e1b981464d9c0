//! Every page, with ordinary and with hostile inputs, held against what all pages promise.

mod admin;
mod admin_access;
mod admin_keys;
mod admin_places;
mod admin_proposals;
mod admin_requests;
mod admin_tenants;
mod admin_tools;
mod brand;
mod contrast;
mod debugger;
mod invitations;
mod markup;
mod samples;

use super::*;
use admin::admin_samples as people_samples;
use admin_keys::key_samples;
use admin_places::place_samples;
use admin_proposals::proposal_samples;
use admin_requests::request_samples;
use admin_tenants::tenant_samples;
use admin_tools::tool_samples;
use brand::{branded_samples, form_samples};
use debugger::{explained_samples, live_samples};
use gatepost_core::host::Origin;
use gatepost_core::ids::RequestId;
use invitations::{link_samples, list_samples};
use samples::{Sample, gate_samples, hostile_samples, public_samples as other_public_samples};

const SHIPPED_MAX_RESPONSE_BODY_SIZE: usize = 16_384;

/// The pages of the public host, but for the portal.
fn public_samples() -> Vec<Sample> {
    other_public_samples().into_iter().chain(link_samples()).collect()
}

/// The pages of the portal.
fn admin_samples() -> Vec<Sample> {
    let programs = key_samples().into_iter().chain(tool_samples());
    people_samples()
        .into_iter()
        .chain(place_samples())
        .chain(proposal_samples())
        .chain(request_samples())
        .chain(programs)
        .chain(tenant_samples())
        .chain(form_samples())
        .chain(list_samples())
        .collect()
}

/// The pages of the public host with the look of a tenant.
fn on_public_host() -> impl Iterator<Item = Sample> {
    branded_samples().into_iter().filter(|sample| !sample.name.ends_with("refused"))
}

fn all() -> Vec<Sample> {
    let admin = admin_samples();
    let branded = branded_samples();
    [gate_samples(), public_samples(), hostile_samples(), live_samples(), explained_samples(), branded, admin]
        .into_iter()
        .flatten()
        .collect()
}

fn hostile() -> impl Iterator<Item = Sample> {
    all().into_iter().filter(|sample| sample.name.contains("hostile"))
}

fn html() -> impl Iterator<Item = Sample> {
    all().into_iter().filter(|sample| sample.page.header("content-type") == Some("text/html; charset=utf-8"))
}

#[test]
fn every_page_is_well_formed_and_can_be_read_by_everyone() {
    for Sample { name, page } in html() {
        let elements = markup::elements(&page.body).unwrap_or_else(|error| panic!("{name}: {error}"));
        let is_of_page = |found: &&markup::Element| !found.is_in_picture;
        let count =
            |element: &str| elements.iter().filter(is_of_page).filter(|found| found.name == element).count();
        for element in ["html", "title", "h1", "header", "main", "footer"] {
            assert_eq!(count(element), 1, "{name}: <{element}>");
        }
        assert!(page.body.contains("<html lang=\"en\">"), "{name}");
        let levels: Vec<_> = elements.iter().filter_map(markup::Element::heading_level).collect();
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{name}: {levels:?}");
        let unlabelled = elements.iter().find(|found| found.name == "a" && found.text.trim().is_empty());
        assert!(unlabelled.is_none(), "{name}: a link without a text");
    }
}

#[test]
fn no_page_holds_a_script_a_style_attribute_or_another_hosts_resource() {
    for Sample { name, page } in html() {
        let elements = markup::elements(&page.body).unwrap_or_else(|error| panic!("{name}: {error}"));
        for element in elements {
            assert!(
                !["script", "iframe", "object", "embed", "base"].contains(&element.name.as_str()),
                "{name}: {element:?}"
            );
            let may_load = name == "gate-clearing-storage-html";
            let is_logo = (name.contains("brand") || name.contains("tenant-looks"))
                && element.attribute("src").is_some_and(|source| source.starts_with("/logos/"));
            assert!(element.name != "img" || may_load || is_logo, "{name}: {element:?}");
            for (attribute, value) in &element.attributes {
                assert!(
                    attribute != "style" && !attribute.starts_with("on"),
                    "{name}: {attribute} in {element:?}"
                );
                let is_ours = value.is_empty()
                    || value.starts_with('#')
                    || (value.starts_with('/') && !value.starts_with("//"));
                let is_request =
                    element.name == "a" && *value == samples::REQUEST_LINK && name.contains("forbidden");
                // A link that leads to a protected host loads nothing.
                let is_application = element.name == "a"
                    && ["admin-applications", "admin-person", "-account"]
                        .iter()
                        .any(|page| name.contains(page));
                // Where a tenant's people get help: a link that says where it leads, and tells nobody where it was.
                let is_help = element.name == "a" && element.attribute("rel") == Some("noreferrer");
                let is_help = is_help && (value.starts_with("mailto:") || value.starts_with("https://"));
                assert!(
                    is_ours
                        || is_request
                        || is_help && (name.contains("brand") || name.contains("tenant-looks"))
                        || is_application
                        || !["href", "src", "action"].contains(&attribute.as_str()),
                    "{name}: {attribute}={value}"
                );
            }
        }
    }
}

#[test]
fn what_came_from_outside_is_escaped() {
    for Sample { name, page } in hostile() {
        if page.header("content-type") == Some("application/json") {
            let json: serde_json::Value =
                serde_json::from_str(&page.body).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(json["request_id"], samples::request_id().to_string(), "{name}");
        } else {
            assert!(!page.body.contains("<img") && !page.body.contains("<script"), "{name}");
            let is_link = page.body.contains("%3Cimg");
            assert!(page.body.contains("&#60;img") || is_link, "{name} shows nothing of what was planted");
        }
    }
}

#[test]
fn every_page_carries_its_request_id_and_may_not_be_kept() {
    for Sample { name, page } in all() {
        assert!(page.body.contains(&samples::request_id().to_string()), "{name}");
        assert_eq!(page.header("cache-control"), Some("no-store"), "{name}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{name}");
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"),
            "{name}: {policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{name}: {policy}");
        assert_eq!(page.header("set-cookie"), None, "{name}");
    }
}

#[test]
fn an_answer_of_verify_is_never_2xx_and_stays_small() {
    for Sample { name, page } in gate_samples() {
        assert!(page.status >= 400, "{name}");
        assert!(page.body.len() < 8192, "{name}: {} bytes", page.body.len());
    }
    for Sample { name, page } in hostile_samples() {
        assert!(
            page.body.len() < SHIPPED_MAX_RESPONSE_BODY_SIZE || page.status < 400,
            "{name}: {} bytes",
            page.body.len()
        );
    }
}

/// A page with a full list of the longest words and one with ordinary ones.
#[test]
fn every_page_of_the_portal_stays_small() {
    for Sample { name, page } in admin_samples() {
        assert!(page.body.len() <= 60 * 1024, "{name}: {} bytes", page.body.len());
    }
}

#[test]
fn the_inline_style_is_the_one_that_the_policy_allows() {
    use base64::Engine;
    use sha2::{Digest, Sha256};
    let branded = branded_samples().into_iter().filter(|sample| sample.name.ends_with("refused"));
    let inlined = gate_samples().into_iter().chain(live_samples()).chain(branded);
    for Sample { name, page } in inlined.filter(|sample| sample.page.body.starts_with('<')) {
        let (_, rest) = page.body.split_once("<style>").unwrap_or_else(|| panic!("{name} has no style"));
        let (css, _) = rest.split_once("</style>").unwrap_or_else(|| panic!("{name} has no end of style"));
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(css));
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains(&format!("style-src 'sha256-{hash}'")), "{name}: {policy}");
    }
}

#[test]
fn the_public_pages_link_to_assets_that_exist() {
    let [style, branded, portal, icon] = assets().map(|asset| format!("href=\"{}\"", asset.path));
    for Sample { name, page } in
        public_samples().into_iter().chain(explained_samples()).chain(admin_samples()).chain(on_public_host())
    {
        let (is_portal, is_branded) = (name.starts_with("admin-"), name.contains("brand"));
        let sheets = [(&style, !is_portal && !is_branded), (&branded, is_branded), (&portal, is_portal)];
        for (link, is_linked) in sheets.into_iter().chain([(&icon, true)]) {
            assert_eq!(page.body.contains(link), is_linked, "{name}: {link}");
        }
        assert!(!page.body.contains("<style"), "{name}");
    }
}

#[test]
fn nothing_of_another_site_loads_or_holds_the_header_debugger() {
    for Sample { name, page } in live_samples() {
        for header in ["cross-origin-resource-policy", "cross-origin-opener-policy"] {
            assert_eq!(page.header(header), Some("same-origin"), "{name}");
        }
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "{name}");
        assert!(!page.body.contains("0123456789abcdef"), "{name} shows a cookie's value");
        assert_eq!(page.body.contains("Nothing to change"), name == "live-right-html", "{name}");
    }
}

#[test]
fn only_an_admins_account_page_leads_to_the_header_debugger() {
    for Sample { name, page } in public_samples().into_iter().filter(|sample| sample.name.contains("account"))
    {
        let leads = page.body.contains("href=\"/debug/headers\"");
        assert_eq!(leads, page.body.contains("Administrator</span>"), "{name}");
    }
}

#[test]
fn a_refusal_names_the_person_what_is_missing_and_a_way_on() {
    let page = samples::forbidden(Format::Html);
    for part in [
        "alice@example.com",
        "MCP-GitHub",
        "MCP-Admin",
        "github",
        "/.gatepost/start?prompt=select_account&#38;uri=/board?x=1",
        &samples::request_id().to_string(),
    ] {
        assert!(page.body.contains(part), "{part}");
    }
    let json: serde_json::Value = serde_json::from_str(&samples::forbidden(Format::Json).body).expect("JSON");
    assert_eq!(json["error"], "forbidden");
    assert!(json["message"].as_str().is_some_and(|message| message.contains("MCP-GitHub")), "{json}");
    assert_eq!(json.get("sign_in"), None);
}

#[test]
fn a_program_learns_where_to_sign_in() {
    let origin: Origin = "https://wiki.example.com:8443".parse().expect("an origin");
    let gate =
        Gate { origin: Some(&origin), brand: None, request_id: RequestId::generate(), format: Format::Json };
    let page = Refusal::SignIn { uri: "/api?a=1&b=2", resend: false, max_age: None }.page(&gate);
    let json: serde_json::Value = serde_json::from_str(&page.body).expect("JSON");
    assert_eq!((page.status, &json["error"]), (401, &"sign_in_required".into()));
    assert_eq!(json["sign_in"], "https://wiki.example.com:8443/.gatepost/start?uri=/api?a=1%26b=2");
    assert_eq!(json["login_url"], "https://wiki.example.com:8443/.gatepost/start?uri=/");
    assert_eq!(page.header("www-authenticate"), Some("Bearer realm=\"gatepost\""));
    let refusals = [
        Refusal::SignIn { uri: "/", resend: true, max_age: None },
        Refusal::StepUp { uri: "/", resend: true, max_age: samples::MINUTE },
        Refusal::Unavailable { resend: true, retry_after: samples::MINUTE },
    ];
    for refusal in refusals {
        let json: serde_json::Value = serde_json::from_str(&refusal.page(&gate).body).expect("JSON");
        let detail = json["detail"].as_str().expect("what many clients show");
        assert_eq!(json["message"], detail);
        assert!(!["tab", "reload", "load the page"].iter().any(|word| detail.contains(word)), "{detail}");
    }
}

#[test]
fn after_a_post_the_link_opens_a_new_tab_and_says_why() {
    let origin: Origin = "https://wiki.example.com".parse().expect("an origin");
    let gate =
        Gate { origin: Some(&origin), brand: None, request_id: RequestId::generate(), format: Format::Html };
    let page = Refusal::SignIn { uri: "/save", resend: true, max_age: None }.page(&gate);
    assert!(
        page.body.contains("target=\"_blank\" rel=\"noopener\"") && page.body.contains("reload it"),
        "{}",
        page.body
    );
    let page = Refusal::SignIn { uri: "/", resend: false, max_age: None }.page(&gate);
    assert!(!page.body.contains("target="), "{}", page.body);
}

#[test]
fn only_a_page_with_a_form_lets_one_be_sent() {
    for Sample { name, page } in gate_samples() {
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert_eq!(page.body.contains("<form"), policy.contains("form-action 'self'"), "{name}: {policy}");
        assert_eq!(
            page.body.contains("<form"),
            page.header("referrer-policy") == Some("same-origin"),
            "{name}"
        );
    }
}

/// Also keeps every page as a file below the target folder, to be looked at in a browser.
#[test]
fn every_page_has_a_name_of_its_own() {
    let program = std::env::current_exe().expect("a test has a program");
    let folder = program.ancestors().nth(3).expect("below the target folder").join("tmp/pages");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    let mut names = std::collections::BTreeSet::new();
    for asset in assets() {
        std::fs::create_dir_all(folder.join("assets")).expect("the target folder can be written");
        std::fs::write(folder.join(&asset.path[1..]), asset.body).expect("the target folder can be written");
    }
    for Sample { name, page } in all() {
        let is_html = page.header("content-type") == Some("text/html; charset=utf-8");
        let kind = if is_html { "html" } else { "json" };
        std::fs::write(folder.join(format!("{name}.{kind}")), &page.body)
            .expect("the target folder can be written");
        assert!(names.insert(name.clone()), "{name} twice");
    }
}

#[test]
fn the_nu_html_checker_finds_no_error() {
    let program = std::env::current_exe().expect("a test has a program");
    let folder = program.ancestors().nth(3).expect("below the target folder").join("tmp/checked-pages");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    let write = |Sample { name, page }: Sample| {
        let path = folder.join(format!("{name}.html"));
        std::fs::write(&path, page.body).expect("the target folder can be written");
        path
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../script/vnu");
    let output =
        std::process::Command::new(script).args(html().map(write)).output().expect("script/vnu runs");
    let errors = String::from_utf8_lossy(&output.stdout);
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}\n{trouble}");
}

/// A cell says which column it belongs to, for the style that shows rows as cards on a narrow screen.
#[test]
fn every_table_of_the_portal_can_be_read_as_cards() {
    let mut tables = 0;
    for Sample { name, page } in admin_samples() {
        let elements = markup::elements(&page.body).unwrap_or_else(|error| panic!("{name}: {error}"));
        let has_table = elements.iter().any(|element| element.name == "table");
        tables += usize::from(has_table);
        assert_eq!(has_table, elements.iter().any(|element| element.name == "caption"), "{name}");
        for element in elements {
            let is_named = match element.name.as_str() {
                "th" => ["col", "row"].contains(&element.attribute("scope").unwrap_or_default()),
                "td" => element.attribute("data-label").is_some(),
                _ => true,
            };
            assert!(is_named, "{name}: {element:?}");
        }
    }
    assert!(tables > 2, "{tables}");
}

#[test]
fn one_wrong_field_takes_the_focus() {
    let focused = |page: &Page| page.body.matches(" autofocus=").count();
    let most = html().map(|Sample { name, page }| (focused(&page), name)).max();
    assert_eq!(most.map(|(count, _)| count), Some(1), "no page, or more than one field of a page");
}
