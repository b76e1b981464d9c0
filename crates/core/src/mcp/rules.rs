//! Who may use which tools, prompts and resources of one server.

use super::message::Call;
use super::pattern::Kind;
use crate::access::{Access, Role};
use crate::ids::GroupName;
use crate::tool_pattern::ToolPattern;
use std::collections::{BTreeMap, BTreeSet, HashMap};

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
    /// The id of the key that they use.
    pub key: Option<&'a str>,
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

    /// Whether somebody may do what they ask for.
    pub fn allows(&self, call: &Call, user: &User<'_>) -> bool {
        user.access.is_admin || self.0[call.kind as usize].allows(&call.name, user)
    }

    /// The patterns of one kind that are for somebody, sorted; `*` alone if they may use all.
    pub fn patterns(&self, kind: Kind, user: &User<'_>) -> Vec<String> {
        let rules = &self.0[kind as usize];
        let all = || vec!["*".to_owned()];
        if user.access.is_admin || rules.is_open() {
            return all();
        }
        let prefixes = rules.prefixes.iter().filter(|prefix| prefix.holders.include(user));
        let mut patterns: Vec<_> = prefixes.map(|prefix| format!("{}*", prefix.text)).collect();
        if patterns.first().is_some_and(|first| first == "*") {
            return all();
        }
        let exact = rules.exact.iter().filter(|(_, holders)| holders.include(user));
        patterns.extend(exact.map(|(name, _)| name.to_string()));
        patterns.sort_unstable();
        patterns
    }

    /// The groups whose members may do what somebody asks for, sorted: what they lack.
    pub fn groups_for(&self, call: &Call) -> Vec<GroupName> {
        let matching = self.0[call.kind as usize].matching(&call.name);
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

    fn allows(&self, name: &str, user: &User<'_>) -> bool {
        self.is_open() || self.matching(name).any(|holders| holders.include(user))
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

    fn include(&self, user: &User<'_>) -> bool {
        let has_role = || self.role.is_some_and(|least| user.role.is_some_and(|role| role >= least));
        let has_group = || {
            let groups = &user.access.groups;
            if groups.len() <= self.groups.len() {
                groups.iter().any(|group| self.groups.contains(group))
            } else {
                self.groups.iter().any(|group| groups.binary_search(group).is_ok())
            }
        };
        self.everyone || has_role() || user.key.is_some_and(|key| self.keys.contains(key)) || has_group()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(holder: Holder, kind: Kind, pattern: &str) -> Rule {
        Rule { holder, kind, pattern: pattern.parse().expect("a pattern") }
    }

    fn group(name: &str) -> Holder {
        Holder::Group(name.parse().expect("a name"))
    }

    fn access(groups: &[&str]) -> Access {
        Access {
            groups: groups.iter().map(|name| name.parse().expect("a name")).collect(),
            ..Access::default()
        }
    }

    fn user(access: &Access) -> User<'_> {
        User { access, role: Some(Role::Member), key: None }
    }

    fn may(rules: &RuleSet, user: &User<'_>, kind: Kind, name: &str) -> bool {
        rules.allows(&Call { kind, name: name.to_owned() }, user)
    }

    #[test]
    fn a_kind_without_rules_is_open_and_one_rule_closes_it() {
        let access = access(&["A"]);
        let closed = RuleSet::new([rule(Holder::Nobody, Kind::Tool, "x")]);
        assert!(!may(&closed, &user(&access), Kind::Tool, "x"));
        let rules = RuleSet::new([rule(group("B"), Kind::Tool, "x")]);
        assert!(!may(&rules, &user(&access), Kind::Tool, "x"));
        assert!(!may(&rules, &user(&access), Kind::Tool, "y"));
        assert!(may(&rules, &user(&access), Kind::Prompt, "y"));
        assert!(may(&RuleSet::default(), &user(&access), Kind::Tool, "x"));
        assert_eq!(rules.patterns(Kind::Tool, &user(&access)), [""; 0]);
        assert_eq!(rules.patterns(Kind::Prompt, &user(&access)), ["*"]);
    }

    #[test]
    fn a_system_administrator_may_use_everything() {
        let admin = Access { is_admin: true, ..Access::default() };
        let rules = RuleSet::new([rule(group("B"), Kind::Tool, "x")]);
        assert!(may(&rules, &user(&admin), Kind::Tool, "y"));
        assert_eq!(rules.patterns(Kind::Tool, &user(&admin)), ["*"]);
    }

    #[test]
    fn each_subject_gets_what_its_rules_give() {
        let (of_a, of_none) = (access(&["A", "Z"]), access(&[]));
        let rules = RuleSet::new([
            rule(group("A"), Kind::Tool, "get_*"),
            rule(Holder::Role(Role::Member), Kind::Tool, "search"),
            rule(Holder::Key("k1".to_owned()), Kind::Tool, "list_*"),
            rule(Holder::Everyone, Kind::Tool, "ping"),
        ]);
        let of_role = |role| User { access: &of_none, role, key: None };
        assert_eq!(rules.patterns(Kind::Tool, &user(&of_a)), ["get_*", "ping", "search"]);
        assert_eq!(rules.patterns(Kind::Tool, &of_role(None)), ["ping"]);
        for (role, is_enough) in [
            (None, false),
            (Some(Role::Viewer), false),
            (Some(Role::Member), true),
            (Some(Role::Admin), true),
        ] {
            assert_eq!(may(&rules, &of_role(role), Kind::Tool, "search"), is_enough, "{role:?}");
        }
        let by_key = User { access: &of_none, role: None, key: Some("k1") };
        assert!(may(&rules, &by_key, Kind::Tool, "list_x"));
        assert!(!may(&rules, &User { key: Some("k2"), ..by_key }, Kind::Tool, "list_x"));
    }

    #[test]
    fn names_match_exactly_or_by_their_beginning() {
        let access = access(&["A"]);
        let rules = RuleSet::new(
            ["a*", "ab", "abc*", "abd*"].map(|pattern| rule(Holder::Everyone, Kind::Tool, pattern)),
        );
        for (name, matches) in
            [("a", true), ("ab", true), ("abe", true), ("b", false), ("", false), ("A", false)]
        {
            assert_eq!(may(&rules, &user(&access), Kind::Tool, name), matches, "{name}");
        }
        let all = RuleSet::new([rule(Holder::Everyone, Kind::Tool, "*"), rule(group("B"), Kind::Tool, "x")]);
        assert!(may(&all, &user(&access), Kind::Tool, "x"));
        assert_eq!(all.patterns(Kind::Tool, &user(&access)), ["*"]);
    }

    #[test]
    fn a_refusal_names_the_groups_that_may() {
        let rules = RuleSet::new([
            rule(group("B"), Kind::Tool, "delete_*"),
            rule(group("A"), Kind::Tool, "delete_repo"),
            rule(group("C"), Kind::Tool, "get_*"),
        ]);
        let call = Call { kind: Kind::Tool, name: "delete_repo".to_owned() };
        let names: Vec<_> = rules.groups_for(&call).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["A", "B"]);
    }

    /// The arrangement gives what asking each rule gives.
    #[test]
    fn the_arrangement_changes_nothing() {
        let mut random = crate::mcp::other_readers::Random::new(7);
        let letters = |random: &mut crate::mcp::other_readers::Random, most: usize| -> String {
            (0..random.below(most + 1)).map(|_| ['a', '!', 'c'][random.below(3)]).collect()
        };
        for _ in 0..300 {
            let patterns: Vec<ToolPattern> = (0..random.below(12))
                .map(|_| match letters(&mut random, 4) {
                    text if text.is_empty() || random.below(2) == 0 => format!("{text}*"),
                    text => text,
                })
                .map(|text| text.parse().expect("a pattern"))
                .collect();
            let holders = [group("A"), group("B"), Holder::Role(Role::Admin)];
            let rules: Vec<_> = patterns
                .iter()
                .map(|pattern| Rule {
                    holder: holders[random.below(3)].clone(),
                    kind: Kind::Tool,
                    pattern: pattern.clone(),
                })
                .collect();
            let access = access(&["A"]);
            let set = RuleSet::new(rules.clone());
            for _ in 0..20 {
                let name = letters(&mut random, 6);
                let plain = rules.is_empty()
                    || rules.iter().any(|rule| rule.holder == holders[0] && rule.pattern.matches(&name));
                assert_eq!(may(&set, &user(&access), Kind::Tool, &name), plain, "{name} {rules:?}");
            }
        }
    }
}
