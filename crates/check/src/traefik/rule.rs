//! Parses a router's rule into alternatives: their hosts, their paths, and whether anything else restricts them.
//!
//! It reads the syntax of version 3 (`Host(`a`) || Host(`b`)`) and several arguments as in version 2. A negated term
//! only counts as a restriction.

use std::iter::Peekable;
use std::str::Chars;

/// A rule with more alternatives is refused.
const MOST_BRANCHES: usize = 256;
const MOST_LEVELS: usize = 32;

/// One alternative. All of its parts must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Branch {
    /// Hosts in lower case, of which one must match. If empty, every host matches, unless `is_host_pattern`.
    pub hosts: Vec<String>,
    /// A `HostRegexp` restricts the hosts.
    pub is_host_pattern: bool,
    /// Conditions for the path, all of which must match.
    pub paths: Vec<PathCondition>,
    /// Another condition: a method, a header, a query, an address or a negation.
    pub is_narrowed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathCondition {
    /// The path must be one of these.
    Exact(Vec<String>),
    /// The path must begin with one of these.
    Prefix(Vec<String>),
    /// The path must match one of these regular expressions.
    Pattern(Vec<String>),
}

impl Branch {
    /// Whether every request for `path` on `host` matches.
    pub fn covers(&self, host: &str, path: &str) -> bool {
        self.takes(host) && !self.is_narrowed && self.paths.iter().all(|matcher| matcher.covers(path))
    }

    /// Whether the host matches. A `HostRegexp` counts as not matching.
    pub fn takes(&self, host: &str) -> bool {
        if self.hosts.is_empty() { !self.is_host_pattern } else { self.hosts.iter().any(|own| own == host) }
    }

    /// Whether every path of its hosts matches.
    pub const fn is_whole(&self) -> bool {
        self.paths.is_empty() && !self.is_narrowed
    }
}

impl PathCondition {
    pub fn covers(&self, path: &str) -> bool {
        match self {
            Self::Exact(list) => list.iter().any(|own| own == path),
            Self::Prefix(list) => list.iter().any(|own| path.starts_with(own.as_str())),
            Self::Pattern(list) => {
                list.iter().any(|own| regex_lite::Regex::new(own).is_ok_and(|own| own.is_match(path)))
            }
        }
    }
}

/// Parses a rule; `None` if it is malformed, so that Traefik refuses it, too.
pub(super) fn parse(text: &str) -> Option<Vec<Branch>> {
    let mut reader = Reader { chars: text.chars().peekable(), level: 0 };
    let branches = reader.alternatives()?;
    reader.skip_space();
    if reader.chars.peek().is_some() { None } else { Some(branches) }
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    level: usize,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        while self.chars.next_if(|c| c.is_whitespace()).is_some() {}
    }

    fn take(&mut self, wanted: &str) -> bool {
        self.skip_space();
        let mut ahead = self.chars.clone();
        let is_there = wanted.chars().all(|c| ahead.next() == Some(c));
        if is_there {
            self.chars = ahead;
        }
        is_there
    }

    fn alternatives(&mut self) -> Option<Vec<Branch>> {
        let mut branches = self.conjunction()?;
        while self.take("||") {
            branches.extend(self.conjunction()?);
        }
        (branches.len() <= MOST_BRANCHES).then_some(branches)
    }

    fn conjunction(&mut self) -> Option<Vec<Branch>> {
        let mut branches = self.term()?;
        while self.take("&&") {
            let others = self.term()?;
            if branches.len() * others.len() > MOST_BRANCHES {
                return None;
            }
            branches =
                branches.iter().flat_map(|one| others.iter().map(|other| combine(one, other))).collect();
        }
        Some(branches)
    }

    fn term(&mut self) -> Option<Vec<Branch>> {
        self.level += 1;
        if self.level > MOST_LEVELS {
            return None;
        }
        let term = if self.take("!") {
            self.term()?;
            vec![Branch { is_narrowed: true, ..Branch::default() }]
        } else if self.take("(") {
            let branches = self.alternatives()?;
            if !self.take(")") {
                return None;
            }
            branches
        } else {
            vec![self.matcher()?]
        };
        self.level -= 1;
        Some(term)
    }

    fn matcher(&mut self) -> Option<Branch> {
        self.skip_space();
        let mut name = String::new();
        while let Some(c) = self.chars.next_if(char::is_ascii_alphanumeric) {
            name.push(c.to_ascii_lowercase());
        }
        let arguments = self.arguments()?;
        let mut branch = Branch::default();
        match name.as_str() {
            "" => return None,
            "host" => branch.hosts = arguments.iter().map(|host| host.to_ascii_lowercase()).collect(),
            "hostregexp" => branch.is_host_pattern = true,
            "path" => branch.paths.push(PathCondition::Exact(arguments)),
            "pathprefix" => branch.paths.push(PathCondition::Prefix(arguments)),
            "pathregexp" => branch.paths.push(PathCondition::Pattern(arguments)),
            _ => branch.is_narrowed = true,
        }
        Some(branch)
    }

    fn arguments(&mut self) -> Option<Vec<String>> {
        let mut arguments = Vec::new();
        if !self.take("(") {
            return None;
        }
        while !self.take(")") {
            self.skip_space();
            let quote = self.chars.next_if(|c| matches!(c, '`' | '"' | '\''))?;
            let mut text = String::new();
            loop {
                match self.chars.next()? {
                    c if c == quote => break,
                    '\\' if quote != '`' => text.push(self.chars.next()?),
                    c => text.push(c),
                }
            }
            arguments.push(text);
            self.take(",");
        }
        Some(arguments)
    }
}

fn combine(one: &Branch, other: &Branch) -> Branch {
    let hosts = match (one.hosts.is_empty(), other.hosts.is_empty()) {
        (true, _) => other.hosts.clone(),
        (_, true) => one.hosts.clone(),
        _ => one.hosts.iter().filter(|host| other.hosts.contains(host)).cloned().collect(),
    };
    Branch {
        hosts,
        is_host_pattern: one.is_host_pattern || other.is_host_pattern,
        paths: one.paths.iter().chain(&other.paths).cloned().collect(),
        is_narrowed: one.is_narrowed || other.is_narrowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(rule: &str, host: &str, path: &str) -> bool {
        parse(rule).unwrap_or_else(|| panic!("{rule}")).iter().any(|branch| branch.covers(host, path))
    }

    #[test]
    fn a_rule_covers_what_it_matches_whatever_else_the_request_has() {
        for (rule, is_covered) in [
            ("Host(`a.example`)", true),
            ("HOST(\"A.example\")", true),
            ("Host(`b.example`, `a.example`)", true),
            ("Host(`b.example`) || Host(`a.example`)", true),
            ("Host(`a.example`) && PathPrefix(`/.gatepost/`)", true),
            ("(Host(`a.example`) || Host(`b.example`)) && (Path(`/x`) || PathPrefix(`/.gate`))", true),
            ("PathPrefix(`/`)", true),
            ("Host(`a.example`) && PathRegexp(`^/\\.gatepost/`)", true),
            ("Host(`b.example`)", false),
            ("Host(`a.example`) && Path(`/.gatepost`)", false),
            ("Host(`a.example`) && PathPrefix(`/wiki`)", false),
            ("Host(`a.example`) && Method(`GET`)", false),
            ("Host(`a.example`) && !PathPrefix(`/api`)", false),
            ("HostRegexp(`.*`)", false),
        ] {
            assert_eq!(covers(rule, "a.example", "/.gatepost/enter"), is_covered, "{rule}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "([Hh]ost|Path|[(`\"'a&|!), \u{e9}])[^x]{0,60}") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn a_malformed_rule_is_refused() {
        let deep = "(".repeat(1000);
        for rule in ["", "Host(", "Host(`a`", "Host(a)", "Host(`a`) &&", "Host(`a`) Host(`b`)", "&&", &deep] {
            assert_eq!(parse(rule), None, "{rule}");
        }
    }
}
