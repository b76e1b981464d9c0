//! Parses the parts of an HTTP/1.1 answer that the load generator needs.

/// The largest number of headers in an answer.
const MAX_HEADERS: usize = 64;

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The value of `X-User-Email`.
    pub email: Option<&'a [u8]>,
    /// The number of bytes of head and body.
    pub length: usize,
}

/// The received bytes are not an answer that can be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl<'a> Answer<'a> {
    /// Parses an answer at the beginning of `bytes`; `None` if it is not complete yet.
    ///
    /// # Errors
    /// The answer is malformed, or has no `Content-Length`, which all measured servers send.
    pub fn read(bytes: &'a [u8]) -> Result<Option<Self>, Unreadable> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let head = match response.parse(bytes) {
            Ok(httparse::Status::Complete(head)) => head,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(Unreadable),
        };
        let find = |name: &str| {
            response
                .headers
                .iter()
                .find(|header| header.name.eq_ignore_ascii_case(name))
                .map(|header| header.value)
        };
        let length =
            find("content-length").and_then(|text| std::str::from_utf8(text).ok()?.parse::<usize>().ok());
        let length = head + length.ok_or(Unreadable)?;
        let answer = Self { status: response.code.ok_or(Unreadable)?, email: find("x-user-email"), length };
        Ok((bytes.len() >= length).then_some(answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_when_its_last_byte_has_come() {
        let bytes = b"HTTP/1.1 200 OK\r\nX-User-Email: a@b.c\r\ncontent-length: 2\r\n\r\nok";
        for end in 0..bytes.len() {
            assert_eq!(Answer::read(&bytes[..end]), Ok(None), "{end}");
        }
        let answer = Answer { status: 200, email: Some(b"a@b.c"), length: bytes.len() };
        assert_eq!(Answer::read(bytes), Ok(Some(answer)));
    }

    #[test]
    fn what_cannot_be_read_counts_as_no_answer() {
        for bytes in
            [&b"SSH-2.0-OpenSSH\r\n"[..], b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"]
        {
            assert_eq!(Answer::read(bytes), Err(Unreadable));
        }
    }
}
