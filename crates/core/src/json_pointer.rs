//! Where something stands in JSON (RFC 6901).

/// The pointer of a member of the object at `parent`.
pub fn member(parent: &str, name: &str) -> String {
    format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
}
