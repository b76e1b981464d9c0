//! The one form that sends a file: `multipart/form-data` (RFC 7578), read strictly as browsers write it.

use super::body;
use super::fault::Fault;
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest};
use gatepost_runtime::parameters::ParameterError;
use serde::de;
use std::pin::Pin;

/// Bytes of a form: a logo of 64 KiB, and what stands around it.
const LIMIT: usize = 68 * 1024;
/// Fields of a form.
const MOST_FIELDS: usize = 4;

/// The fields of a form with a file.
pub(super) struct Upload(Vec<(String, Vec<u8>)>);

impl Upload {
    /// The bytes of a field. `None`: it is not there.
    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, bytes)| bytes.as_slice())
    }

    /// The text of a field. `None`: it is not there, or no text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.bytes(name).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
}

impl FromRequest for Upload {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let boundary = media_type.and_then(boundary).ok_or_else(malformed)?.to_owned();
            let body = body::read(&request, LIMIT).await?;
            fields(&body, &boundary).map(Self).ok_or_else(malformed)
        })
    }
}

fn malformed() -> Fault {
    <ParameterError as de::Error>::custom("the form is not one that a browser sends with a file").into()
}

/// The boundary in a media type (RFC 2046 section 5.1.1).
fn boundary(media_type: &str) -> Option<&str> {
    let (essence, parameter) = media_type.split_once(';')?;
    let boundary = parameter.trim().strip_prefix("boundary=")?.trim_matches('"');
    let is_possible = (1..=70).contains(&boundary.len())
        && boundary.bytes().all(|b| b.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&b));
    (essence.trim().eq_ignore_ascii_case("multipart/form-data") && is_possible).then_some(boundary)
}

/// The fields of a body, each once. `None`: it is not written as it has to be.
fn fields(body: &[u8], boundary: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(&delimiter.as_bytes()[2..])?;
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let head_end = find(part, b"\r\n\r\n")?;
        let name = field_name(std::str::from_utf8(&part[..head_end]).ok()?)?;
        let content = &part[head_end + 4..];
        let end = find(content, delimiter.as_bytes())?;
        if fields.len() == MOST_FIELDS || fields.iter().any(|(known, _)| *known == name) {
            return None;
        }
        fields.push((name, content[..end].to_vec()));
        rest = &content[end + delimiter.len()..];
    }
    matches!(rest, b"--" | b"--\r\n").then_some(fields)
}

/// `name` of `Content-Disposition: form-data`. What a browser says about a file's name and type is not read.
fn field_name(head: &str) -> Option<String> {
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition").then(|| value.trim())
    })?;
    let name = disposition.strip_prefix("form-data; name=\"")?.split('"').next()?;
    let is_plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
    is_plain.then(|| name.to_owned())
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "--x\r\nContent-Disposition: form-data; name=\"version\"\r\n\r\nv7\r\n--x\r\n\
        Content-Disposition: form-data; name=\"logo\"; filename=\"a.png\"\r\nContent-Type: image/svg+xml\r\n\r\n\u{0}\r\n--y\r\n\r\n--x--\r\n";

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        assert_eq!(
            boundary("multipart/form-data; boundary=----WebKitFormBoundary7MA4"),
            Some("----WebKitFormBoundary7MA4")
        );
        let upload = Upload(fields(BODY.as_bytes(), "x").expect("a form"));
        assert_eq!(
            (upload.text("version"), upload.bytes("logo")),
            (Some("v7"), Some(b"\0\r\n--y\r\n".as_slice()))
        );
        assert_eq!(upload.bytes("other"), None);
    }

    #[test]
    fn another_form_is_none() {
        for media_type in [
            "",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=a b",
            "text/plain; boundary=x",
        ] {
            assert_eq!(boundary(media_type), None, "{media_type}");
        }
        let twice = BODY.replace("\"logo\"", "\"version\"");
        let [open, nameless, late] =
            [&BODY[..BODY.len() - 6], &BODY.replace("name=\"version\"", "x"), &format!("y{BODY}")];
        for body in ["", "--x", "--x\r\n", &twice, open, nameless, late] {
            assert_eq!(fields(body.as_bytes(), "x"), None, "{body:?}");
        }
    }
}
