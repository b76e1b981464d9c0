//! As much of an HTML reader as the pages need: strict about nesting, quoting and escaping, so that a template's slip
//! shows.

const VOID: [&str; 5] = ["meta", "link", "input", "br", "img"];
const RAW_TEXT: [&str; 1] = ["style"];

#[derive(Clone, Debug)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    /// The text within, that of inner elements included.
    pub text: String,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn heading_level(&self) -> Option<u32> {
        self.name.strip_prefix('h').and_then(|level| level.parse().ok())
    }
}

/// All elements, in the order of their start tags.
pub fn elements(html: &str) -> Result<Vec<Element>, String> {
    let mut rest = html.strip_prefix("<!doctype html>").ok_or("no doctype")?;
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    while !rest.is_empty() {
        let (text, tail) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        if text.contains('>') || !has_only_references(text) {
            return Err(format!("unescaped text {text:?}"));
        }
        for index in &open {
            elements[*index].text.push_str(text);
        }
        let Some(tag) = tail.strip_prefix('<') else { break };
        let (tag, tail) = tag.split_at(tag_end(tag).ok_or_else(|| format!("no end of <{tag:.40}"))?);
        rest = &tail[1..];
        if let Some(name) = tag.strip_prefix('/') {
            let index = open.pop().ok_or_else(|| format!("</{name}> closes nothing"))?;
            if elements[index].name != name {
                return Err(format!("</{name}> closes <{}>", elements[index].name));
            }
            continue;
        }
        let (element, is_closed) = element(tag)?;
        if RAW_TEXT.contains(&element.name.as_str()) {
            let end = rest.find("</").ok_or("raw text does not end")?;
            rest = &rest[end..];
        }
        if !is_closed && !VOID.contains(&element.name.as_str()) {
            open.push(elements.len());
        }
        elements.push(element);
    }
    if open.is_empty() { Ok(elements) } else { Err(format!("{} elements stay open", open.len())) }
}

/// Where the tag's `>` stands, which may also stand in a quoted value.
fn tag_end(tag: &str) -> Option<usize> {
    let mut is_quoted = false;
    tag.char_indices().find_map(|(index, character)| {
        is_quoted ^= character == '"';
        (character == '>' && !is_quoted).then_some(index)
    })
}

fn element(tag: &str) -> Result<(Element, bool), String> {
    let (tag, is_closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) || name.is_empty() {
        return Err(format!("no element: <{tag}>"));
    }
    let mut attributes: Vec<(String, String)> = Vec::new();
    while !rest.trim_start().is_empty() {
        let (name, tail) = rest
            .trim_start()
            .split_once("=\"")
            .ok_or_else(|| format!("attribute without a value in <{tag}>"))?;
        let (value, tail) = tail.split_once('"').ok_or_else(|| format!("open quote in <{tag}>"))?;
        let is_new = attributes.iter().all(|(other, _)| other != name);
        if !is_new
            || value.contains('<')
            || !has_only_references(value)
            || !name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
        {
            return Err(format!("attribute {name}={value:?} in <{tag}>"));
        }
        attributes.push((name.to_owned(), value.to_owned()));
        rest = tail;
    }
    Ok((Element { name: name.to_owned(), attributes, text: String::new() }, is_closed))
}

/// Every `&` begins a character reference.
fn has_only_references(text: &str) -> bool {
    text.split('&')
        .skip(1)
        .all(|after| after.split_once(';').is_some_and(|(name, _)| name.len() <= 8 && !name.is_empty()))
}

#[test]
fn the_reader_sees_slips() {
    assert!(elements("<!doctype html><p class=\"a\">x &#60; <b>y</b></p>").is_ok());
    for html in [
        "<p></p>",
        "<!doctype html><p>",
        "<!doctype html><p></b>",
        "<!doctype html><p>a & b</p>",
        "<!doctype html><p a=b></p>",
        "<!doctype html><p a=\"<\"></p>",
        "<!doctype html>a > b",
        "<!doctype html><p a=\"1\" a=\"2\"></p>",
    ] {
        assert!(elements(html).is_err(), "{html}");
    }
}
