//! Merges the file and the environment into one map from key to value, with the source of each value.
//!
//! Keys are written as in the file (`session.idle_timeout`). The variable `GATEPOST_SESSION__IDLE_TIMEOUT` gives the
//! same key and takes precedence. Values are not interpreted here.

use super::error::{ConfigError, Problem};
use super::given::{Given, Overlay, Source, Value};
use super::platform;

/// The variable that names the file. It is read before all settings, so it is not a key itself.
pub(super) const CONFIG_VARIABLE: &str = "GATEPOST_CONFIG";

/// Keys whose tables are values: the operator chooses the names in them.
const TABLES_OF_VALUES: [&str; 2] = ["groups", "services"];

/// No setting is nested deeper than this, so deeper tables are not flattened.
const DEEPEST: usize = 4;

/// The text of the file, and its name for errors.
pub(super) struct TomlFile<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

/// Merges the environment with the file.
pub(super) fn overlay(
    file: Option<&TomlFile<'_>>,
    environment: impl Iterator<Item = (String, String)>,
) -> (Overlay, Vec<ConfigError>) {
    let mut errors = Vec::new();
    let mut given = Overlay::new();
    if let Some(file) = file {
        match file.text.parse::<toml::Table>() {
            Ok(table) => flatten(table, "", file.name, 1, &mut given),
            Err(error) => errors.push(syntax_error(file, &error)),
        }
    }
    let mut variables = Overlay::new();
    let mut platform_variables = Vec::new();
    for (name, text) in environment {
        if platform::is_variable(&name) {
            platform_variables.push((name, text));
        } else if let Some(key) = key_of(&name) {
            let source = Source::Variable(name);
            if let Some(other) = variables.get(&key).filter(|other| other.source != source) {
                let why = format!("the same setting as {}: give only one of them", other.source);
                errors
                    .push(ConfigError { setting: source.to_string(), problem: Problem::Contradiction(why) });
            }
            variables.insert(key, Given { value: Value::Text(text), source });
        }
    }
    given.append(&mut variables);
    errors.extend(platform::lay_over(&mut given, platform_variables));
    (given, errors)
}

/// The key of an environment variable; `None` if it does not belong to Gatepost. A `GATEPOST_` variable that is not
/// spelled as a key keeps its name as its key, and is reported as unknown because nothing reads that key.
fn key_of(variable: &str) -> Option<String> {
    if let "DATABASE_URL" | "DATABASE_PASSWORD" | "REDIS_URL" =
        variable.strip_suffix("_FILE").unwrap_or(variable)
    {
        return Some(variable.to_ascii_lowercase());
    }
    if !variable.get(..9)?.eq_ignore_ascii_case("GATEPOST_") || variable == CONFIG_VARIABLE {
        return None;
    }
    let key = variable[9..].to_ascii_lowercase().replace("__", ".");
    let spelled = variable_of(&key);
    let of_one = |section: &str| {
        let (id, setting) = key.strip_prefix(section)?.split_once('.')?;
        Some(format!("{section}{}.{setting}", id.replace('_', "-")))
    };
    let key = of_one("providers.").or_else(|| of_one("speakers.")).unwrap_or(key);
    let same = |a: &str, b: &str| a.replace('-', "_") == b.replace('-', "_");
    Some(if same(&spelled, variable) { key } else { variable.to_owned() })
}

/// The environment variable of a key. The `-` of the id of a provider or a speaker becomes `_`.
pub(super) fn variable_of(key: &str) -> String {
    let name = key.to_uppercase().replace('.', "__").replace('-', "_");
    if ["database_url", "database_password", "redis_url"].iter().any(|name| key.starts_with(*name)) {
        name
    } else {
        format!("GATEPOST_{name}")
    }
}

fn flatten(table: toml::Table, prefix: &str, file: &str, depth: usize, given: &mut Overlay) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match value {
            toml::Value::Table(inner) if depth < DEEPEST && !TABLES_OF_VALUES.contains(&key.as_str()) => {
                flatten(inner, &format!("{key}."), file, depth + 1, given);
            }
            value => {
                let source = Source::Toml { key: key.clone(), file: file.to_owned() };
                given.insert(key, Given { value: Value::Toml(value), source });
            }
        }
    }
}

/// Describes a syntax error. The parser's own `Display` is not used: it prints the line, which may contain a secret.
fn syntax_error(file: &TomlFile<'_>, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| file.text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let found =
        format!("invalid TOML in line {line}, column {column} ({})", error.message().replace('\n', ", "));
    let problem = Problem::Malformed { found, expected: "TOML".into() };
    ConfigError { setting: file.name.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_keys_are_two_spellings_of_one_name() {
        for (variable, key) in [
            ("GATEPOST_PUBLIC_URL", "public_url"),
            ("GATEPOST_SESSION__IDLE_TIMEOUT", "session.idle_timeout"),
            ("GATEPOST_PROVIDERS__MY_IDP__CLIENT_ID", "providers.my-idp.client_id"),
            ("GATEPOST_SPEAKERS__OPEN_WEBUI__MAX_AGE", "speakers.open-webui.max_age"),
            ("DATABASE_URL", "database_url"),
            ("REDIS_URL_FILE", "redis_url_file"),
            ("DATABASE_PASSWORD", "database_password"),
            ("DATABASE_PASSWORD_FILE", "database_password_file"),
        ] {
            assert_eq!(key_of(variable).as_deref(), Some(key));
            assert_eq!(variable_of(key), variable);
        }
    }

    #[test]
    fn variables_of_others_are_left_alone_and_misspelt_ones_of_ours_are_not() {
        for variable in ["PATH", "GATEPOST", "GATEPOST_CONFIG", "MY_GATEPOST_HOSTS", "", "ÄÖÜ_GATEPOST_X"]
        {
            assert_eq!(key_of(variable), None, "{variable}");
        }
        for variable in
            ["GATEPOST_hosts", "Gatepost_HOSTS", "GATEPOST_DATABASE_URL", "GATEPOST_SESSION.IDLE_TIMEOUT"]
        {
            assert_eq!(key_of(variable).as_deref(), Some(variable));
        }
    }
}
