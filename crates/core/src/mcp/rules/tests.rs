use super::*;

fn rule(holder: Holder, kind: Kind, pattern: &str) -> Rule {
    Rule { holder, kind, pattern: pattern.parse().expect("a pattern") }
}

fn group(name: &str) -> Holder {
    Holder::Group(name.parse().expect("a name"))
}

fn access(groups: &[&str]) -> Access {
    Access { groups: groups.iter().map(|name| name.parse().expect("a name")).collect(), ..Access::default() }
}

fn user(access: &Access) -> User<'_> {
    User { access, role: Some(Role::Member), key: None, tools: &[], needs_rule: false }
}

fn may(rules: &RuleSet, user: &User<'_>, kind: Kind, name: &str) -> bool {
    rules.allows(kind, name, user)
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
    let of_role = |role| User { role, ..user(&of_none) };
    assert_eq!(rules.patterns(Kind::Tool, &user(&of_a)), ["get_*", "ping", "search"]);
    assert_eq!(rules.patterns(Kind::Tool, &of_role(None)), ["ping"]);
    for (role, is_enough) in
        [(None, false), (Some(Role::Viewer), false), (Some(Role::Member), true), (Some(Role::Admin), true)]
    {
        assert_eq!(may(&rules, &of_role(role), Kind::Tool, "search"), is_enough, "{role:?}");
    }
    let by_key = User { role: None, key: Some("k1"), ..user(&of_none) };
    assert!(may(&rules, &by_key, Kind::Tool, "list_x"));
    assert!(!may(&rules, &User { key: Some("k2"), ..by_key }, Kind::Tool, "list_x"));
}

#[test]
fn names_match_exactly_or_by_their_beginning() {
    let access = access(&["A"]);
    let rules =
        RuleSet::new(["a*", "ab", "abc*", "abd*"].map(|pattern| rule(Holder::Everyone, Kind::Tool, pattern)));
    for (name, matches) in [("a", true), ("ab", true), ("abe", true), ("b", false), ("", false), ("A", false)]
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
    let groups = rules.groups_for(Kind::Tool, "delete_repo");
    let names: Vec<_> = groups.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["A", "B"]);
}

/// Who asks, in the property below.
struct Asker {
    access: Access,
    role: Option<Role>,
    key: Option<&'static str>,
    tools: Vec<ToolPattern>,
    needs_rule: bool,
}

impl Asker {
    fn user(&self) -> User<'_> {
        let Self { access, role, key, tools, needs_rule } = self;
        User { access, role: *role, key: *key, tools, needs_rule: *needs_rule }
    }

    /// Whether they may, by asking each rule: the arrangement must change nothing.
    fn may(&self, rules: &[Rule], kind: Kind, name: &str) -> bool {
        let is_of_key =
            kind != Kind::Tool || self.tools.is_empty() || self.tools.iter().any(|tool| tool.matches(name));
        let is_for_them = |holder: &Holder| match holder {
            Holder::Everyone => true,
            Holder::Group(name) => self.access.groups.contains(name),
            Holder::Role(least) => self.role.is_some_and(|role| role >= *least),
            Holder::Key(id) => self.key == Some(id),
            Holder::Nobody => false,
        };
        let mut of_kind = rules.iter().filter(|rule| rule.kind == kind).peekable();
        let is_open = of_kind.peek().is_none() && !self.needs_rule;
        let mut given = of_kind.filter(|rule| rule.pattern.matches(name));
        is_of_key && (self.access.is_admin || is_open || given.any(|rule| is_for_them(&rule.holder)))
    }
}

/// What calls allow is what asking each rule allows, and what the patterns match: so a list that shows what [`RuleSet::allows`]
/// allows shows what calls allow, and `X-User-Tools` says the same.
#[test]
fn a_list_shows_what_calls_allow() {
    let mut random = crate::mcp::other_readers::Random::new(7);
    let letters = |random: &mut crate::mcp::other_readers::Random, most: usize| -> String {
        (0..random.below(most + 1)).map(|_| ['a', '!', 'c'][random.below(3)]).collect()
    };
    let pattern = |random: &mut crate::mcp::other_readers::Random| -> ToolPattern {
        let text = match letters(random, 4) {
            text if text.is_empty() || random.below(2) == 0 => format!("{text}*"),
            text => text,
        };
        text.parse().expect("a pattern")
    };
    let holders = [
        group("A"),
        group("B"),
        Holder::Role(Role::Admin),
        Holder::Role(Role::Viewer),
        Holder::Key("k1".to_owned()),
        Holder::Key("k2".to_owned()),
        Holder::Everyone,
        Holder::Nobody,
    ];
    let (mut allowed, mut refused) = (0, 0);
    for _ in 0..600 {
        let rules: Vec<Rule> = (0..random.below(12))
            .map(|_| Rule {
                holder: holders[random.below(holders.len())].clone(),
                kind: Kind::ALL[random.below(2)],
                pattern: pattern(&mut random),
            })
            .collect();
        let asker = Asker {
            access: Access {
                is_admin: random.below(9) == 0,
                ..access([&["A"][..], &[], &["A", "C"]][random.below(3)])
            },
            role: [None, Some(Role::Viewer), Some(Role::Member), Some(Role::Admin)][random.below(4)],
            key: [None, Some("k1")][random.below(2)],
            tools: (0..random.below(4).saturating_sub(1)).map(|_| pattern(&mut random)).collect(),
            needs_rule: random.below(3) == 0,
        };
        let (set, user) = (RuleSet::new(rules.clone()), asker.user());
        for kind in Kind::ALL {
            let patterns = set.patterns(kind, &user);
            let patterns: Vec<ToolPattern> =
                patterns.iter().map(|pattern| pattern.parse().expect("a pattern")).collect();
            for _ in 0..12 {
                let name = letters(&mut random, 6);
                let plain = asker.may(&rules, kind, &name);
                let shown = patterns.iter().any(|pattern| pattern.matches(&name));
                assert_eq!(set.allows(kind, &name, &user), plain, "{kind} {name} {rules:?} {user:?}");
                assert_eq!(shown, plain, "{kind} {name} {patterns:?} {rules:?} {user:?}");
                *(if plain { &mut allowed } else { &mut refused }) += 1;
            }
        }
    }
    assert!(allowed > 2_000 && refused > 2_000, "{allowed} {refused}");
}

#[test]
fn whoever_needs_a_rule_may_use_nothing_of_an_open_kind() {
    let access = access(&["A"]);
    let strict = User { needs_rule: true, ..user(&access) };
    assert!(!may(&RuleSet::default(), &strict, Kind::Tool, "x"));
    assert_eq!(RuleSet::default().patterns(Kind::Tool, &strict), [""; 0]);
    let rules = RuleSet::new([rule(Holder::Everyone, Kind::Tool, "x")]);
    assert!(may(&rules, &strict, Kind::Tool, "x"));
    assert!(!may(&rules, &strict, Kind::Prompt, "x"));
    assert_eq!(rules.judge(Kind::Prompt, "x", &strict), Err(Lack::Rule));
}

#[test]
fn a_decision_names_the_way_or_what_is_missing() {
    let (of_a, tools) = (access(&["A"]), ["get_*".parse().expect("a pattern")]);
    let rules =
        RuleSet::new([rule(group("A"), Kind::Tool, "get_*"), rule(Holder::Everyone, Kind::Tool, "put_file")]);
    let limited = User { tools: &tools, ..user(&of_a) };
    let name = "A".parse().expect("a name");
    assert_eq!(rules.judge(Kind::Tool, "get_x", &limited), Ok(Way::Rule(GivenBy::Group(&name))));
    assert_eq!(rules.judge(Kind::Tool, "put_file", &limited), Err(Lack::Key));
    assert_eq!(rules.judge(Kind::Tool, "put_file", &user(&of_a)), Ok(Way::Rule(GivenBy::Everyone)));
    assert_eq!(rules.judge(Kind::Tool, "put_x", &user(&of_a)), Err(Lack::Rule));
    assert_eq!(rules.judge(Kind::Resource, "x", &limited), Ok(Way::Open));
    let admin = Access { is_admin: true, ..Access::default() };
    assert_eq!(rules.judge(Kind::Tool, "put_x", &user(&admin)), Ok(Way::Administrator));
}
