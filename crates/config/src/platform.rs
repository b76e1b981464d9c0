//! The variables `MICROSOFT_CLIENT_ID`, `MICROSOFT_CLIENT_SECRET` and `MICROSOFT_CLIENT_TENANT_ID`, which the platform
//! already has. They configure the provider `entra`.
//!
//! They are a second spelling of `providers.entra.*`, so a setting that is given in both is an error. If only other
//! providers are configured they are errors, too: a variable for another application must not add a provider here.

use super::error::{ConfigError, Problem};
use super::given::{Given, Overlay, Source, Value};

/// Each variable with the setting of the provider `entra` that it gives.
pub(super) const VARIABLES: [(&str, &str); 4] = [
    ("MICROSOFT_CLIENT_ID", "client_id"),
    ("MICROSOFT_CLIENT_SECRET", "client_secret"),
    ("MICROSOFT_CLIENT_SECRET_FILE", "client_secret_file"),
    ("MICROSOFT_CLIENT_TENANT_ID", "tenant_id"),
];

/// Whether a variable is one of [`VARIABLES`].
pub(super) fn is_variable(name: &str) -> bool {
    VARIABLES.iter().any(|(variable, _)| *variable == name)
}

/// The variable to name when a setting is missing; `None` if the operator uses none of these variables.
pub(super) fn variable_of(key: &str, given: &Overlay) -> Option<&'static str> {
    let kind = given.get("providers.entra.kind")?;
    let setting = key.strip_prefix("providers.entra.").filter(|_| is_variable(&kind.source.to_string()))?;
    VARIABLES.iter().find(|(_, other)| *other == setting).map(|(variable, _)| *variable)
}

/// Adds the settings that the platform's variables give.
pub(super) fn lay_over(given: &mut Overlay, variables: Vec<(String, String)>) -> Vec<ConfigError> {
    let explicit = given.keys().any(|key| key.starts_with("providers.entra."));
    let others = given.keys().any(|key| key.starts_with("providers."));
    let first = variables.first().map(|(name, _)| name.clone());
    let mut errors = Vec::new();
    let fail = |name: &str, why: String| ConfigError {
        setting: name.to_owned(),
        problem: Problem::Contradiction(why),
    };
    for (name, text) in variables {
        let setting =
            VARIABLES.iter().find(|(variable, _)| *variable == name).map_or("", |(_, setting)| setting);
        if others && !explicit {
            errors.push(fail(
                &name,
                "configures the provider entra, but only other providers are configured: unset it, \
                or set GATEPOST_PROVIDERS__ENTRA__KIND=entra to have both"
                    .to_owned(),
            ));
            continue;
        }
        let base = setting.strip_suffix("_file").unwrap_or(setting);
        let twin = ["", "_file"].iter().find_map(|suffix| {
            let other = given.get(&format!("providers.entra.{base}{suffix}"))?;
            (!is_variable(&other.source.to_string())).then(|| other.source.to_string())
        });
        if let Some(twin) = twin {
            errors.push(fail(&name, format!("the same setting as {twin}: give only one of them")));
            continue;
        }
        let given_here = Given { value: Value::Text(text), source: Source::Variable(name) };
        given.insert(format!("providers.entra.{setting}"), given_here);
    }
    if let Some(name) = first.filter(|_| explicit || !others) {
        let implied =
            Given { value: Value::Text("entra".to_owned()), source: Source::Variable(name.clone()) };
        let kind = given.entry("providers.entra.kind".to_owned()).or_insert(implied);
        let is_entra = match &kind.value {
            Value::Text(text) => text == "entra",
            Value::Toml(value) => value.as_str() == Some("entra"),
        };
        if !is_entra {
            errors
                .push(fail(&name, format!("is only for kind entra, but {} sets another kind", kind.source)));
        }
    }
    errors
}
