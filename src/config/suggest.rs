//! "Did you mean": the known setting that is most like an unknown one, in the form in which that one was given.

use super::raw::{Source, variable_of};
use std::collections::BTreeSet;

/// Below this likeness (0 to 1) a suggestion would be a guess.
const LIKE_ENOUGH: f64 = 0.75;

/// The setting that was probably meant by `key`, given at `source`.
pub(super) fn suggestion(source: &Source, key: &str, known: &BTreeSet<String>) -> Option<String> {
    // `provider.x.kind` has no known twin if no provider was configured rightly.
    let provider = key.split_once('.').map(|(_, rest)| format!("providers.{rest}"));
    let provider = provider.filter(|twin| twin != key && twin.matches('.').count() == 2);
    let known = known.iter().chain(&provider);
    match source {
        Source::Toml { .. } => best(&key.to_lowercase(), known.cloned()),
        Source::Variable(name) => {
            let name = name.to_uppercase();
            let variables: Vec<String> = known.map(|key| variable_of(key)).collect();
            let inner = variables.iter().find(|variable| name.ends_with(variable.as_str())).cloned();
            inner.or_else(|| best(&name, variables.into_iter()))
        }
    }
}

fn best(name: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    candidates
        .map(|candidate| (strsim::normalized_damerau_levenshtein(name, &candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
