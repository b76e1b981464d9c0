//! The head of an HTTP/1.1 answer, as far as the load must know it.

/// More headers than this no contestant sends.
const MAX_HEADERS: usize = 64;

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Status code.
    pub status: u16,
    /// `X-User-Email`.
    pub email: Option<&'a [u8]>,
    /// Bytes of head and body.
    pub length: usize,
}

/// What came is no answer that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl<'a> Answer<'a> {
    /// Reads one from the beginning of `bytes`; `None`: its end has not come yet.
    ///
    /// # Errors
    /// [`Unreadable`], also where the length is not stated: nobody who is measured answers so.
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
