//! Who may use which tools, prompts and resources of one server.
//!
//! [`RuleSet::judge`] alone says whether somebody may use something: calls, lists and explanations ask it. What
//! [`RuleSet::patterns`] gives matches exactly what it allows.

use super::pattern::Kind;
use crate::access::{Access, Role};
use crate::ids::GroupName;
use crate::tool_pattern::{ToolPattern, narrowed};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

/// One rule, with the name that its group has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// For whom it is.
    pub holder: Holder,
    /// What kind of thing it is about.
    pub kind: Kind,
    /// Which of them.
    pub pattern: ToolPattern,
}

/// For whom a rule is. [`super::pattern::Subject`] names a group by its number, this by its name, as [`Access`] does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// Everybody who may enter.
    Everyone,
    /// The members of this group.
    Group(GroupName),
    /// Those who have this role in the tenant of the server, or a higher one.
    Role(Role),
    /// This key.
    Key(String),
    /// Nobody, because a group was deleted.
    Nobody,
}

/// Who wants to use a server.
#[derive(Clone, Copy, Debug)]
pub struct User<'a> {
    /// Their groups and rights.
    pub access: &'a Access,
    /// Their role in the tenant of the server.
    pub role: Option<Role>,
    /// The id of the key, if a key itself asks.
    pub key: Option<&'a str>,
    /// The tools to which the key that was sent is limited; empty: to none.
    pub tools: &'a [ToolPattern],
    /// They may use only what a rule gives them: a kind without rules is closed to them, too.
    pub needs_rule: bool,
}

/// Why somebody may use something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way<'a> {
    /// They administer the system.
    Administrator,
    /// There is no rule about this kind.
    Open,
    /// A rule gives it to them.
    Rule(GivenBy<'a>),
}

/// The part of a rule by which somebody may use something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenBy<'a> {
    /// It is for everybody who may enter.
    Everyone,
    /// It is for this role, and those above it.
    Role(Role),
    /// It is for this key.
    Key(&'a str),
    /// It is for this group.
    Group(&'a GroupName),
}

/// What somebody lacks who may not use something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The key that they sent is limited to other tools.
    Key,
    /// No rule gives it to them.
    Rule,
}

/// All rules of one server, arranged for the decision.
#[derive(Clone, Debug, Default)]
pub struct RuleSet([KindRules; Kind::ALL.len()]);

/// The rules about one kind. A kind without a rule is open.
#[derive(Clone, Debug, Default)]
struct KindRules {
    exact: HashMap<Box<str>, Holders>,
    /// Sorted, so that the longest one that fits is found by halving. Each knows the next shorter one that it begins with.
    prefixes: Vec<Prefix>,
}

#[derive(Clone, Debug)]
struct Prefix {
    text: Box<str>,
    holders: Holders,
    shorter: Option<usize>,
}

/// Everybody for whom one pattern is.
#[derive(Clone, Debug, Default)]
struct Holders {
    everyone: bool,
    /// The lowest role that is enough.
    role: Option<Role>,
    /// Sorted.
    groups: BTreeSet<GroupName>,
    keys: BTreeSet<String>,
}

impl RuleSet {
    /// Arranges rules.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut patterns: [BTreeMap<ToolPattern, Holders>; Kind::ALL.len()] =
            std::array::from_fn(|_| BTreeMap::new());
        for Rule { holder, kind, pattern } in rules {
            patterns[kind as usize].entry(pattern).or_default().add(holder);
        }
        Self(patterns.map(KindRules::new))
    }

    /// Whether somebody may use something. A list shows what this allows, a call of anything else is refused.
    pub fn allows(&self, kind: Kind, name: &str, user: &User<'_>) -> bool {
        self.judge(kind, name, user).is_ok()
    }

    /// By which way somebody may use something.
    ///
    /// # Errors
    /// What they lack.
    pub fn judge<'a>(&'a self, kind: Kind, name: &str, user: &User<'_>) -> Result<Way<'a>, Lack> {
        let is_limited = kind == Kind::Tool && !user.tools.is_empty();
        if is_limited && !user.tools.iter().any(|tool| tool.matches(name)) {
            return Err(Lack::Key);
        }
        if user.access.is_admin {
            return Ok(Way::Administrator);
        }
        self.0[kind as usize].judge(name, user).ok_or(Lack::Rule)
    }

    /// The patterns of one kind that are for somebody, sorted; `*` alone if they may use all.
    pub fn patterns(&self, kind: Kind, user: &User<'_>) -> Vec<String> {
        let given = self.given(kind, user);
        if kind == Kind::Tool && !user.tools.is_empty() { narrowed(&given, user.tools) } else { given }
    }

    /// The same without the limit of a key.
    fn given(&self, kind: Kind, user: &User<'_>) -> Vec<String> {
        let rules = &self.0[kind as usize];
        let all = || vec!["*".to_owned()];
        if user.access.is_admin || (rules.is_open() && !user.needs_rule) {
            return all();
        }
        let prefixes = rules.prefixes.iter().filter(|prefix| prefix.holders.including(user).is_some());
        let mut patterns: Vec<_> = prefixes.map(|prefix| format!("{}*", prefix.text)).collect();
        if patterns.first().is_some_and(|first| first == "*") {
            return all();
        }
        let exact = rules.exact.iter().filter(|(_, holders)| holders.including(user).is_some());
        patterns.extend(exact.map(|(name, _)| name.to_string()));
        patterns.sort_unstable();
        patterns
    }

    /// The groups whose members may use something, sorted: what somebody else lacks.
    pub fn groups_for(&self, kind: Kind, name: &str) -> Vec<GroupName> {
        let matching = self.0[kind as usize].matching(name);
        let groups: BTreeSet<_> = matching.flat_map(|holders| holders.groups.iter()).collect();
        groups.into_iter().cloned().collect()
    }
}

impl KindRules {
    fn new(patterns: BTreeMap<ToolPattern, Holders>) -> Self {
        let mut rules = Self::default();
        let mut prefixes = BTreeMap::new();
        for (pattern, holders) in patterns {
            match pattern.as_str().strip_suffix('*') {
                Some(text) => drop(prefixes.insert(text.to_owned(), holders)),
                None => drop(rules.exact.insert(pattern.as_str().into(), holders)),
            }
        }
        // In order of their texts, a prefix comes after every shorter prefix that it begins with.
        for (text, holders) in prefixes {
            let last = rules.prefixes.len().checked_sub(1);
            let shorter = rules.fitting(last, &text);
            rules.prefixes.push(Prefix { text: text.into(), holders, shorter });
        }
        rules
    }

    fn is_open(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty()
    }

    fn judge(&self, name: &str, user: &User<'_>) -> Option<Way<'_>> {
        if self.is_open() {
            return (!user.needs_rule).then_some(Way::Open);
        }
        self.matching(name).find_map(|holders| holders.including(user)).map(Way::Rule)
    }

    /// Of this prefix, the next shorter one and so on, the first that the name begins with.
    fn fitting(&self, from: Option<usize>, name: &str) -> Option<usize> {
        std::iter::successors(from, |at| self.prefixes[*at].shorter)
            .find(|at| name.starts_with(&*self.prefixes[*at].text))
    }

    /// The holders of each pattern that a name fits.
    fn matching(&self, name: &str) -> impl Iterator<Item = &Holders> {
        // Every text between a prefix and a name that begins with it begins with it, too: so the longest prefix of the
        // name is the last prefix that is not after it in order, or one of those that this begins with.
        let last = self.prefixes.partition_point(|prefix| *prefix.text <= *name).checked_sub(1);
        let longest = self.fitting(last, name);
        let prefixes = std::iter::successors(longest, |at| self.prefixes[*at].shorter);
        self.exact.get(name).into_iter().chain(prefixes.map(|at| &self.prefixes[at].holders))
    }
}

impl Holders {
    fn add(&mut self, holder: Holder) {
        match holder {
            Holder::Nobody => {}
            Holder::Everyone => self.everyone = true,
            Holder::Role(role) => self.role = Some(self.role.map_or(role, |other| other.min(role))),
            Holder::Group(name) => {
                self.groups.insert(name);
            }
            Holder::Key(id) => {
                self.keys.insert(id);
            }
        }
    }

    /// By what these holders include somebody.
    fn including(&self, user: &User<'_>) -> Option<GivenBy<'_>> {
        if self.everyone {
            return Some(GivenBy::Everyone);
        }
        if let Some(least) = self.role
            && user.role.is_some_and(|role| role >= least)
        {
            return Some(GivenBy::Role(least));
        }
        if let Some(key) = user.key.and_then(|key| self.keys.get(key)) {
            return Some(GivenBy::Key(key));
        }
        let groups = &user.access.groups;
        let group = if groups.len() <= self.groups.len() {
            groups.iter().find_map(|group| self.groups.get(group))
        } else {
            self.groups.iter().find(|group| groups.binary_search(group).is_ok())
        };
        group.map(GivenBy::Group)
    }
}

/// Writes it as a rule is written, a group by its name.
impl fmt::Display for GivenBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("everyone"),
            Self::Role(role) => write!(f, "role:{role}"),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Group(name) => write!(f, "group:{name}"),
        }
    }
}

#[cfg(test)]
mod tests;
