use super::*;
use crate::access::Role;
use crate::ids::GroupName;
use crate::mcp::message::Message;
use crate::mcp::other_readers::Random;

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn usable(tools: &[&str]) -> Usable {
    Usable::new(&texts(tools), &texts(&["p*"]), &texts(&["file:///a/*", "file:///b"])).expect("patterns")
}

fn list(method: &str) -> &'static List {
    List::of(method).expect("a list")
}

fn id(id: &str) -> MessageId {
    let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"}}"#);
    Message::read(body.as_bytes()).expect("a message").id
}

fn tools(text: &str) -> Result<Filtered, NotAList> {
    filtered(text, list("tools/list"), &id("7"), &usable(&["get_*"]))
}

#[test]
fn only_these_methods_are_lists() {
    for method in ["tools/list", "prompts/list", "resources/list", "resources/templates/list"] {
        assert!(List::of(method).is_some(), "{method}");
    }
    for method in
        ["tools/call", "Tools/list", "tools/list ", "tools/lists", "initialize", "", "resources/read"]
    {
        assert!(List::of(method).is_none(), "{method}");
    }
}

#[test]
fn what_stays_is_as_it_was_sent() {
    let sent = concat!(
        r#"{ "jsonrpc":"2.0", "id":7, "result":{"_meta":{"a":1.0e2,"b":12345678901234567890123}, "tools":["#,
        r#"{"name":"get_b","inputSchema":{"maximum":1E400}, "x-unknown":[1.50]},{"name":"drop"},"#,
        r#"{"title":"A","name":"get_\u0061"}],"nextCursor":"c=","ttlMs":5000,"cacheScope":"public"},"extra":[]}"#
    );
    let wanted = concat!(
        r#"{"jsonrpc":"2.0","id":7,"result":{"_meta":{"a":1.0e2,"b":12345678901234567890123},"tools":["#,
        r#"{"name":"get_b","inputSchema":{"maximum":1E400}, "x-unknown":[1.50]},"#,
        r#"{"title":"A","name":"get_\u0061"}],"nextCursor":"c=","ttlMs":5000,"cacheScope":"private"},"extra":[]}"#
    );
    assert_eq!(tools(sent), Ok(Filtered::List(wanted.to_owned())));
}

#[test]
fn a_list_is_private_and_kept_for_a_minute_at_most() {
    for (sent, ttl) in [
        ("", 0),
        (r#","ttlMs":60000"#, 60_000),
        (r#","ttlMs":60001"#, 60_000),
        (r#","ttlMs":18446744073709551615"#, 60_000),
        (r#","ttlMs":99999999999999999999"#, 0),
        (r#","ttlMs":-1"#, 0),
        (r#","ttlMs":1e9"#, 0),
        (r#","ttlMs":"300000""#, 0),
        (r#","ttlMs":null"#, 0),
    ] {
        let text = format!(r#"{{"id":7,"result":{{"tools":[]{sent}}}}}"#);
        let wanted = format!(r#"{{"id":7,"result":{{"tools":[],"ttlMs":{ttl},"cacheScope":"private"}}}}"#);
        assert_eq!(tools(&text), Ok(Filtered::List(wanted)), "{sent}");
    }
}

#[test]
fn an_error_of_the_server_passes() {
    for text in [
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"bad cursor"}}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"x"}}"#,
    ] {
        assert_eq!(tools(text), Ok(Filtered::Error(text.to_owned())));
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    for text in [
        "",
        "[]",
        "null",
        "not JSON",
        "\u{feff}{\"id\":7,\"result\":{\"tools\":[]}}",
        r#"{"id":7,"result":{"tools":[]}} {}"#,
        r#"[{"id":7,"result":{"tools":[]}}]"#,
        r#"{"id":7}"#,
        r#"{"id":7,"result":{"tools":[]},"error":{}}"#,
        r#"{"id":7,"result":{"tools":[]},"method":"x"}"#,
        r#"{"id":7,"result":{"tools":[]},"result":{"tools":[]}}"#,
        r#"{"id":7,"result":{"tools":[]},"Result":{"tools":[]}}"#,
        r#"{"id":8,"result":{"tools":[]}}"#,
        r#"{"id":"7","result":{"tools":[]}}"#,
        r#"{"result":{"tools":[]}}"#,
        r#"{"id":null,"result":{"tools":[]}}"#,
        r#"{"id":8,"error":{}}"#,
        r#"{"id":7,"error":"x"}"#,
        r#"{"id":7,"result":[]}"#,
        r#"{"id":7,"result":{}}"#,
        r#"{"id":7,"result":{"tools":{}}}"#,
        r#"{"id":7,"result":{"tools":null}}"#,
        r#"{"id":7,"result":{"prompts":[]}}"#,
        r#"{"id":7,"result":{"tools":[],"tools":[{"name":"drop"}]}}"#,
        r#"{"id":7,"result":{"tools":[],"to\u006fls":[{"name":"drop"}]}}"#,
        r#"{"id":7,"result":{"tools":[],"Tools":[{"name":"drop"}]}}"#,
        r#"{"id":7,"result":{"tools":[],"tool\u017f":[{"name":"drop"}]}}"#,
        r#"{"id":7,"result":{"tools":[],"__proto__":{"tools":[]}}}"#,
        r#"{"id":7,"result":{"tools":[],"cachescope":"public"}}"#,
        r#"{"id":7,"result":{"tools":["get_a"]}}"#,
        r#"{"id":7,"result":{"tools":[{}]}}"#,
        r#"{"id":7,"result":{"tools":[{"title":"get_a"}]}}"#,
        r#"{"id":7,"result":{"tools":[{"name":7}]}}"#,
        r#"{"id":7,"result":{"tools":[{"name":"\ud800"}]}}"#,
        r#"{"id":7,"result":{"tools":[{"name":"get_a","name":"drop"}]}}"#,
        r#"{"id":7,"result":{"tools":[{"name":"get_a","Name":"drop"}]}}"#,
        r#"{"id":7,"result":{"tools":[{"name":"get_a"},null]}}"#,
    ] {
        assert!(tools(text).is_err(), "{text}");
    }
}

#[test]
fn each_list_has_its_member_and_its_rules() {
    let of = |method: &str, text: &str| filtered(text, list(method), &id("\"a\""), &usable(&[]));
    let ends = r#","ttlMs":0,"cacheScope":"private"}}"#;
    let answer = |member: &str, entries: &str| format!(r#"{{"id":"a","result":{{"{member}":[{entries}]"#);
    for (method, member, sent, kept) in [
        ("tools/list", "tools", r#"{"name":"get_a"}"#, ""),
        ("prompts/list", "prompts", r#"{"name":"p1"},{"name":"q1"}"#, r#"{"name":"p1"}"#),
        (
            "resources/list",
            "resources",
            r#"{"uri":"file:///a/b","name":"q"},{"uri":"file:///a","name":"p"},{"uri":"file:///b"}"#,
            r#"{"uri":"file:///a/b","name":"q"},{"uri":"file:///b"}"#,
        ),
        (
            "resources/templates/list",
            "resourceTemplates",
            r#"{"uriTemplate":"file:///{path}"},{"uriTemplate":"file:///a/x/{y}"},{"uriTemplate":"file:///c/{y}"},{"uriTemplate":"file:///c"}"#,
            r#"{"uriTemplate":"file:///{path}"},{"uriTemplate":"file:///a/x/{y}"}"#,
        ),
    ] {
        let found = of(method, &format!("{}}}}}", answer(member, sent)));
        assert_eq!(found, Ok(Filtered::List(answer(member, kept) + ends)), "{method}");
    }
}

#[test]
fn the_names_of_a_list_are_read_as_filtering_reads_them() {
    let page = |names: &[&str], next: Option<&str>| {
        Ok(Some(Page { names: texts(names), next: next.map(str::to_owned) }))
    };
    let read = |text: &str| names(text, List::of_kind(Kind::Tool), &id("7"));
    let entries = r#""tools":[{"name":"get_\u0061"},{"name":"drop","x":1}]"#;
    for (rest, next) in [("", None), (r#","nextCursor":null"#, None), (r#","nextCursor":"c=""#, Some("c="))] {
        let text = format!(r#"{{"id":7,"result":{{{entries}{rest}}}}}"#);
        assert_eq!(read(&text), page(&["get_a", "drop"], next), "{text}");
    }
    assert_eq!(read(r#"{"id":7,"error":{"code":-32601,"message":"none"}}"#), Ok(None));
    for text in [
        r#"{"id":8,"result":{"tools":[]}}"#,
        r#"{"id":7,"result":{"prompts":[]}}"#,
        r#"{"id":7,"result":{"tools":[{"title":"a"}]}}"#,
        r#"{"id":7,"result":{"tools":[],"nextCursor":7}}"#,
        r#"{"id":7,"result":{"tools":[],"nextcursor":"c"}}"#,
        r#"{"id":7,"result":{"tools":[{"name":"a","Name":"b"}]}}"#,
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    let resources = r#"{"id":7,"result":{"resources":[{"uri":"file:///a","name":"n"}]}}"#;
    assert_eq!(names(resources, List::of_kind(Kind::Resource), &id("7")), page(&["file:///a"], None));
    for kind in Kind::ALL {
        let list = List::of_kind(kind);
        assert_eq!((list.kind, List::of(list.method())), (kind, Some(list)));
    }
}

#[test]
fn patterns_that_are_none_are_refused() {
    assert!(Usable::new(&texts(&["a*b"]), &[], &[]).is_err());
    assert!(Usable::new(&[], &texts(&[""]), &[]).is_err());
}

/// A list shows what a call may use: the gate tells the filter patterns, and judges calls by the rules themselves.
#[test]
fn a_list_is_what_calls_allow() {
    let mut random = Random::new(11);
    let word = |random: &mut Random, most: usize| -> String {
        (0..=random.below(most)).map(|_| ['a', '!', 'c'][random.below(3)]).collect()
    };
    let pattern = |random: &mut Random| -> ToolPattern {
        let text = match random.below(5) {
            0 => "*".to_owned(),
            1 | 2 => word(random, 3) + "*",
            _ => word(random, 3),
        };
        text.parse().expect("a pattern")
    };
    let group = |name: &str| -> GroupName { name.parse().expect("a name") };
    let holders = [
        Holder::Everyone,
        Holder::Group(group("A")),
        Holder::Group(group("B")),
        Holder::Role(Role::Admin),
        Holder::Key("k".to_owned()),
        Holder::Nobody,
    ];
    for round in 0..600 {
        let rules: Vec<Rule> = (0..random.below(9))
            .map(|_| Rule {
                holder: holders[random.below(holders.len())].clone(),
                kind: Kind::ALL[random.below(3)],
                pattern: pattern(&mut random),
            })
            .collect();
        let rules = RuleSet::new(rules);
        let access = Access { groups: vec![group("A")], is_admin: round % 17 == 0, ..Access::default() };
        let tools: Vec<ToolPattern> = (0..random.below(3)).map(|_| pattern(&mut random)).collect();
        let user = User {
            access: &access,
            role: [None, Some(Role::Member), Some(Role::Admin)][random.below(3)],
            key: [None, Some("k")][random.below(2)],
            tools: &tools,
            needs_rule: random.below(4) == 0,
        };
        let patterns = Kind::ALL.map(|kind| rules.patterns(kind, &user));
        let of = |kind: Kind| &patterns[kind as usize][..];
        let usable = Usable::new(of(Kind::Tool), of(Kind::Prompt), of(Kind::Resource)).expect("patterns");
        for method in ["tools/list", "prompts/list", "resources/list"] {
            let list = list(method);
            let names: Vec<String> = (0..12).map(|_| word(&mut random, 5)).collect();
            let entry = |name: &String| format!(r#"{{"{}":"{name}"}}"#, list.name);
            let text = |names: Vec<&String>| names.into_iter().map(entry).collect::<Vec<_>>().join(",");
            let answer = |names| format!(r#"{{"id":7,"result":{{"{}":[{}]"#, list.member, text(names));
            let found = filtered(&(answer(names.iter().collect()) + "}}"), list, &id("7"), &usable);
            let allowed = names.iter().filter(|name| rules.allows(list.kind, name, &user)).collect();
            let wanted = answer(allowed) + r#","ttlMs":0,"cacheScope":"private"}}"#;
            assert_eq!(found, Ok(Filtered::List(wanted)), "{rules:?} {user:?}");
        }
    }
}
